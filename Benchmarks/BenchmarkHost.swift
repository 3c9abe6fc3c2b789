import ControlProtocol
import FleetModel
import Foundation
import RemotingCore

/// A host with an agent and a GPU server of this build, and the processes that the agent measures.
final class BenchmarkHost {
    struct NotServed: Error, CustomStringConvertible {
        var description: String
    }

    /// The instance that is the whole host, this process with it.
    static let instance = "host"

    private let manager: ManagerAddress
    private let socket: String
    private let programs: String
    private var processes: [Process] = []
    private var agent: Process?

    /// Starts the daemons, with their state below `folder`.
    init(folder: String, manager: ManagerAddress) throws {
        self.manager = manager
        socket = folder + "/agent.sock"
        programs = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().path
        let common = ["--manager", "\(manager)", "--id", "bench", "--status-listen", "none", "--log-level", "warning"]
        try start("gpu-server", common + ["--synthetic-devices", "1", "--state-directory", folder + "/gpu-server"])
        agent = try start(
            "agent",
            common + [
                "--socket", socket, "--state-directory", folder + "/agent", "--host-instance", Self.instance,
            ])
    }

    /// Starts process trees of `processes` each, each an instance.
    func startTrees(_ count: Int, processes: Int) throws {
        try waitForSocket()
        for index in 0..<count {
            let tree = "for i in $(seq \(processes - 2)); do sleep 600 & done; wait"
            try start("run", ["--agent-socket", socket, "--instance", "tree-\(index)", "--", "sh", "-c", tree])
        }
    }

    /// Asks for a session as a client library does, and leaves again.
    /// - Returns: the reply, and the milliseconds from connecting to it.
    func askForSession() throws -> (HandedOverSession, Double) {
        var reply: HandOverReply?
        let elapsed = try milliseconds {
            let connection = try BenchmarkConnection(to: socket)
            defer { connection.close() }
            reply = try connection.ask(.openSession(HandOverDemand()))
        }
        guard case .session(let session)? = reply else { throw NotServed(description: "no session: \(reply as Any)") }
        return (session, elapsed)
    }

    func waitUntilReserved(_ instance: String) async throws {
        var last: InstanceOverview?
        for _ in 0..<1_200 {
            let overview = try? await AdminClient.withConnection(to: manager) {
                try await $0.overview(forecasts: false)
            }
            let found = overview?.instances.first { $0.description.id.rawValue == instance }
            if found?.readiness == .reserved { return }
            last = found ?? last
            try await Task.sleep(for: .milliseconds(50))
        }
        throw NotServed(
            description: "\(instance) was not prepared within a minute: "
                + "\(last?.readiness.description ?? "unknown"), \(last?.shortfall ?? "nothing is wanted for it")")
    }

    /// What the agent's process has used; nil where it is gone.
    func agentUsage() -> ProcessUsage? { agent.flatMap { ProcessUsage(of: $0.processIdentifier) } }

    /// Ends what was started, the last first.
    func end() {
        for process in processes.reversed() where process.isRunning {
            process.terminate()
            // Not `waitUntilExit()`: it waits on a run loop, which a task's thread does not have.
            for _ in 0..<500 where process.isRunning { usleep(10_000) }
        }
    }

    @discardableResult
    private func start(_ command: String, _ arguments: [String]) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: programs + "/presync")
        process.arguments = [command] + arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        processes.append(process)
        return process
    }

    private func waitForSocket() throws {
        for _ in 0..<200 {
            if let connection = try? BenchmarkConnection(to: socket) { return connection.close() }
            usleep(50_000)
        }
        throw NotServed(description: "the agent did not open its socket within 10 s")
    }
}

/// A program's connection to the agent.
final class BenchmarkConnection {
    private let descriptor: Int32

    init(to path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
        let descriptor = descriptor
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
        guard connected else {
            Glibc.close(descriptor)
            throw BenchmarkHost.NotServed(description: "no agent on \(path)")
        }
    }

    /// The reply; nil where the agent closed the connection. A descriptor that comes with it is closed by the kernel.
    func ask(_ request: HandOverRequest) throws -> HandOverReply? {
        let bytes = request.encoded()
        send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        var received: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { return nil }
            received += buffer[..<count]
            if let reply = try HandOverReply.next(from: &received) { return reply }
        }
    }

    func close() { Glibc.close(descriptor) }
}
