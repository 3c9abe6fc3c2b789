import DeviceDrivers
import FleetModel
import Foundation
import Glibc
import RemotingCore
import Testing
import WorkerControl

/// A worker in a process of its own with PoCL, and an agent that hands its session over to the library in this process.
final class RealWorker {
    let processID: pid_t
    let agent: FakeAgent
    private var control: ControlChannel
    private let directory: String

    /// - Parameter network: the port by which the worker's is reached, where not directly.
    init(
        memory: Bytes = .mebibytes(256), limits: WorkerLimits = WorkerLimits(),
        network: (UInt16) throws -> UInt16 = { $0 }
    ) throws {
        directory = NSTemporaryDirectory() + "worker-" + UUID().uuidString.prefix(8)
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let digest = try #require(ContentDigest(bytes: [UInt8](repeating: 7, count: 32)))
        let version = InterfaceVersion(kind: OpenCLInterface.kind, version: SemanticVersion(0, 1, 0), digest: digest)
        let ticket = SessionTicket(high: 1, low: 2)
        let launch = WorkerLaunch(
            grant: GrantID(rawValue: 7), instance: InstanceID(unchecked: "i"),
            device: DeviceID(server: GPUServerID(unchecked: "s"), index: 0), selector: .openCL(platform: 0, device: 0),
            epoch: Epoch(term: 1, counter: 5), slice: Slice(memory: memory, compute: MilliShare(500)),
            interface: version, listenHost: "127.0.0.1", advertisedHost: "localhost",
            controlPath: directory + "/control", timeToLive: .seconds(60))
        let (own, child) = try ControlSocket.pair()
        control = ControlChannel(own)
        processID = try Self.spawn(launch.arguments, limits, input: child.number)
        _ = control.send(WorkerCommand.ticket(ticket).encoded)
        var line: [UInt8]?
        while line == nil {
            var entries = [pollfd(control.descriptor, POLLIN)]
            wait(for: &entries, milliseconds: 20_000)
            guard let lines = control.receive() else { throw WorkerLaunchError("the worker has ended") }
            line = lines.first
        }
        guard case .identity(let identity)? = line.flatMap({ WorkerAnswer(line: $0) }) else {
            throw WorkerLaunchError("the worker is not ready")
        }
        let interface = try #require(
            InterfaceIdentity(kind: version.kind, version: version.version.description, digest: digest.bytes))
        let hello = ClientHello(
            interface: interface,
            credential: SessionCredential(grant: 7, ticketHigh: ticket.high, ticketLow: ticket.low))
        let (socket, acceptance, stream) = try Self.open(
            try network(identity.endpoint.port), ClientHandshake(hello))
        let session = HandedOverSession(
            foundReadiness: 3, grant: 7, elapsedMicroseconds: 1, interfaceVersion: OpenCLInterface.version,
            continuation: try #require(stream.continuation()), deviceInformation: acceptance.deviceInformation)
        agent = try FakeAgent(handingOver: [socket], session)
    }

    deinit {
        kill(processID, SIGKILL)
        waitpid(processID, nil, 0)
        try? FileManager.default.removeItem(atPath: directory)
    }

    /// Ends the worker, and the session of the library that has it.
    func end(for loaded: LoadedPlatform) {
        agent.end()
        kill(processID, SIGKILL)
        LoadedPlatform.awaitLoss(loaded.calls, loaded.device)
    }

    /// Whether the process ends by itself within 20 s.
    func awaitEnd() -> Bool {
        for _ in 0..<2_000 {
            if waitpid(processID, nil, WNOHANG) != 0 { return true }
            usleep(10_000)
        }
        return false
    }

    private static func open(
        _ port: UInt16, _ handshaking: ClientHandshake
    ) throws -> (CInt, SessionAcceptance, SessionStream) {
        let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(status == 0)
        var handshake = handshaking
        _ = handshake.bytesToSend.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, 0) }
        while true {
            var bytes = [UInt8](repeating: 0, count: 65_536)
            let count = recv(descriptor, &bytes, bytes.count, 0)
            try #require(count > 0)
            switch try handshake.received(bytes[..<count]) {
            case .incomplete: continue
            case .refused(let refusal): throw WorkerLaunchError(refusal.message)
            case .accepted(let acceptance, let stream):
                // As an agent leaves it.
                _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
                return (descriptor, acceptance, stream)
            }
        }
    }

    private static func spawn(_ arguments: [String], _ limits: WorkerLimits, input: Int32) throws -> pid_t {
        let program = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
            .appendingPathComponent("presync-worker").path
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
        var texts = ([program] + arguments).map { strdup($0) } + [nil]
        defer { for text in texts { free(text) } }
        var process: pid_t = 0
        let environment = ProcessInfo.processInfo.environment.merging(limits.environment) { $1 }
        var variables = environment.map { strdup("\($0)=\($1)") } + [nil]
        defer { for variable in variables { free(variable) } }
        try #require(posix_spawn(&process, program, &actions, nil, &texts, &variables) == 0)
        return process
    }
}
