import COpenCL
import RemotingCore

func waitForEvents(_ count: cl_uint, _ list: UnsafePointer<cl_event?>?) -> cl_int {
    perform { library throws(OpenCLError) in
        guard count > 0, let list else { throw OpenCLError(CL_INVALID_VALUE) }
        var events: [ClientEvent] = []
        for index in 0..<Int(count) {
            events.append(try library.object(list[index], or: CL_INVALID_EVENT))
        }
        try require(events.allSatisfy { $0.context === events[0].context }, or: CL_INVALID_CONTEXT)
        try waitForEvents(events, of: events[0].session)
    }
}

/// Waits for commands at the worker, then for reads whose data is under way.
private func waitForEvents(_ events: [ClientEvent], of session: ClientSession) throws(OpenCLError) {
    let commands = events.filter { $0.finalStatus == nil && $0.pendingRead == nil }
    for start in stride(from: 0, to: commands.count, by: OpenCLInterface.waitList) {
        let part = commands[start..<min(start + OpenCLInterface.waitList, commands.count)]
        let answer = try session.call { .waitForEvents($0, part.map(\.id)) }
        guard case .completed(_, let completion) = answer else { throw OpenCLError(CL_OUT_OF_RESOURCES) }
        try require(completion.code == CL_SUCCESS, or: completion.code)
        for event in part { event.markComplete() }
        if let error = completion.deferred.first { throw OpenCLError(error.code) }
    }
    for call in events.compactMap(\.pendingRead) { try session.wait(for: call) }
    try require(
        events.allSatisfy { $0.finalStatus == CL_COMPLETE }, or: CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST)
}

func retainEvent(_ event: cl_event?) -> cl_int {
    perform { library throws(OpenCLError) in
        try library.retain(event, ClientEvent.self, or: CL_INVALID_EVENT)
    }
}

func releaseEvent(_ event: cl_event?) -> cl_int {
    perform { library throws(OpenCLError) in
        try library.release(event, ClientEvent.self, or: CL_INVALID_EVENT)
    }
}

func getEventInfo(
    _ event: cl_event?, _ name: cl_event_info, _ size: Int, _ value: UnsafeMutableRawPointer?,
    _ sizeReturned: UnsafeMutablePointer<Int>?
) -> cl_int {
    perform { library throws(OpenCLError) in
        let event: ClientEvent = try library.object(event, or: CL_INVALID_EVENT)
        let answer: InfoValue =
            switch cl_int(bitPattern: name) {
            case CL_EVENT_COMMAND_QUEUE: .handle(event.queue?.handle)
            case CL_EVENT_CONTEXT: .handle(event.context.handle)
            case CL_EVENT_COMMAND_TYPE: .number(event.commandType)
            case CL_EVENT_COMMAND_EXECUTION_STATUS: .number(try event.currentStatus())
            case CL_EVENT_REFERENCE_COUNT: .number(event.references)
            default: throw OpenCLError(CL_INVALID_VALUE)
            }
        try InfoDestination(size, value, sizeReturned).write(answer)
    }
}

func getEventProfilingInfo(
    _ event: cl_event?, _ name: cl_profiling_info, _ size: Int, _ value: UnsafeMutableRawPointer?,
    _ sizeReturned: UnsafeMutablePointer<Int>?
) -> cl_int {
    perform { library throws(OpenCLError) in
        let event: ClientEvent = try library.object(event, or: CL_INVALID_EVENT)
        let profiling = cl_command_queue_properties(CL_QUEUE_PROFILING_ENABLE)
        try require((event.queue?.properties ?? 0) & profiling != 0, or: CL_PROFILING_INFO_NOT_AVAILABLE)
        let times = try event.times()
        try require(times.status == CL_COMPLETE, or: CL_PROFILING_INFO_NOT_AVAILABLE)
        let answer: InfoValue =
            switch cl_int(bitPattern: name) {
            case CL_PROFILING_COMMAND_QUEUED: .number(times.queued)
            case CL_PROFILING_COMMAND_SUBMIT: .number(times.submitted)
            case CL_PROFILING_COMMAND_START: .number(times.started)
            // Nothing that a kernel enqueues on the device ends after it.
            case CL_PROFILING_COMMAND_END, CL_PROFILING_COMMAND_COMPLETE: .number(times.ended)
            default: throw OpenCLError(CL_INVALID_VALUE)
            }
        try InfoDestination(size, value, sizeReturned).write(answer)
    }
}
