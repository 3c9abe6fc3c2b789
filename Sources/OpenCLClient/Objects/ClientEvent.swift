import COpenCL
import RemotingCore

/// The event of a command, or of the program's own. Guarded by the library's lock.
final class ClientEvent: ClientObject {
    /// What the program wants to be called with.
    struct Callback {
        var type: cl_int
        var function: EventCallback
        var userData: UnsafeMutableRawPointer?
    }

    let context: ClientContext
    /// Nil for a user event.
    let queue: ClientQueue?
    let commandType: cl_command_type
    /// The read whose end this is; nil for other commands.
    private let call: PendingCall?
    /// The last that is known; final once the status is 0 or below.
    private var known: EventStatus?
    private var callbacks: [Callback] = []
    /// Asked for where there are callbacks.
    private var watch: PendingCall?

    /// The event that a command was given `id` for.
    init(_ id: ObjectID, queue: ClientQueue, commandType: cl_command_type, call: PendingCall? = nil) {
        context = queue.context
        self.queue = queue
        self.commandType = commandType
        self.call = call
        super.init(.event, id: id, session: queue.session)
    }

    init(userEventOf context: ClientContext) throws(OpenCLError) {
        self.context = context
        queue = nil
        commandType = cl_command_type(CL_COMMAND_USER)
        call = nil
        super.init(.event, id: context.session.newID(), session: context.session)
        try session.send(.createUserEvent(id, context: context.id))
    }

    var isUser: Bool { queue == nil }

    /// 0 or a negative error once the command has ended and this library knows it.
    var finalStatus: cl_int? {
        if let call {
            guard call.hasEnded else { return nil }
            return call.code
        }
        if let known, known.status <= CL_COMPLETE { return known.status }
        if let watch, case .eventStatus(_, let status) = watch.answer {
            return status.code == CL_SUCCESS ? status.status : status.code
        }
        return session.isLost ? CL_DEVICE_NOT_AVAILABLE : nil
    }

    func markComplete() {
        guard finalStatus == nil else { return }
        known = EventStatus(status: CL_COMPLETE)
    }

    /// The command's status now; asks the worker unless the end is known.
    func currentStatus() throws(OpenCLError) -> cl_int {
        if let finalStatus { return finalStatus }
        if isUser { return cl_int(CL_SUBMITTED) }
        guard let call else { return try ask().status }
        try session.flush()
        try session.poll()
        return call.hasEnded ? call.code : cl_int(CL_SUBMITTED)
    }

    /// Times of the device; asks the worker.
    func times() throws(OpenCLError) -> EventStatus {
        try ask()
    }

    private func ask() throws(OpenCLError) -> EventStatus {
        guard case .eventStatus(_, let status) = try session.call({ .queryEvent($0, id) }) else {
            throw OpenCLError(CL_OUT_OF_RESOURCES)
        }
        try require(status.code == CL_SUCCESS, or: status.code)
        known = status
        return status
    }

    /// Where the end of a read is awaited.
    var pendingRead: PendingCall? {
        guard let call, !call.hasEnded else { return nil }
        return call
    }

    // MARK: User events

    /// Ends a user event that has not ended.
    func end(_ status: cl_int) throws(OpenCLError) {
        try require(isUser && known == nil, or: CL_INVALID_OPERATION)
        try session.send(.setUserEventStatus(id, status: status))
        known = EventStatus(status: status)
        callBack()
        try session.flush()
    }

    // MARK: Callbacks

    var hasEnded: Bool { finalStatus != nil }

    /// Calls back when the event has ended, also for what comes before the end: a callback may come late.
    func add(_ callback: Callback) throws(OpenCLError) {
        if hasEnded || (isUser && callback.type == CL_SUBMITTED) { return post(callback) }
        callbacks.append(callback)
        guard !isUser, watch == nil else { return }
        if let call {
            watch = call
            try session.flush()
        } else {
            watch = try session.begin { .watchEvent($0, id) }
            try session.flush()
        }
        Library.shared.callbacks.watch(self)
    }

    /// Has every callback called.
    func callBack() {
        let all = callbacks.sorted { $0.type > $1.type }
        callbacks = []
        for callback in all { post(callback) }
    }

    private func post(_ callback: Callback) {
        let status = min(finalStatus ?? callback.type, callback.type)
        let handle = handle
        Library.shared.callbacks.post(about: self) {
            callback.function(handle, status < 0 ? status : callback.type, callback.userData)
        }
    }
}
