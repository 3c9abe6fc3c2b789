import COpenCL
import RemotingCore

/// The event of a command. Guarded by the library's lock.
final class ClientEvent: ClientObject {
    let queue: ClientQueue
    let commandType: cl_command_type
    /// The read whose end this is; nil for other commands.
    private let call: PendingCall?
    /// The last that is known; final once the status is 0 or below.
    private var known: EventStatus?

    /// The event that a command was given `id` for.
    init(_ id: ObjectID, queue: ClientQueue, commandType: cl_command_type, call: PendingCall? = nil) {
        self.queue = queue
        self.commandType = commandType
        self.call = call
        super.init(.event, id: id, session: queue.session)
    }

    /// 0 or a negative error once the command has ended and this library knows it.
    var finalStatus: cl_int? {
        if let call {
            guard call.hasEnded else { return nil }
            return call.code
        }
        if let known, known.status <= CL_COMPLETE { return known.status }
        return session.isLost ? CL_DEVICE_NOT_AVAILABLE : nil
    }

    func markComplete() {
        guard finalStatus == nil else { return }
        known = EventStatus(status: CL_COMPLETE)
    }

    /// The command's status now; asks the worker unless the end is known.
    func currentStatus() throws(OpenCLError) -> cl_int {
        if let finalStatus { return finalStatus }
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
}
