import COpenCL
import RemotingCore

func createBuffer(
    _ context: cl_context?, _ flags: cl_mem_flags, _ size: Int, _ host: UnsafeMutableRawPointer?,
    _ code: UnsafeMutablePointer<cl_int>?
) -> cl_mem? {
    create(code) { library throws(OpenCLError) in
        try library.makeBuffer(context, flags, size, host)
    }
}

func createBufferWithProperties(
    _ context: cl_context?, _ properties: UnsafePointer<cl_mem_properties>?, _ flags: cl_mem_flags, _ size: Int,
    _ host: UnsafeMutableRawPointer?, _ code: UnsafeMutablePointer<cl_int>?
) -> cl_mem? {
    create(code) { library throws(OpenCLError) in
        try require(properties == nil || properties?.pointee == 0, or: CL_INVALID_PROPERTY)
        return try library.makeBuffer(context, flags, size, host)
    }
}

extension Library {
    /// Host memory that is named is copied to the device now; with `CL_MEM_USE_HOST_PTR` that is the copy which the
    /// API allows an implementation to work on.
    fileprivate func makeBuffer(
        _ context: OpaquePointer?, _ flags: cl_mem_flags, _ size: Int, _ host: UnsafeMutableRawPointer?
    ) throws(OpenCLError) -> ClientBuffer {
        let context: ClientContext = try object(context, or: CL_INVALID_CONTEXT)
        try Self.check(flags)
        let takesHost = flags & cl_mem_flags(CL_MEM_USE_HOST_PTR | CL_MEM_COPY_HOST_PTR) != 0
        try require(takesHost == (host != nil), or: CL_INVALID_HOST_PTR)
        let session = context.session
        let greatest = session.information.device.number(cl_uint(CL_DEVICE_MAX_MEM_ALLOC_SIZE)) ?? .max
        try require(size > 0 && UInt64(size) <= greatest, or: CL_INVALID_BUFFER_SIZE)
        let buffer = try ClientBuffer(
            context: context, flags: flags, size: size,
            hostPointer: flags & cl_mem_flags(CL_MEM_USE_HOST_PTR) != 0 ? host : nil)
        if let host {
            try session.write(
                UnsafeRawBufferPointer(start: host, count: size),
                BufferCommand(
                    queue: context.queueForContents(), buffer: buffer.id, offset: 0, size: UInt64(size)))
        }
        return buffer
    }

    private static func check(_ flags: cl_mem_flags) throws(OpenCLError) {
        let access = flags & cl_mem_flags(CL_MEM_READ_WRITE | CL_MEM_READ_ONLY | CL_MEM_WRITE_ONLY)
        let hostAccess =
            flags & cl_mem_flags(CL_MEM_HOST_WRITE_ONLY | CL_MEM_HOST_READ_ONLY | CL_MEM_HOST_NO_ACCESS)
        let hostMemory = cl_mem_flags(CL_MEM_USE_HOST_PTR | CL_MEM_ALLOC_HOST_PTR | CL_MEM_COPY_HOST_PTR)
        try require(flags == access | hostAccess | (flags & hostMemory), or: CL_INVALID_VALUE)
        try require(access.nonzeroBitCount <= 1 && hostAccess.nonzeroBitCount <= 1, or: CL_INVALID_VALUE)
        let usesHost = flags & cl_mem_flags(CL_MEM_USE_HOST_PTR) != 0
        let others = flags & cl_mem_flags(CL_MEM_ALLOC_HOST_PTR | CL_MEM_COPY_HOST_PTR)
        try require(!usesHost || others == 0, or: CL_INVALID_VALUE)
    }
}

func retainMemObject(_ buffer: cl_mem?) -> cl_int {
    perform { library throws(OpenCLError) in
        try library.retain(buffer, ClientBuffer.self, or: CL_INVALID_MEM_OBJECT)
    }
}

func releaseMemObject(_ buffer: cl_mem?) -> cl_int {
    perform { library throws(OpenCLError) in
        try library.release(buffer, ClientBuffer.self, or: CL_INVALID_MEM_OBJECT)
    }
}

func getMemObjectInfo(
    _ buffer: cl_mem?, _ name: cl_mem_info, _ size: Int, _ value: UnsafeMutableRawPointer?,
    _ sizeReturned: UnsafeMutablePointer<Int>?
) -> cl_int {
    perform { library throws(OpenCLError) in
        let buffer: ClientBuffer = try library.object(buffer, or: CL_INVALID_MEM_OBJECT)
        let answer: InfoValue =
            switch cl_int(bitPattern: name) {
            case CL_MEM_TYPE: .number(cl_mem_object_type(CL_MEM_OBJECT_BUFFER))
            case CL_MEM_FLAGS: .number(buffer.flags)
            case CL_MEM_SIZE: .number(buffer.size)
            case CL_MEM_HOST_PTR: .pointer(buffer.hostPointer)
            case CL_MEM_MAP_COUNT: .number(cl_uint(0))
            case CL_MEM_REFERENCE_COUNT: .number(buffer.references)
            case CL_MEM_CONTEXT: .handle(buffer.context.handle)
            case CL_MEM_ASSOCIATED_MEMOBJECT: .handle(nil)
            case CL_MEM_OFFSET: .number(0)
            default: throw OpenCLError(CL_INVALID_VALUE)
            }
        try InfoDestination(size, value, sizeReturned).write(answer)
    }
}
