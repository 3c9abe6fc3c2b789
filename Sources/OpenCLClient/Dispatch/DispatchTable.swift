import COpenCL

/// The table that every handle's first word points to. The ICD loader calls through it without a look at what is in
/// a slot, so each has a function of its own type: what is not implemented refuses.
///
/// Sendable without a lock: it is filled before it is shared, and never changes.
struct DispatchTable: @unchecked Sendable {
    static let shared = DispatchTable()

    let address: UnsafeMutableRawPointer

    private init() {
        let table = UnsafeMutablePointer<cl_icd_dispatch>.allocate(capacity: 1)
        table.initialize(to: cl_icd_dispatch())
        Self.fillObjects(&table.pointee)
        Self.fillPrograms(&table.pointee)
        Self.fillCommands(&table.pointee)
        Self.fillImages(&table.pointee)
        Self.refusePipes(&table.pointee)
        Self.refusePrograms(&table.pointee)
        Self.refuseCommands(&table.pointee)
        Self.refuseSharedMemory(&table.pointee)
        Self.refuseGraphics(&table.pointee)
        Self.refuseWindows(&table.pointee)
        address = UnsafeMutableRawPointer(table)
    }

    private static func fillObjects(_ table: inout cl_icd_dispatch) {
        table.clGetPlatformIDs = getPlatformIDs
        table.clGetPlatformInfo = getPlatformInfo
        table.clGetDeviceIDs = getDeviceIDs
        table.clGetDeviceInfo = getDeviceInfo
        table.clCreateContext = createContext
        table.clCreateContextFromType = createContextFromType
        table.clRetainContext = retainContext
        table.clReleaseContext = releaseContext
        table.clGetContextInfo = getContextInfo
        table.clCreateCommandQueue = createCommandQueue
        table.clRetainCommandQueue = retainCommandQueue
        table.clReleaseCommandQueue = releaseCommandQueue
        table.clGetCommandQueueInfo = getCommandQueueInfo
        table.clCreateBuffer = createBuffer
        table.clRetainMemObject = retainMemObject
        table.clReleaseMemObject = releaseMemObject
        table.clGetMemObjectInfo = getMemObjectInfo
        table.clCreateProgramWithSource = createProgramWithSource
        table.clRetainProgram = retainProgram
        table.clReleaseProgram = releaseProgram
        table.clBuildProgram = buildProgram
        table.clGetProgramInfo = getProgramInfo
        table.clGetProgramBuildInfo = getProgramBuildInfo
        table.clCreateKernel = createKernel
        table.clCreateKernelsInProgram = createKernelsInProgram
        table.clRetainKernel = retainKernel
        table.clReleaseKernel = releaseKernel
        table.clSetKernelArg = setKernelArgument
        table.clGetKernelInfo = getKernelInfo
        table.clGetKernelWorkGroupInfo = getKernelWorkGroupInfo
        table.clGetExtensionFunctionAddress = extensionFunctionAddress
        table.clGetExtensionFunctionAddressForPlatform = { _, name in extensionFunctionAddress(name) }
        table.clRetainDeviceEXT = keepDevice
        table.clReleaseDeviceEXT = keepDevice
        table.clRetainDevice = keepDevice
        table.clReleaseDevice = keepDevice
        table.clGetKernelArgInfo = getKernelArgumentInfo
        table.clCreateCommandQueueWithProperties = createCommandQueueWithProperties
        table.clCreateBufferWithProperties = createBufferWithProperties
        table.clCreateSubBuffer = createSubBuffer
        table.clCreateSubDevices = createSubDevices
        table.clSetContextDestructorCallback = setContextDestructorCallback
        table.clSetMemObjectDestructorCallback = setMemObjectDestructorCallback
    }

    private static func fillPrograms(_ table: inout cl_icd_dispatch) {
        table.clCreateProgramWithBinary = createProgramWithBinary
        table.clCreateProgramWithBuiltInKernels = createProgramWithBuiltInKernels
        table.clCompileProgram = compileProgram
        table.clLinkProgram = linkProgram
        table.clCloneKernel = cloneKernel
        table.clSetProgramReleaseCallback = setProgramReleaseCallback
    }

    private static func fillImages(_ table: inout cl_icd_dispatch) {
        table.clCreateImage = createImage
        table.clCreateImage2D = createImage2D
        table.clCreateImage3D = createImage3D
        table.clGetImageInfo = getImageInfo
        table.clGetSupportedImageFormats = getSupportedImageFormats
        table.clCreateImageWithProperties = createImageWithProperties
        table.clCreateSampler = createSampler
        table.clCreateSamplerWithProperties = createSamplerWithProperties
        table.clRetainSampler = retainSampler
        table.clReleaseSampler = releaseSampler
        table.clGetSamplerInfo = getSamplerInfo
        table.clEnqueueReadImage = enqueueReadImage
        table.clEnqueueWriteImage = enqueueWriteImage
        table.clEnqueueCopyImage = enqueueCopyImage
        table.clEnqueueCopyImageToBuffer = enqueueCopyImageToBuffer
        table.clEnqueueCopyBufferToImage = enqueueCopyBufferToImage
        table.clEnqueueFillImage = enqueueFillImage
        table.clEnqueueMapImage = enqueueMapImage
    }

    private static func fillCommands(_ table: inout cl_icd_dispatch) {
        table.clWaitForEvents = waitForEvents
        table.clGetEventInfo = getEventInfo
        table.clRetainEvent = retainEvent
        table.clReleaseEvent = releaseEvent
        table.clGetEventProfilingInfo = getEventProfilingInfo
        table.clFlush = flushQueue
        table.clFinish = finishQueue
        table.clEnqueueReadBuffer = enqueueReadBuffer
        table.clEnqueueWriteBuffer = enqueueWriteBuffer
        table.clEnqueueCopyBuffer = enqueueCopyBuffer
        table.clEnqueueNDRangeKernel = enqueueNDRangeKernel
        table.clEnqueueTask = enqueueTask
        table.clEnqueueMarker = enqueueMarker
        table.clEnqueueWaitForEvents = enqueueWaitForEvents
        table.clEnqueueBarrier = enqueueBarrier
        table.clEnqueueFillBuffer = enqueueFillBuffer
        table.clEnqueueMarkerWithWaitList = enqueueMarkerWithWaitList
        table.clEnqueueBarrierWithWaitList = enqueueBarrierWithWaitList
        table.clEnqueueMapBuffer = enqueueMapBuffer
        table.clEnqueueUnmapMemObject = enqueueUnmapMemObject
        table.clEnqueueMigrateMemObjects = enqueueMigrateMemObjects
        table.clEnqueueReadBufferRect = enqueueReadBufferRect
        table.clEnqueueWriteBufferRect = enqueueWriteBufferRect
        table.clEnqueueCopyBufferRect = enqueueCopyBufferRect
        table.clCreateUserEvent = createUserEvent
        table.clSetUserEventStatus = setUserEventStatus
        table.clSetEventCallback = setEventCallback
    }
}
