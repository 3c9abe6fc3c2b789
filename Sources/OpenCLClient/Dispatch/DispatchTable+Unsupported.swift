import COpenCL

/// What a slot that is not implemented returns.
private let unsupported = CL_INVALID_OPERATION

/// What a slot that is not implemented and makes an object does.
private func refuse(_ code: UnsafeMutablePointer<cl_int>?) -> OpaquePointer? {
    code?.pointee = unsupported
    return nil
}

private func refuse(_ code: UnsafeMutablePointer<cl_int>?) -> UnsafeMutableRawPointer? {
    code?.pointee = unsupported
    return nil
}

extension DispatchTable {
    /// Pipes.
    static func refusePipes(_ table: inout cl_icd_dispatch) {
        table.clCreatePipe = { _, _, _, _, _, code in refuse(code) }
        // Whatever it is, it is no pipe.
        table.clGetPipeInfo = { _, _, _, _, _ in CL_INVALID_MEM_OBJECT }
    }

    /// What OpenCL 2 and later know of programs and kernels, and kernels of the host.
    static func refusePrograms(_ table: inout cl_icd_dispatch) {
        table.clUnloadCompiler = { CL_SUCCESS }
        table.clEnqueueNativeKernel = { _, _, _, _, _, _, _, _, _, _ in unsupported }
        table.clUnloadPlatformCompiler = unloadPlatformCompiler
        table.clSetKernelExecInfo = { _, _, _, _ in unsupported }
        table.clGetKernelSubGroupInfoKHR = { _, _, _, _, _, _, _, _ in unsupported }
        table.clCreateProgramWithIL = { _, _, _, code in refuse(code) }
        table.clGetKernelSubGroupInfo = { _, _, _, _, _, _, _, _ in unsupported }
        table.clSetProgramSpecializationConstant = { _, _, _, _ in unsupported }
    }

    /// Parts of devices by an extension, timers, and what OpenCL took back.
    static func refuseCommands(_ table: inout cl_icd_dispatch) {
        table.clSetCommandQueueProperty = { _, _, _, _ in unsupported }
        table.clCreateSubDevicesEXT = { _, _, _, _, _ in unsupported }
        table.clGetDeviceAndHostTimer = { _, _, _ in unsupported }
        table.clGetHostTimer = { _, _ in unsupported }
        table.clSetDefaultDeviceCommandQueue = { _, _, _ in unsupported }
    }

    /// Shared virtual memory.
    static func refuseSharedMemory(_ table: inout cl_icd_dispatch) {
        table.clSVMAlloc = { _, _, _, _ in nil }
        table.clSVMFree = { _, _ in }
        table.clEnqueueSVMFree = { _, _, _, _, _, _, _, _ in unsupported }
        table.clEnqueueSVMMemcpy = { _, _, _, _, _, _, _, _ in unsupported }
        table.clEnqueueSVMMemFill = { _, _, _, _, _, _, _, _ in unsupported }
        table.clEnqueueSVMMap = { _, _, _, _, _, _, _, _ in unsupported }
        table.clEnqueueSVMUnmap = { _, _, _, _, _ in unsupported }
        table.clSetKernelArgSVMPointer = { _, _, _ in unsupported }
        table.clEnqueueSVMMigrateMem = { _, _, _, _, _, _, _, _ in unsupported }
    }

    /// Objects shared with OpenGL and EGL.
    static func refuseGraphics(_ table: inout cl_icd_dispatch) {
        table.clCreateFromGLBuffer = { _, _, _, code in refuse(code) }
        table.clCreateFromGLTexture2D = { _, _, _, _, _, code in refuse(code) }
        table.clCreateFromGLTexture3D = { _, _, _, _, _, code in refuse(code) }
        table.clCreateFromGLRenderbuffer = { _, _, _, code in refuse(code) }
        table.clGetGLObjectInfo = { _, _, _ in unsupported }
        table.clGetGLTextureInfo = { _, _, _, _, _ in unsupported }
        table.clEnqueueAcquireGLObjects = { _, _, _, _, _, _ in unsupported }
        table.clEnqueueReleaseGLObjects = { _, _, _, _, _, _ in unsupported }
        table.clGetGLContextInfoKHR = { _, _, _, _, _ in unsupported }
        table.clCreateEventFromGLsyncKHR = { _, _, code in refuse(code) }
        table.clCreateFromGLTexture = { _, _, _, _, _, code in refuse(code) }
        table.clCreateFromEGLImageKHR = { _, _, _, _, _, code in refuse(code) }
        table.clEnqueueAcquireEGLObjectsKHR = { _, _, _, _, _, _ in unsupported }
        table.clEnqueueReleaseEGLObjectsKHR = { _, _, _, _, _, _ in unsupported }
        table.clCreateEventFromEGLSyncKHR = { _, _, _, code in refuse(code) }
    }

    /// Objects shared with Direct3D, whose slots have no type outside Windows.
    static func refuseWindows(_ table: inout cl_icd_dispatch) {
        let refusal: @convention(c) () -> cl_int = { unsupported }
        let address = unsafeBitCast(refusal, to: UnsafeMutableRawPointer.self)
        table.clGetDeviceIDsFromD3D10KHR = address
        table.clCreateFromD3D10BufferKHR = address
        table.clCreateFromD3D10Texture2DKHR = address
        table.clCreateFromD3D10Texture3DKHR = address
        table.clEnqueueAcquireD3D10ObjectsKHR = address
        table.clEnqueueReleaseD3D10ObjectsKHR = address
        table.clGetDeviceIDsFromD3D11KHR = address
        table.clCreateFromD3D11BufferKHR = address
        table.clCreateFromD3D11Texture2DKHR = address
        table.clCreateFromD3D11Texture3DKHR = address
        table.clCreateFromDX9MediaSurfaceKHR = address
        table.clEnqueueAcquireD3D11ObjectsKHR = address
        table.clEnqueueReleaseD3D11ObjectsKHR = address
        table.clGetDeviceIDsFromDX9MediaAdapterKHR = address
        table.clEnqueueAcquireDX9MediaSurfacesKHR = address
        table.clEnqueueReleaseDX9MediaSurfacesKHR = address
    }
}
