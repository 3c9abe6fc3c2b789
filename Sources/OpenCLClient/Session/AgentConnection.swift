import Glibc
import RemotingCore
import SessionTransport

/// Why there is no session, in words.
struct HandOverFailure: Error, Hashable {
    let reason: String

    init(_ reason: String) { self.reason = reason }
}

/// The connection to the host's agent: asks for the session, receives it, and stays open while it is used, so that
/// the agent sees when the program leaves.
struct AgentConnection {
    /// What came of a request.
    struct HandOver {
        var session: HandedOverSession
        /// The session's connection; whoever takes this closes it.
        var descriptor: CInt
        /// Memory that the worker shares, where it is on this host; closed with the agent's answer once this is used.
        var memory: CInt?
        /// The connection to the agent, likewise.
        var agent: CInt
        var nanoseconds: UInt64

        /// Gives up what nobody takes.
        func close() {
            for number in [descriptor, agent] + (memory.map { [$0] } ?? []) { Glibc.close(number) }
        }
    }

    static let environmentKey = "PRESYNC_AGENT_SOCKET"
    static let defaultPath = "/run/presync/agent.sock"
    /// An agent that cannot serve from what is prepared starts a worker first; it answers within this time.
    static let patienceNanoseconds: UInt64 = 60_000_000_000

    private let socket: CInt
    private let started: UInt64
    private var reply: [UInt8] = []
    /// The session's connection, then its memory.
    private var descriptors: [CInt] = []

    /// Asks the agent at `path` for this program's session, and waits for the answer.
    static func requestSession(at path: String) throws(HandOverFailure) -> HandOver {
        var connection = try AgentConnection(path: path)
        do throws(HandOverFailure) {
            let demand = HandOverDemand(interfaceVersion: InterfaceEdition.linked.version)
            try connection.send(HandOverRequest.openSession(demand).encoded())
            return try connection.receive()
        } catch {
            connection.close()
            throw error
        }
    }

    private init(path: String) throws(HandOverFailure) {
        started = monotonicNanoseconds()
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        let fits = withUnsafeMutableBytes(of: &address.sun_path) { space in
            guard bytes.count < space.count else { return false }
            space.copyBytes(from: bytes)
            return true
        }
        guard fits else { throw HandOverFailure("the path of the agent's socket is too long") }
        socket = Glibc.socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { throw HandOverFailure("no socket: error \(errno)") }
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard connected == 0 else {
            let code = errno
            Glibc.close(socket)
            throw HandOverFailure("no agent at \(path): error \(code)")
        }
    }

    private func close() {
        Glibc.close(socket)
        for descriptor in descriptors { Glibc.close(descriptor) }
    }

    private func send(_ request: [UInt8]) throws(HandOverFailure) {
        // A request is far smaller than a socket's buffer: it goes in one piece or not at all.
        let count = request.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
        guard count == request.count else { throw HandOverFailure("the agent does not take the request") }
    }

    private mutating func receive() throws(HandOverFailure) -> HandOver {
        while true {
            try waitForInput()
            try receivePiece()
            guard let answer = try decoded() else { continue }
            switch answer {
            case .refused(let reason): throw HandOverFailure(reason)
            case .registered, .reportTaken, .warned: throw HandOverFailure("the agent answers another question")
            case .session(let session):
                guard let descriptor = descriptors.first else {
                    throw HandOverFailure("the agent sent no connection")
                }
                let version = InterfaceEdition.linked.version
                guard session.interfaceVersion == version else {
                    throw HandOverFailure(
                        "this library is opencl \(version), the session \(session.interfaceVersion)")
                }
                return HandOver(
                    session: session, descriptor: descriptor, memory: descriptors.dropFirst().first, agent: socket,
                    nanoseconds: monotonicNanoseconds() - started)
            }
        }
    }

    private func decoded() throws(HandOverFailure) -> HandOverReply? {
        do throws(RemotingError) {
            return try HandOverReply(decoding: reply)
        } catch {
            throw HandOverFailure(error.message)
        }
    }

    private func waitForInput() throws(HandOverFailure) {
        while true {
            let elapsed = monotonicNanoseconds() - started
            guard elapsed < Self.patienceNanoseconds else { throw HandOverFailure("the agent does not answer") }
            let left = CInt((Self.patienceNanoseconds - elapsed) / 1_000_000 + 1)
            if waitUntilReady(socket, CShort(POLLIN), milliseconds: left) { return }
        }
    }

    /// Receives what is there; a connection and a memory that come along are kept, each further descriptor closed.
    private mutating func receivePiece() throws(HandOverFailure) {
        let (count, received) = withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 8) { space in
            let received = DescriptorPassing.receive(socket, into: space)
            if received.count > 0 { reply.append(contentsOf: space.prefix(received.count)) }
            return received
        }
        for extra in received {
            if descriptors.count < 2 { descriptors.append(extra) } else { Glibc.close(extra) }
        }
        guard count > 0 else { throw HandOverFailure("the agent closed the connection") }
    }
}

/// Whether `descriptor` is ready (or broken) within the time; below 0 waits without end.
func waitUntilReady(_ descriptor: CInt, _ events: CShort, milliseconds: CInt) -> Bool {
    var entry = pollfd(fd: descriptor, events: events, revents: 0)
    return poll(&entry, 1, milliseconds) > 0
}

/// The monotonic clock.
func monotonicNanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
