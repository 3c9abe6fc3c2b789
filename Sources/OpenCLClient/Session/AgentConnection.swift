import Glibc
import RemotingCore
import SessionTransport

/// Why there is no session, in words.
struct HandOverFailure: Error, Hashable {
    let reason: String

    init(_ reason: String) { self.reason = reason }
}

/// The connection to the host's agent: asks for sessions, receives them, and stays open while one of them is used, so
/// that the agent sees when the program leaves.
struct AgentConnection {
    /// A session that came of a request.
    struct HandOver {
        var session: HandedOverSession
        /// The session's connection; whoever takes this closes it.
        var descriptor: CInt
        /// Memory that the worker shares, where it is on this host; closed with the agent's answer once this is used.
        var memory: CInt?
        /// The connection to the agent, which the sessions of one request share.
        var agent: AgentLink
        var nanoseconds: UInt64

        /// Gives up what nobody takes.
        func close() {
            for number in [descriptor] + (memory.map { [$0] } ?? []) { Glibc.close(number) }
        }
    }

    static let environmentKey = "PRESYNC_AGENT_SOCKET"
    static let defaultPath = "/run/presync/agent.sock"
    /// An agent that cannot serve from what is prepared starts a worker first; it answers within this time.
    static let patienceNanoseconds: UInt64 = 60_000_000_000
    /// At most: its connection and its memory.
    private static let descriptorsOfSession = 2

    private let agent: AgentLink
    private let demand: HandOverDemand
    private let started: UInt64
    /// What has come and is not taken yet: of replies, and the descriptors of sessions, of each its connection and then
    /// its memory.
    private var received: [UInt8] = []
    private var descriptors: [CInt] = []
    private var handedOver: [HandOver] = []

    /// Asks the agent at `path` for this program's sessions of the virtual GPUs that `demand` names, and waits for the
    /// answer: all of them, in their order.
    static func request(_ demand: HandOverDemand, at path: String) throws(HandOverFailure) -> [HandOver] {
        var connection = try AgentConnection(demand, path: path)
        do throws(HandOverFailure) {
            try connection.send(HandOverRequest.openSession(demand).encoded())
            try connection.receive()
            return connection.handedOver
        } catch {
            connection.close()
            throw error
        }
    }

    private init(_ demand: HandOverDemand, path: String) throws(HandOverFailure) {
        self.demand = demand
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
        let socket = Glibc.socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
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
        agent = AgentLink(socket)
    }

    private func close() {
        agent.close()
        for descriptor in descriptors { Glibc.close(descriptor) }
        for session in handedOver { session.close() }
    }

    private func send(_ request: [UInt8]) throws(HandOverFailure) {
        // A request is far smaller than a socket's buffer: it goes in one piece or not at all.
        let count = request.withUnsafeBytes {
            Glibc.send(agent.descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
        }
        guard count == request.count else { throw HandOverFailure("the agent does not take the request") }
    }

    /// Takes one session after the other, until all are there.
    private mutating func receive() throws(HandOverFailure) {
        while handedOver.count < Int(demand.gpus) {
            guard let answer = try nextReply() else {
                try waitForInput()
                try receivePiece()
                continue
            }
            try take(answer)
        }
        guard received.isEmpty else { throw HandOverFailure("bytes after a hand-over message") }
        // Of no session: an agent sends none.
        for surplus in descriptors { Glibc.close(surplus) }
        descriptors = []
    }

    private mutating func take(_ answer: HandOverReply) throws(HandOverFailure) {
        switch answer {
        case .refused(let reason): throw HandOverFailure(reason)
        case .session(let session) where !demand.namesGPUs:
            try take(session, descriptors: min(max(descriptors.count, 1), Self.descriptorsOfSession))
        case .sessionOf(let session, let remaining, let count) where isNext(remaining):
            try take(session, descriptors: Int(count))
        case .session, .sessionOf, .registered, .reportTaken, .warned:
            throw HandOverFailure("the agent answers another question")
        }
    }

    /// Whether a session is the one to come next that so many others follow.
    private func isNext(_ remaining: UInt8) -> Bool {
        demand.namesGPUs && handedOver.count + 1 + Int(remaining) == Int(demand.gpus)
    }

    /// Takes a session with the `count` descriptors that have come first, of those that were not taken yet.
    private mutating func take(_ session: HandedOverSession, descriptors count: Int) throws(HandOverFailure) {
        guard descriptors.count >= count else { throw HandOverFailure("the agent sent no connection") }
        let version = InterfaceEdition.linked.version
        guard session.interfaceVersion == version else {
            throw HandOverFailure("this library is opencl \(version), the session \(session.interfaceVersion)")
        }
        handedOver.append(
            HandOver(
                session: session, descriptor: descriptors[0], memory: count > 1 ? descriptors[1] : nil, agent: agent,
                nanoseconds: monotonicNanoseconds() - started))
        descriptors.removeFirst(count)
    }

    /// The next of the replies that have come; nil while it is incomplete.
    private mutating func nextReply() throws(HandOverFailure) -> HandOverReply? {
        do throws(RemotingError) {
            return try HandOverReply.next(from: &received)
        } catch {
            throw HandOverFailure(error.message)
        }
    }

    private func waitForInput() throws(HandOverFailure) {
        while true {
            let elapsed = monotonicNanoseconds() - started
            guard elapsed < Self.patienceNanoseconds else { throw HandOverFailure("the agent does not answer") }
            let left = CInt((Self.patienceNanoseconds - elapsed) / 1_000_000 + 1)
            if waitUntilReady(agent.descriptor, CShort(POLLIN), milliseconds: left) { return }
        }
    }

    /// Receives what is there; as many descriptors as the sessions may have are kept, each further one is closed.
    private mutating func receivePiece() throws(HandOverFailure) {
        let (count, passed) = withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 8) { space in
            let piece = DescriptorPassing.receive(agent.descriptor, into: space)
            if piece.count > 0 { received.append(contentsOf: space.prefix(piece.count)) }
            return piece
        }
        let most = Self.descriptorsOfSession * Int(demand.gpus)
        for descriptor in passed {
            if descriptors.count < most { descriptors.append(descriptor) } else { Glibc.close(descriptor) }
        }
        guard count > 0 else { throw HandOverFailure("the agent closed the connection") }
    }
}

/// The connection to the agent by which that sees that the program is there: it is closed when the last of the sessions
/// that came over it is gone. Guarded by the library's lock.
final class AgentLink {
    private(set) var descriptor: CInt

    init(_ descriptor: CInt) { self.descriptor = descriptor }

    /// Closes it for all of them.
    func close() {
        guard descriptor >= 0 else { return }
        Glibc.close(descriptor)
        descriptor = -1
    }

    deinit { close() }
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
