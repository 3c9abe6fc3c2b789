import COpenCL
import RemotingCore

func createCommandQueue(
    _ context: cl_context?, _ device: cl_device_id?, _ properties: cl_command_queue_properties,
    _ code: UnsafeMutablePointer<cl_int>?
) -> cl_command_queue? {
    create(code) { library throws(OpenCLError) in
        try library.makeQueue(context, device, properties)
    }
}

func createCommandQueueWithProperties(
    _ context: cl_context?, _ device: cl_device_id?, _ list: UnsafePointer<cl_queue_properties>?,
    _ code: UnsafeMutablePointer<cl_int>?
) -> cl_command_queue? {
    create(code) { library throws(OpenCLError) in
        let list = try PropertyList(
            list, of: [cl_queue_properties(CL_QUEUE_PROPERTIES), cl_queue_properties(CL_QUEUE_SIZE)])
        let properties = list[cl_queue_properties(CL_QUEUE_PROPERTIES)] ?? 0
        let onDevice = cl_command_queue_properties(CL_QUEUE_ON_DEVICE | CL_QUEUE_ON_DEVICE_DEFAULT)
        try require(properties & onDevice == 0, or: CL_INVALID_QUEUE_PROPERTIES)
        // The size of a queue on the device, which this is not.
        try require(list[cl_queue_properties(CL_QUEUE_SIZE)] == nil, or: CL_INVALID_VALUE)
        return try library.makeQueue(context, device, properties, list: list.bytes)
    }
}

extension Library {
    /// Commands run in the order in which they come, which a queue that allows another order allows too. Queues on the
    /// device are refused.
    fileprivate func makeQueue(
        _ context: OpaquePointer?, _ device: OpaquePointer?, _ properties: cl_command_queue_properties,
        list: InfoValue = InfoValue(bytes: [])
    ) throws(OpenCLError) -> ClientQueue {
        let context: ClientContext = try object(context, or: CL_INVALID_CONTEXT)
        try require(context.device.handle == device, or: CL_INVALID_DEVICE)
        let profiling = cl_command_queue_properties(CL_QUEUE_PROFILING_ENABLE)
        let known = profiling | cl_command_queue_properties(CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE)
        try require(properties & ~known == 0, or: CL_INVALID_VALUE)
        let offered = DeviceAnswers(context.session, platform: platform).queueProperties
        try require(properties & ~offered == 0, or: CL_INVALID_QUEUE_PROPERTIES)
        return try ClientQueue(context: context, properties: properties, list: list)
    }
}

func retainCommandQueue(_ queue: cl_command_queue?) -> cl_int {
    perform { library throws(OpenCLError) in
        try library.retain(queue, ClientQueue.self, or: CL_INVALID_COMMAND_QUEUE)
    }
}

/// Also sends what was enqueued, as the API says of an implicit flush.
func releaseCommandQueue(_ queue: cl_command_queue?) -> cl_int {
    perform { library throws(OpenCLError) in
        let session = try library.object(queue, as: ClientQueue.self, or: CL_INVALID_COMMAND_QUEUE).session
        try library.release(queue, ClientQueue.self, or: CL_INVALID_COMMAND_QUEUE)
        if !session.isLost { try session.flush() }
    }
}

func getCommandQueueInfo(
    _ queue: cl_command_queue?, _ name: cl_command_queue_info, _ size: Int, _ value: UnsafeMutableRawPointer?,
    _ sizeReturned: UnsafeMutablePointer<Int>?
) -> cl_int {
    perform { library throws(OpenCLError) in
        let queue: ClientQueue = try library.object(queue, or: CL_INVALID_COMMAND_QUEUE)
        let answer: InfoValue =
            switch cl_int(bitPattern: name) {
            case CL_QUEUE_CONTEXT: .handle(queue.context.handle)
            case CL_QUEUE_DEVICE: .handle(queue.context.device.handle)
            case CL_QUEUE_REFERENCE_COUNT: .number(queue.references)
            case CL_QUEUE_PROPERTIES: .number(queue.properties)
            case CL_QUEUE_PROPERTIES_ARRAY: queue.list
            case CL_QUEUE_DEVICE_DEFAULT: .handle(nil)
            // Only a queue on the device has one.
            case CL_QUEUE_SIZE: throw OpenCLError(CL_INVALID_COMMAND_QUEUE)
            default: throw OpenCLError(CL_INVALID_VALUE)
            }
        try InfoDestination(size, value, sizeReturned).write(answer)
    }
}

func flushQueue(_ queue: cl_command_queue?) -> cl_int {
    perform { library throws(OpenCLError) in
        let queue: ClientQueue = try library.object(queue, or: CL_INVALID_COMMAND_QUEUE)
        try queue.session.send(.flush(queue: queue.id))
        try queue.session.flush()
    }
}

/// Returns the oldest error of a command of this queue that no call has reported yet.
func finishQueue(_ queue: cl_command_queue?) -> cl_int {
    perform { library throws(OpenCLError) in
        let queue: ClientQueue = try library.object(queue, or: CL_INVALID_COMMAND_QUEUE)
        let answer = try queue.session.call(queue: queue) { .finish($0, queue: queue.id) }
        if case .completed(_, let completion) = answer {
            try queue.reportError()
            try require(completion.code == CL_SUCCESS, or: completion.code)
        }
    }
}
