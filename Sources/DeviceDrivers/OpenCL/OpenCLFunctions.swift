package import COpenCL
import Glibc

/// The functions of an OpenCL library that Presync calls, each under its own name without the `cl`.
package struct OpenCLFunctions: Sendable {
    package let getPlatformIDs: cl_api_clGetPlatformIDs
    package let getPlatformInfo: cl_api_clGetPlatformInfo
    package let getDeviceIDs: cl_api_clGetDeviceIDs
    package let getDeviceInfo: cl_api_clGetDeviceInfo
    package let createContext: cl_api_clCreateContext
    package let createCommandQueue: cl_api_clCreateCommandQueue
    package let createBuffer: cl_api_clCreateBuffer
    package let createSubBuffer: cl_api_clCreateSubBuffer
    package let getMemObjectInfo: cl_api_clGetMemObjectInfo
    package let releaseMemObject: cl_api_clReleaseMemObject
    package let createProgramWithSource: cl_api_clCreateProgramWithSource
    package let createProgramWithBinary: cl_api_clCreateProgramWithBinary
    package let buildProgram: cl_api_clBuildProgram
    package let compileProgram: cl_api_clCompileProgram
    package let linkProgram: cl_api_clLinkProgram
    package let getProgramInfo: cl_api_clGetProgramInfo
    package let getProgramBuildInfo: cl_api_clGetProgramBuildInfo
    package let releaseProgram: cl_api_clReleaseProgram
    package let createKernel: cl_api_clCreateKernel
    package let getKernelInfo: cl_api_clGetKernelInfo
    package let getKernelArgInfo: cl_api_clGetKernelArgInfo
    package let getKernelWorkGroupInfo: cl_api_clGetKernelWorkGroupInfo
    package let setKernelArg: cl_api_clSetKernelArg
    package let releaseKernel: cl_api_clReleaseKernel
    package let enqueueReadBuffer: cl_api_clEnqueueReadBuffer
    package let enqueueReadBufferRect: cl_api_clEnqueueReadBufferRect
    package let enqueueWriteBuffer: cl_api_clEnqueueWriteBuffer
    package let enqueueWriteBufferRect: cl_api_clEnqueueWriteBufferRect
    package let enqueueCopyBuffer: cl_api_clEnqueueCopyBuffer
    package let enqueueCopyBufferRect: cl_api_clEnqueueCopyBufferRect
    package let createImage: cl_api_clCreateImage
    package let getSupportedImageFormats: cl_api_clGetSupportedImageFormats
    package let enqueueReadImage: cl_api_clEnqueueReadImage
    package let enqueueWriteImage: cl_api_clEnqueueWriteImage
    package let enqueueCopyImage: cl_api_clEnqueueCopyImage
    package let enqueueCopyImageToBuffer: cl_api_clEnqueueCopyImageToBuffer
    package let enqueueCopyBufferToImage: cl_api_clEnqueueCopyBufferToImage
    package let enqueueFillImage: cl_api_clEnqueueFillImage
    package let createSampler: cl_api_clCreateSampler
    package let releaseSampler: cl_api_clReleaseSampler
    package let enqueueFillBuffer: cl_api_clEnqueueFillBuffer
    package let enqueueNDRangeKernel: cl_api_clEnqueueNDRangeKernel
    package let flush: cl_api_clFlush
    package let enqueueMarkerWithWaitList: cl_api_clEnqueueMarkerWithWaitList
    package let finish: cl_api_clFinish
    package let waitForEvents: cl_api_clWaitForEvents
    package let getEventInfo: cl_api_clGetEventInfo
    package let getEventProfilingInfo: cl_api_clGetEventProfilingInfo
    package let releaseEvent: cl_api_clReleaseEvent

    /// Looks every function up in an open library; throws for the first that it lacks.
    init(in library: borrowing DynamicLibrary) throws(DeviceDriverError) {
        getPlatformIDs = try library.function("clGetPlatformIDs")
        getPlatformInfo = try library.function("clGetPlatformInfo")
        getDeviceIDs = try library.function("clGetDeviceIDs")
        getDeviceInfo = try library.function("clGetDeviceInfo")
        createContext = try library.function("clCreateContext")
        createCommandQueue = try library.function("clCreateCommandQueue")
        createBuffer = try library.function("clCreateBuffer")
        createSubBuffer = try library.function("clCreateSubBuffer")
        getMemObjectInfo = try library.function("clGetMemObjectInfo")
        releaseMemObject = try library.function("clReleaseMemObject")
        createProgramWithSource = try library.function("clCreateProgramWithSource")
        createProgramWithBinary = try library.function("clCreateProgramWithBinary")
        buildProgram = try library.function("clBuildProgram")
        compileProgram = try library.function("clCompileProgram")
        linkProgram = try library.function("clLinkProgram")
        getProgramInfo = try library.function("clGetProgramInfo")
        getProgramBuildInfo = try library.function("clGetProgramBuildInfo")
        releaseProgram = try library.function("clReleaseProgram")
        createKernel = try library.function("clCreateKernel")
        getKernelInfo = try library.function("clGetKernelInfo")
        getKernelArgInfo = try library.function("clGetKernelArgInfo")
        getKernelWorkGroupInfo = try library.function("clGetKernelWorkGroupInfo")
        setKernelArg = try library.function("clSetKernelArg")
        releaseKernel = try library.function("clReleaseKernel")
        enqueueReadBuffer = try library.function("clEnqueueReadBuffer")
        enqueueReadBufferRect = try library.function("clEnqueueReadBufferRect")
        enqueueWriteBuffer = try library.function("clEnqueueWriteBuffer")
        enqueueWriteBufferRect = try library.function("clEnqueueWriteBufferRect")
        enqueueCopyBuffer = try library.function("clEnqueueCopyBuffer")
        enqueueCopyBufferRect = try library.function("clEnqueueCopyBufferRect")
        createImage = try library.function("clCreateImage")
        getSupportedImageFormats = try library.function("clGetSupportedImageFormats")
        enqueueReadImage = try library.function("clEnqueueReadImage")
        enqueueWriteImage = try library.function("clEnqueueWriteImage")
        enqueueCopyImage = try library.function("clEnqueueCopyImage")
        enqueueCopyImageToBuffer = try library.function("clEnqueueCopyImageToBuffer")
        enqueueCopyBufferToImage = try library.function("clEnqueueCopyBufferToImage")
        enqueueFillImage = try library.function("clEnqueueFillImage")
        createSampler = try library.function("clCreateSampler")
        releaseSampler = try library.function("clReleaseSampler")
        enqueueFillBuffer = try library.function("clEnqueueFillBuffer")
        enqueueNDRangeKernel = try library.function("clEnqueueNDRangeKernel")
        flush = try library.function("clFlush")
        enqueueMarkerWithWaitList = try library.function("clEnqueueMarkerWithWaitList")
        finish = try library.function("clFinish")
        waitForEvents = try library.function("clWaitForEvents")
        getEventInfo = try library.function("clGetEventInfo")
        getEventProfilingInfo = try library.function("clGetEventProfilingInfo")
        releaseEvent = try library.function("clReleaseEvent")
    }
}

/// A shared library opened at run time. It stays open for the life of the process: drivers start threads that
/// outlive any owner.
struct DynamicLibrary: ~Copyable {
    private let path: String
    private let handle: UnsafeMutableRawPointer

    init(path: String) throws(DeviceDriverError) {
        guard let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
            let cause = dlerror().map { String(cString: $0) } ?? "no cause given"
            throw DeviceDriverError(.libraryUnavailable, "cannot open \(path): \(cause)")
        }
        self.path = path
        self.handle = handle
    }

    /// The function called `name`; `Function` is a C function type, and the caller vouches for its signature.
    func function<Function>(_ name: String) throws(DeviceDriverError) -> Function {
        guard let address = dlsym(handle, name) else {
            throw DeviceDriverError(.libraryUnavailable, "\(path) has no function \(name)")
        }
        return unsafeBitCast(address, to: Function.self)
    }
}
