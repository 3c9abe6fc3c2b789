import Foundation
import Glibc
import RemotingCore

/// A connection to the agent of this host, on its UNIX socket.
struct AgentSocket {
    static let defaultPath = "/run/presync/agent.sock"

    private let stream: StreamSocket
    private let path: String

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
    func register(_ registration: InstanceRegistration) throws(CommandFailure) {
        guard stream.write(HandOverRequest.registerInstance(registration).encoded()) else {
            throw CommandFailure(.unavailable, "the agent on \(path) closed the connection")
        }
        switch try reply() {
        case .registered:
            return
        case .refused(let reason):
            throw CommandFailure(.failure, "the agent refused the instance: \(reason)")
        case .session:
            throw CommandFailure(.software, "the agent answered with a session that was not asked for")
        }
    }

    func close() { stream.close() }

    private func reply() throws(CommandFailure) -> HandOverReply {
        var received: [UInt8] = []
        do {
            while received.count <= HandOverReply.maximumLength, let part = stream.read(upTo: 4_096) {
                received += part
                if let reply = try HandOverReply(decoding: received) { return reply }
            }
        } catch {
            throw CommandFailure(
                .software, "the agent on \(path) answered with something else: \(error)",
                advice: "run the agent and this program from the same build")
        }
        throw CommandFailure(.unavailable, "the agent on \(path) did not answer", advice: "look at the agent's log")
    }
}
