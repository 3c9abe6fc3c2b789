import DeviceDrivers
import Glibc
import RemotingCore
import SessionTransport
import WorkerControl

/// A client that comes back after its connection broke.
extension TestClient {
    static let key = ResumptionKey { space in for index in space.indices { space[index] = UInt8(index) } }

    /// Tells the worker its secret, as a program's library does first, and waits for how long it would be waited for.
    func offerResumption() throws -> UInt32 {
        stream.offerResumption(Self.key)
        stream.ping(0)
        try flush()
        while true {
            if let grace = stream.graceMilliseconds { return grace }
            try turn()
        }
    }

    /// Breaks the connection, with a reset: what is under way is lost.
    func breakOff() {
        var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
        setsockopt(
            connection.number, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
        // The descriptor's last owner closes it.
        connection = Descriptor(owning: dup(STDERR_FILENO))
        pipe = SessionPipe(socket: connection.number, memory: nil, role: .client)
    }

    /// A connection on which the worker was asked to take the client back, and its answers.
    struct Attempt {
        var connection: Descriptor
        var outcomes: [ResumeHandshake.Outcome]
    }

    /// Asks a worker to go on, as the client of `key`, and waits for the last answer.
    static func attempt(
        _ attempt: UInt64, port: UInt16, grant: UInt64 = 7, received: UInt64, key: ResumptionKey = TestClient.key
    ) throws -> Attempt {
        let connection = try connect(to: port)
        var handshake = ResumeHandshake(grant: grant, attempt: attempt, received: received, key: key)
        _ = handshake.bytesToSend.withUnsafeBytes { connection.send($0) }
        var outcomes: [ResumeHandshake.Outcome] = []
        while true {
            let outcome = try handshake.received(try receive(connection))
            switch outcome {
            case .incomplete: continue
            case .pending: outcomes.append(outcome)
            case .resumed, .refused:
                return Attempt(connection: connection, outcomes: outcomes + [outcome])
            }
        }
    }

    /// Comes back with its `attempt`-th attempt.
    func comeBack(_ attempt: UInt64, port: UInt16) throws {
        let attempt = try Self.attempt(attempt, port: port, received: stream.received)
        guard case .resumed(let received, let rest)? = attempt.outcomes.last else {
            throw Failure.unexpected("\(attempt.outcomes)")
        }
        connection = attempt.connection
        pipe = SessionPipe(socket: connection.number, memory: nil, role: .client)
        try stream.resume(from: received)
        try stream.received(rest)
        try takeEvents()
    }
}
