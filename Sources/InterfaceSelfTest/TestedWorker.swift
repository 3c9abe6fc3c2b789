import DeviceDrivers
import FleetModel
import Glibc
import WorkerControl

/// The worker under test, started as a GPU server starts one.
final class TestedWorker {
    let ticket: SessionTicket
    private(set) var endpoint = SessionEndpoint(host: "127.0.0.1", port: 0)
    private let pid: pid_t
    private var channel: ControlChannel

    /// The slice that it enforces: enough for the checks, little on a device that is in use.
    static let memory = Bytes.mebibytes(16)
    private static let grant = GrantID(rawValue: 1)
    /// How long a worker may take to open its device.
    private static let startPatience = Duration.seconds(30)
    private static let endPatience = Duration.seconds(5)

    /// Starts it, and waits until it is ready for its session.
    init(_ order: SelfTestOrder, folder: String) throws(SelfTestFailure) {
        var random = SystemRandomNumberGenerator()
        ticket = SessionTicket(high: random.next(), low: random.next())
        guard let instance = InstanceID(rawValue: "self-test"), let server = GPUServerID(rawValue: "self-test") else {
            throw SelfTestFailure("no name for the test's instance")
        }
        let launch = WorkerLaunch(
            grant: Self.grant, instance: instance, device: DeviceID(server: server, index: 0), selector: order.device,
            epoch: Epoch(term: 1, counter: 1), slice: Slice(memory: Self.memory, compute: MilliShare(1_000)),
            interface: order.interface, testedWith: order.servedClients, listenHost: "127.0.0.1",
            advertisedHost: "127.0.0.1", controlPath: folder + "/control", timeToLive: .seconds(60))
        do {
            let (own, child) = try ControlSocket.pair()
            pid = try Self.spawn(order.worker, launch.arguments, input: child)
            channel = ControlChannel(own)
        } catch {
            throw SelfTestFailure("the worker cannot be started: \(error)")
        }
        guard channel.send(WorkerCommand.ticket(ticket).encoded) else {
            throw SelfTestFailure("the worker takes no ticket")
        }
        endpoint = try awaitIdentity().endpoint
    }

    /// Ends the worker, which must go well.
    func end() throws(SelfTestFailure) {
        _ = channel.send(WorkerCommand.terminate.encoded)
        let deadline = ContinuousClock.now + Self.endPatience
        while true {
            var status: Int32 = 0
            if waitpid(pid, &status, WNOHANG) == pid {
                guard status == 0 else { throw SelfTestFailure("the worker ended badly: status \(status)") }
                return
            }
            guard .now < deadline else { throw SelfTestFailure("the worker does not end when it is told to") }
            usleep(2_000)
        }
    }

    private func awaitIdentity() throws(SelfTestFailure) -> WorkerIdentity {
        let deadline = ContinuousClock.now + Self.startPatience
        while .now < deadline {
            var entries = [pollfd(channel.descriptor, POLLIN)]
            wait(for: &entries, milliseconds: 100)
            guard let lines = channel.receive() else {
                throw SelfTestFailure("the worker ended before it was ready")
            }
            for line in lines {
                switch WorkerAnswer(line: line) {
                case .identity(let identity): return identity
                case .failed(let reason): throw SelfTestFailure("the worker: \(reason)")
                default: continue
                }
            }
        }
        throw SelfTestFailure("the worker was not ready within \(Self.startPatience.inSeconds) s")
    }

    /// In the test's own process group, so that nothing of it is left when that is ended.
    private static func spawn(
        _ program: String, _ arguments: [String], input: Descriptor
    ) throws(SystemError) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input.number, STDIN_FILENO)
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)
        var pid: pid_t = 0
        let status = ProgramStart.withCStrings([program] + arguments) { arguments in
            ProgramStart.withCStrings(WorkerEnvironment.current) {
                posix_spawn(&pid, program, &actions, nil, arguments, $0)
            }
        }
        guard status == 0 else { throw SystemError("start \(program)", code: status) }
        return pid
    }
}
