import COpenCL
import Glibc

/// The functions of OpenCL that the sample calls, as any program gets them: from `libOpenCL.so.1`, the ICD loader.
struct OpenCLProgramInterface {
    let getPlatformIDs: cl_api_clGetPlatformIDs
    let getDeviceIDs: cl_api_clGetDeviceIDs
    let getDeviceInfo: cl_api_clGetDeviceInfo
    let createContext: cl_api_clCreateContext
    let releaseContext: cl_api_clReleaseContext
    let createCommandQueue: cl_api_clCreateCommandQueueWithProperties
    let releaseCommandQueue: cl_api_clReleaseCommandQueue
    let createBuffer: cl_api_clCreateBuffer
    let releaseMemObject: cl_api_clReleaseMemObject
    let createProgramWithSource: cl_api_clCreateProgramWithSource
    let buildProgram: cl_api_clBuildProgram
    let getProgramBuildInfo: cl_api_clGetProgramBuildInfo
    let releaseProgram: cl_api_clReleaseProgram
    let createKernel: cl_api_clCreateKernel
    let releaseKernel: cl_api_clReleaseKernel
    let setKernelArg: cl_api_clSetKernelArg
    let enqueueNDRangeKernel: cl_api_clEnqueueNDRangeKernel
    let enqueueWriteBuffer: cl_api_clEnqueueWriteBuffer
    let enqueueReadBuffer: cl_api_clEnqueueReadBuffer
    let finish: cl_api_clFinish
    let getExtensionFunction: cl_api_clGetExtensionFunctionAddressForPlatform

    static let libraryName = "libOpenCL.so.1"

    /// Opens the library. It stays open as long as the program runs.
    init() throws(OpenCLFailure) {
        guard let library = dlopen(Self.libraryName, RTLD_NOW | RTLD_LOCAL) else {
            throw OpenCLFailure("dlopen", "\(Self.libraryName) is not to be had: install ocl-icd-libopencl1")
        }
        getPlatformIDs = try Self.symbol("clGetPlatformIDs", library)
        getDeviceIDs = try Self.symbol("clGetDeviceIDs", library)
        getDeviceInfo = try Self.symbol("clGetDeviceInfo", library)
        createContext = try Self.symbol("clCreateContext", library)
        releaseContext = try Self.symbol("clReleaseContext", library)
        createCommandQueue = try Self.symbol("clCreateCommandQueueWithProperties", library)
        releaseCommandQueue = try Self.symbol("clReleaseCommandQueue", library)
        createBuffer = try Self.symbol("clCreateBuffer", library)
        releaseMemObject = try Self.symbol("clReleaseMemObject", library)
        createProgramWithSource = try Self.symbol("clCreateProgramWithSource", library)
        buildProgram = try Self.symbol("clBuildProgram", library)
        getProgramBuildInfo = try Self.symbol("clGetProgramBuildInfo", library)
        releaseProgram = try Self.symbol("clReleaseProgram", library)
        createKernel = try Self.symbol("clCreateKernel", library)
        releaseKernel = try Self.symbol("clReleaseKernel", library)
        setKernelArg = try Self.symbol("clSetKernelArg", library)
        enqueueNDRangeKernel = try Self.symbol("clEnqueueNDRangeKernel", library)
        enqueueWriteBuffer = try Self.symbol("clEnqueueWriteBuffer", library)
        enqueueReadBuffer = try Self.symbol("clEnqueueReadBuffer", library)
        finish = try Self.symbol("clFinish", library)
        getExtensionFunction = try Self.symbol("clGetExtensionFunctionAddressForPlatform", library)
    }

    /// `Function` is the C function type of `name`, as the OpenCL headers declare it.
    private static func symbol<Function>(
        _ name: String, _ library: UnsafeMutableRawPointer
    ) throws(OpenCLFailure) -> Function {
        guard let address = dlsym(library, name) else {
            throw OpenCLFailure("dlsym", "\(libraryName) has no \(name): it is older than OpenCL 2.0")
        }
        return unsafeBitCast(address, to: Function.self)
    }
}

/// An OpenCL call that did not succeed.
struct OpenCLFailure: Error, Hashable, CustomStringConvertible {
    var call: String
    var reason: String

    init(_ call: String, _ reason: String) {
        self.call = call
        self.reason = reason
    }

    var description: String { "\(call): \(reason)" }

    /// Throws unless `status` is `CL_SUCCESS`.
    static func check(_ status: cl_int, _ call: String) throws(OpenCLFailure) {
        guard status == CL_SUCCESS else { throw OpenCLFailure(call, name(of: status)) }
    }

    /// The error's name where it is one that a program commonly meets, and its number.
    private static func name(of status: cl_int) -> String {
        let names: [cl_int: String] = [
            -1: "CL_DEVICE_NOT_FOUND", -2: "CL_DEVICE_NOT_AVAILABLE", -4: "CL_MEM_OBJECT_ALLOCATION_FAILURE",
            -5: "CL_OUT_OF_RESOURCES", -6: "CL_OUT_OF_HOST_MEMORY", -11: "CL_BUILD_PROGRAM_FAILURE",
            -30: "CL_INVALID_VALUE", -61: "CL_INVALID_BUFFER_SIZE", -1001: "CL_PLATFORM_NOT_FOUND_KHR",
        ]
        return names[status].map { "\($0) (\(status))" } ?? "error \(status)"
    }
}
