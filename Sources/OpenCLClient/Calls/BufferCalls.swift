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
        let list = try PropertyList(properties, of: [], or: CL_INVALID_PROPERTY)
        let buffer = try library.makeBuffer(context, flags, size, host)
        buffer.list = list.bytes
        return buffer
    }
}

extension Library {
    /// Host memory that is named is copied to the device now; with `CL_MEM_USE_HOST_PTR` that is the copy which the
    /// API allows an implementation to work on.
    fileprivate func makeBuffer(
        _ context: OpaquePointer?, _ flags: cl_mem_flags, _ size: Int, _ host: UnsafeMutableRawPointer?
    ) throws(OpenCLError) -> ClientBuffer {
        let context: ClientContext = try object(context, or: CL_INVALID_CONTEXT)
        try checkMemoryFlags(flags)
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

    fileprivate func makeSubBuffer(
        _ parent: OpaquePointer?, _ flags: cl_mem_flags, _ region: cl_buffer_region
    ) throws(OpenCLError) -> ClientBuffer {
        let parent: ClientBuffer = try object(parent, or: CL_INVALID_MEM_OBJECT)
        try require(parent.parent == nil && parent.image == nil, or: CL_INVALID_MEM_OBJECT)
        try checkMemoryFlags(flags)
        let hostMemory = cl_mem_flags(CL_MEM_USE_HOST_PTR | CL_MEM_ALLOC_HOST_PTR | CL_MEM_COPY_HOST_PTR)
        try require(flags & hostMemory == 0, or: CL_INVALID_VALUE)
        try require(region.size > 0, or: CL_INVALID_BUFFER_SIZE)
        try require(
            region.origin >= 0 && region.size <= parent.size && region.origin <= parent.size - region.size,
            or: CL_INVALID_VALUE)
        let alignment = parent.session.information.device.number(cl_uint(CL_DEVICE_MEM_BASE_ADDR_ALIGN)) ?? 0
        try require(
            alignment < 8 || region.origin.isMultiple(of: Int(alignment / 8)), or: CL_MISALIGNED_SUB_BUFFER_OFFSET)
        return try ClientBuffer(
            part: region.origin, region.size, of: parent, flags: try Self.inherited(flags, from: parent.flags))
    }

    /// A part's flags: its own where it has some, within what its parent allows (specification, table 5.3).
    private static func inherited(
        _ flags: cl_mem_flags, from parent: cl_mem_flags
    ) throws(OpenCLError) -> cl_mem_flags {
        let access = cl_mem_flags(CL_MEM_READ_WRITE | CL_MEM_READ_ONLY | CL_MEM_WRITE_ONLY)
        let hostAccess = cl_mem_flags(CL_MEM_HOST_WRITE_ONLY | CL_MEM_HOST_READ_ONLY | CL_MEM_HOST_NO_ACCESS)
        let hostMemory = cl_mem_flags(CL_MEM_USE_HOST_PTR | CL_MEM_ALLOC_HOST_PTR | CL_MEM_COPY_HOST_PTR)
        func forbids(_ has: Int32, _ wants: [Int32]) throws(OpenCLError) {
            guard parent & cl_mem_flags(has) != 0 else { return }
            for flag in wants { try require(flags & cl_mem_flags(flag) == 0, or: CL_INVALID_VALUE) }
        }
        try forbids(CL_MEM_WRITE_ONLY, [CL_MEM_READ_WRITE, CL_MEM_READ_ONLY])
        try forbids(CL_MEM_READ_ONLY, [CL_MEM_READ_WRITE, CL_MEM_WRITE_ONLY])
        try forbids(CL_MEM_HOST_WRITE_ONLY, [CL_MEM_HOST_READ_ONLY])
        try forbids(CL_MEM_HOST_READ_ONLY, [CL_MEM_HOST_WRITE_ONLY])
        try forbids(CL_MEM_HOST_NO_ACCESS, [CL_MEM_HOST_READ_ONLY, CL_MEM_HOST_WRITE_ONLY])
        return (flags & access != 0 ? flags & access : parent & access)
            | (flags & hostAccess != 0 ? flags & hostAccess : parent & hostAccess) | (parent & hostMemory)
    }

    func checkMemoryFlags(_ flags: cl_mem_flags) throws(OpenCLError) {
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

func createSubBuffer(
    _ parent: cl_mem?, _ flags: cl_mem_flags, _ type: cl_buffer_create_type, _ info: UnsafeRawPointer?,
    _ code: UnsafeMutablePointer<cl_int>?
) -> cl_mem? {
    create(code) { library throws(OpenCLError) in
        guard let info, type == cl_buffer_create_type(CL_BUFFER_CREATE_TYPE_REGION) else {
            throw OpenCLError(CL_INVALID_VALUE)
        }
        return try library.makeSubBuffer(parent, flags, info.loadUnaligned(as: cl_buffer_region.self))
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
            case CL_MEM_TYPE:
                .number(buffer.image?.description.kind.rawValue ?? cl_mem_object_type(CL_MEM_OBJECT_BUFFER))
            case CL_MEM_FLAGS: .number(buffer.flags)
            case CL_MEM_SIZE: .number(buffer.size)
            case CL_MEM_HOST_PTR: .pointer(buffer.hostPointer)
            case CL_MEM_MAP_COUNT: .number(cl_uint(buffer.mappings.count))
            case CL_MEM_REFERENCE_COUNT: .number(buffer.references)
            case CL_MEM_CONTEXT: .handle(buffer.context.handle)
            case CL_MEM_ASSOCIATED_MEMOBJECT: .handle((buffer.parent ?? buffer.image?.buffer)?.handle)
            case CL_MEM_USES_SVM_POINTER: .flag(false)
            case CL_MEM_OFFSET: .number(buffer.origin)
            case CL_MEM_PROPERTIES: buffer.list
            default: throw OpenCLError(CL_INVALID_VALUE)
            }
        try InfoDestination(size, value, sizeReturned).write(answer)
    }
}
