import COpenCL
import RemotingCore

typealias EventCallback = @convention(c) (cl_event?, cl_int, UnsafeMutableRawPointer?) -> Void

func setEventCallback(
    _ event: cl_event?, _ type: cl_int, _ callback: EventCallback?, _ userData: UnsafeMutableRawPointer?
) -> cl_int {
    perform { library throws(OpenCLError) in
        let event: ClientEvent = try library.object(event, or: CL_INVALID_EVENT)
        guard let callback, [CL_COMPLETE, CL_RUNNING, CL_SUBMITTED].contains(type) else {
            throw OpenCLError(CL_INVALID_VALUE)
        }
        try event.add(ClientEvent.Callback(type: type, function: callback, userData: userData))
    }
}

func setMemObjectDestructorCallback(
    _ buffer: cl_mem?, _ callback: ClientMemoryCallback?, _ userData: UnsafeMutableRawPointer?
) -> cl_int {
    perform { library throws(OpenCLError) in
        let buffer: ClientBuffer = try library.object(buffer, or: CL_INVALID_MEM_OBJECT)
        guard let callback else { throw OpenCLError(CL_INVALID_VALUE) }
        buffer.destructors.append((callback, userData))
    }
}

func setContextDestructorCallback(
    _ context: cl_context?, _ callback: (@convention(c) (cl_context?, UnsafeMutableRawPointer?) -> Void)?,
    _ userData: UnsafeMutableRawPointer?
) -> cl_int {
    perform { library throws(OpenCLError) in
        let context: ClientContext = try library.object(context, or: CL_INVALID_CONTEXT)
        guard let callback else { throw OpenCLError(CL_INVALID_VALUE) }
        context.destructors.append((callback, userData))
    }
}

func createUserEvent(_ context: cl_context?, _ code: UnsafeMutablePointer<cl_int>?) -> cl_event? {
    create(code) { library throws(OpenCLError) in
        try ClientEvent(userEventOf: library.object(context, or: CL_INVALID_CONTEXT))
    }
}

/// Sends the status at once: other threads may wait for it.
func setUserEventStatus(_ event: cl_event?, _ status: cl_int) -> cl_int {
    perform { library throws(OpenCLError) in
        let event: ClientEvent = try library.object(event, or: CL_INVALID_EVENT)
        try require(event.isUser, or: CL_INVALID_EVENT)
        try require(status <= CL_COMPLETE, or: CL_INVALID_VALUE)
        try event.end(status)
    }
}
