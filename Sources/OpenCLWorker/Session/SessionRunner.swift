import DeviceDrivers
import RemotingCore

/// Serves one session on one thread: takes requests in, carries them out, answers.
struct SessionRunner<Device: ComputeDevice> {
    let device: Device
    let account: SliceAccount
    /// Called once, when a program has the session.
    let onAttached: () -> Void

    /// Returns when the session is over, with its reason.
    func run(_ connection: consuming SessionConnection) -> SessionEnd {
        var interpreter = SessionInterpreter(device: device, account: account)
        interpreter.tellsOutput = connection.revision >= SessionRevision.sharedMemory
        var requests: [OpenCLRequest] = []
        do throws(SessionEnd) {
            // After a burst: look whether more has come, and when none has, let the device begin.
            var patience: Int32 = -1
            while true {
                switch try connection.receive(waitingFor: patience) {
                case .takenOver:
                    if account.noteAttached() { onAttached() }
                case .requests(let payload):
                    if account.noteAttached() { onAttached() }
                    try execute(payload, &requests, &interpreter, &connection)
                    try tellCompleted(by: &interpreter, to: &connection, isIdle: false)
                    try connection.flush()
                    patience = 0
                case .nothing:
                    // The first time it is only that a burst has ended.
                    let isIdle = patience != 0
                    patience = try interpreter.settle { (head, bulk, owner) throws(SessionEnd) in
                        try connection.send(head, bulk, owner)
                    }
                    try tellCompleted(by: &interpreter, to: &connection, isIdle: isIdle)
                    if patience < 0, connection.isWorthTelling(completed: interpreter.completed(), isIdle: true) {
                        patience = Self.idlePeriod
                    }
                    try connection.flush()
                }
            }
        } catch {
            if case .protocolViolated(let message) = error {
                connection.sayFarewell(SessionFarewell(.protocolViolated, message))
            }
            return error
        }
    }

    /// After so many milliseconds without a request the client is told how far the worker has come.
    private static var idlePeriod: Int32 { 100 }

    /// Tells the client which of its requests have ended, where that is worth it.
    private func tellCompleted(
        by interpreter: inout SessionInterpreter<Device>, to connection: inout SessionConnection, isIdle: Bool
    ) throws(SessionEnd) {
        let completed = interpreter.completed()
        guard connection.isWorthTelling(completed: completed, isIdle: isIdle) else { return }
        // What they printed is what the client is to hear of them, too.
        try interpreter.sendOutput { (head, bulk, owner) throws(SessionEnd) in
            try connection.send(head, bulk, owner)
        }
        connection.tell(completed: completed)
    }

    private func execute(
        _ payload: [UInt8], _ requests: inout [OpenCLRequest], _ interpreter: inout SessionInterpreter<Device>,
        _ connection: inout SessionConnection
    ) throws(SessionEnd) {
        var messages = WireMessages<OpenCLRequest>(payload: payload)
        // All of them are read before the first is carried out: a device that runs short commands faster than they come
        // goes to sleep after each, and is woken for the next.
        requests.removeAll(keepingCapacity: true)
        while let request = try next(&messages) { requests.append(request) }
        let before = interpreter.running.taken
        defer { account.noteCommands(interpreter.running.taken - before, queueDepth: interpreter.running.count) }
        for request in requests {
            try interpreter.execute(request) { (head, bulk, owner) throws(SessionEnd) in
                try connection.send(head, bulk, owner)
            }
        }
    }

    private func next(_ requests: inout WireMessages<OpenCLRequest>) throws(SessionEnd) -> OpenCLRequest? {
        do {
            return try requests.next()
        } catch {
            throw .protocolViolated(error.message)
        }
    }
}
