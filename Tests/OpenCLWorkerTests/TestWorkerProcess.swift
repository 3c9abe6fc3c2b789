import DeviceDrivers
import FleetModel
import Foundation
import OpenCLWorker
import RemotingCore
import Testing
import WorkerControl

/// A worker in a process of its own, as a GPU server starts it: the program that was built with the tests.
final class TestWorkerProcess {
    let control: ControlLink
    let endpoint: SessionEndpoint
    let controlPath: String
    let page: SharePage
    private let process = Process()
    private let directory: String

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
        process.executableURL = try Self.executable()
        process.arguments = launch.arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = FileHandle(fileDescriptor: child.number)
        try process.run()
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
        wait(for: &entries, milliseconds: 10_000)
        guard case .page(let page) = SharePage.receive(from: connection) else {
            throw WorkerLaunchError("the worker hands no page over")
        }
        return page
    }

    deinit {
        control.send(.terminate)
        process.waitUntilExit()
        try? FileManager.default.removeItem(atPath: directory)
    }

    var processID: Int32 { process.processIdentifier }
    var isRunning: Bool { process.isRunning }

    func kill() { Foundation.kill(process.processIdentifier, SIGKILL) }

    /// Whether the process ends within 20 s.
    func awaitEnd() -> Bool {
        for _ in 0..<2_000 where process.isRunning { usleep(10_000) }
        return !process.isRunning
    }

    private static func executable() throws -> URL {
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return URL(fileURLWithPath: own).deletingLastPathComponent().appendingPathComponent("presync-worker")
    }
}
