import Foundation
import Glibc
import RemotingCore

/// A connection to the agent of this host, on its UNIX socket.
struct AgentSocket {
    static let defaultPath = "/run/presync/agent.sock"

    private let stream: StreamSocket
    private let path: String
    /// What has come of replies that are not taken yet.
    private var received: [UInt8] = []

    /// The path that is in force: the option, else the environment, else the default.
    static func path(option: String?) -> String {
        option ?? ProcessInfo.processInfo.environment["PRESYNC_AGENT_SOCKET"] ?? defaultPath
    }

    init(path: String) throws(CommandFailure) {
        self.path = path
        let unreachable = CommandFailure(
            .unavailable, "no agent answers on \(path)",
            advice: "start one with 'presync agent', or name its socket with --agent-socket or PRESYNC_AGENT_SOCKET")
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw CommandFailure(
                .usage, "the socket's path is too long: \(path)", advice: "use one of at most 107 bytes")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw unreachable }
        stream = StreamSocket(descriptor: descriptor, timeout: .seconds(10))
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard connected == 0 else {
            stream.close()
            throw unreachable
        }
    }

    /// Makes this process, with all that it starts, an instance, for as long as the connection is open.
    /// - Returns: the path of the client library that the agent wants its programs to use; nil while it has none.
    mutating func register(_ registration: InstanceRegistration) throws(CommandFailure) -> String? {
        switch try ask(.registerInstance(registration)) {
        case .registered(let clientLibrary):
            return clientLibrary.isEmpty ? nil : clientLibrary
        case .refused(let reason):
            throw CommandFailure(.failure, "the agent refused the instance: \(reason)")
        case .session, .sessionOf, .reportTaken, .warned:
            throw CommandFailure(.software, "the agent answered another question")
        }
    }

    /// Says something of the instance that this process belongs to.
    mutating func report(_ report: ApplicationReport) throws(CommandFailure) {
        switch try ask(.report(report)) {
        case .reportTaken:
            return
        case .refused(let reason):
            throw CommandFailure(.failure, "the agent refused the report: \(reason)")
        case .session, .sessionOf, .registered, .warned:
            throw CommandFailure(.software, "the agent answered another question")
        }
    }

    /// Reads more of what the agent says unasked, after waiting for it; false when the connection has ended.
    mutating func readMore() -> Bool {
        guard received.count <= HandOverReply.maximumLength, let part = stream.read(upTo: 4_096) else { return false }
        received += part
        return true
    }

    /// What has been read of what the agent says unasked.
    mutating func takeNotices() -> [HandOverReply] {
        var notices: [HandOverReply] = []
        while let reply = try? HandOverReply.next(from: &received) { notices.append(reply) }
        return notices
    }

    var descriptor: Int32 { stream.descriptor }

    func close() { stream.close() }

    private mutating func ask(_ request: HandOverRequest) throws(CommandFailure) -> HandOverReply {
        guard stream.write(request.encoded()) else {
            throw CommandFailure(.unavailable, "the agent on \(path) closed the connection")
        }
        return try reply()
    }

    private mutating func reply() throws(CommandFailure) -> HandOverReply {
        do {
            while received.count <= HandOverReply.maximumLength {
                if let reply = try HandOverReply.next(from: &received) { return reply }
                guard let part = stream.read(upTo: 4_096) else { break }
                received += part
            }
        } catch {
            throw CommandFailure(
                .software, "the agent on \(path) answered with something else: \(error)",
                advice: "run the agent and this program from the same build")
        }
        throw CommandFailure(.unavailable, "the agent on \(path) did not answer", advice: "look at the agent's log")
    }
}
