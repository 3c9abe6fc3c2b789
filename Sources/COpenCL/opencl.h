// The Khronos headers, for their types and the ICD dispatch table. Nothing is linked: the library is opened at run time.
#define CL_TARGET_OPENCL_VERSION 300
#include <CL/cl.h>
#include <CL/cl_ext.h>
#include <CL/cl_icd.h>
