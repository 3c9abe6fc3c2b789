import DeviceDrivers
import FleetModel
import Foundation
import Glibc
import OpenCLWorker
import RemotingCore
import Synchronization
import Testing
import WorkerControl

/// A worker in a process of its own, as a GPU server starts it: the program that was built with the tests.
final class TestWorkerProcess {
    let control: ControlLink
    let endpoint: SessionEndpoint
    let controlPath: String
    let page: SharePage
    let processID: pid_t
    private let directory: String
    private let isReaped = Mutex(false)

    /// Starts a worker and waits until it is ready.
    init(
        memory: Bytes = .mebibytes(64), compute: MilliShare = MilliShare(500), environment: [String: String] = [:]
    ) throws {
        directory = NSTemporaryDirectory() + "worker-" + UUID().uuidString.prefix(8)
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        controlPath = directory + "/control"
        let launch = try TestWorker.launch(
            .openCL(platform: 0, device: 0), memory: memory, compute: compute, controlPath: controlPath)
        let (own, child) = try ControlSocket.pair()
        processID = try Self.spawn(
            launch.arguments, input: child.number,
            environment: ProcessInfo.processInfo.environment.merging(environment) { $1 })
        control = ControlLink(own)
        control.send(.ticket(TestWorker.ticket))
        switch try #require(control.receive()) {
        case .identity(let identity): endpoint = identity.endpoint
        case let answer: throw WorkerLaunchError("the worker is not ready but says \(answer)")
        }
        page = try Self.page(of: controlPath)
    }

    /// The page, as a GPU server gets it that connects and leaves again.
    private static func page(of controlPath: String) throws -> SharePage {
        let connection = try ControlSocket.connect(to: controlPath)
        _ = WorkerCommand.share.encoded.withUnsafeBytes { connection.send($0) }
        var entries = [pollfd(connection, POLLIN)]
        wait(for: &entries, milliseconds: 60_000)
        guard case .page(let page) = SharePage.receive(from: connection) else {
            throw WorkerLaunchError("the worker hands no page over")
        }
        return page
    }

    deinit {
        control.send(.terminate)
        if !awaitEnd() {
            kill()
            _ = awaitEnd()
        }
        try? FileManager.default.removeItem(atPath: directory)
    }

    var isRunning: Bool {
        isReaped.withLock { isReaped in
            if !isReaped { isReaped = waitpid(processID, nil, WNOHANG) != 0 }
            return !isReaped
        }
    }

    func kill() { if isRunning { Glibc.kill(processID, SIGKILL) } }

    /// Whether the process ends within 20 s.
    func awaitEnd() -> Bool {
        for _ in 0..<2_000 where isRunning { usleep(10_000) }
        return !isRunning
    }

    /// Not Foundation's `Process`, which learns of an end by a descriptor that a worker closes when it begins, and then
    /// waits for one process after the other.
    private static func spawn(_ arguments: [String], input: Int32, environment: [String: String]) throws -> pid_t {
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let program = URL(fileURLWithPath: own).deletingLastPathComponent().appendingPathComponent("presync-worker")
            .path
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
        var texts = ([program] + arguments).map { strdup($0) } + [nil]
        var variables = environment.map { strdup("\($0)=\($1)") } + [nil]
        defer { for text in texts + variables { free(text) } }
        var process: pid_t = 0
        let code = posix_spawn(&process, program, &actions, nil, &texts, &variables)
        guard code == 0 else { throw WorkerLaunchError("posix_spawn \(program): \(code)") }
        return process
    }
}
