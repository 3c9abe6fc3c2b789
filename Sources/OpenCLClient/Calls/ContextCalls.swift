import COpenCL

typealias ContextCallback =
    @convention(c) (UnsafePointer<CChar>?, UnsafeRawPointer?, Int, UnsafeMutableRawPointer?) -> Void

func createContext(
    _ properties: UnsafePointer<cl_context_properties>?, _ deviceCount: cl_uint,
    _ devices: UnsafePointer<cl_device_id?>?, _ callback: ContextCallback?, _ userData: UnsafeMutableRawPointer?,
    _ code: UnsafeMutablePointer<cl_int>?
) -> cl_context? {
    create(code) { library throws(OpenCLError) in
        try require(deviceCount > 0 && (callback != nil || userData == nil), or: CL_INVALID_VALUE)
        let named = try library.namedDevices(deviceCount, devices)
        guard let device = named.first, named.allSatisfy({ $0 === device }) else {
            debug("a context has one virtual GPU here, since they share no memory: make one for each device")
            throw OpenCLError(CL_INVALID_DEVICE)
        }
        return try library.makeContext(properties, on: device)
    }
}

/// On the first device of the type: a context need not have all (OpenCL 1.2, section 4.4).
func createContextFromType(
    _ properties: UnsafePointer<cl_context_properties>?, _ type: cl_device_type, _ callback: ContextCallback?,
    _ userData: UnsafeMutableRawPointer?, _ code: UnsafeMutablePointer<cl_int>?
) -> cl_context? {
    create(code) { library throws(OpenCLError) in
        try require(callback != nil || userData == nil, or: CL_INVALID_VALUE)
        guard let device = try library.virtualGPUs(ofType: type, atMost: 1).first else {
            throw OpenCLError(CL_DEVICE_NOT_FOUND)
        }
        return try library.makeContext(properties, on: device)
    }
}

extension Library {
    fileprivate func makeContext(
        _ list: UnsafePointer<cl_context_properties>?, on device: ClientDevice
    ) throws(OpenCLError) -> ClientContext {
        var properties: [cl_context_properties] = []
        if var next = list {
            while next.pointee != 0 {
                // Each property is given once: the list is at most 5 long.
                let isNew = stride(from: 0, to: properties.count, by: 2).allSatisfy { properties[$0] != next.pointee }
                try require(isNew, or: CL_INVALID_PROPERTY)
                switch cl_int(truncatingIfNeeded: next.pointee) {
                case CL_CONTEXT_PLATFORM: try requirePlatform(OpaquePointer(bitPattern: next[1]))
                case CL_CONTEXT_INTEROP_USER_SYNC: break
                default: throw OpenCLError(CL_INVALID_PROPERTY)
                }
                properties += [next[0], next[1]]
                next += 2
            }
            properties.append(0)
        }
        return try ClientContext(device: device, session: openSession(device), properties: properties)
    }
}

func retainContext(_ context: cl_context?) -> cl_int {
    perform { library throws(OpenCLError) in
        try library.retain(context, ClientContext.self, or: CL_INVALID_CONTEXT)
    }
}

func releaseContext(_ context: cl_context?) -> cl_int {
    perform { library throws(OpenCLError) in
        try library.release(context, ClientContext.self, or: CL_INVALID_CONTEXT)
    }
}

func getContextInfo(
    _ context: cl_context?, _ name: cl_context_info, _ size: Int, _ value: UnsafeMutableRawPointer?,
    _ sizeReturned: UnsafeMutablePointer<Int>?
) -> cl_int {
    perform { library throws(OpenCLError) in
        let context: ClientContext = try library.object(context, or: CL_INVALID_CONTEXT)
        let answer: InfoValue =
            switch cl_int(bitPattern: name) {
            case CL_CONTEXT_REFERENCE_COUNT: .number(context.references)
            case CL_CONTEXT_NUM_DEVICES: .number(cl_uint(1))
            case CL_CONTEXT_DEVICES: .handle(context.device.handle)
            case CL_CONTEXT_PROPERTIES: .numbers(context.properties)
            default: throw OpenCLError(CL_INVALID_VALUE)
            }
        try InfoDestination(size, value, sizeReturned).write(answer)
    }
}
