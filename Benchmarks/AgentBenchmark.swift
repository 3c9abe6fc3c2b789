import ControlProtocol
import FleetModel
import Foundation
import InterfaceStore
import Logging
import ManagerRuntime
import Observability
import RemotingCore
import ServiceLifecycle

/// A whole agent: what a hand-over takes, and what the agent costs its host meanwhile.
///
/// A manager in this process wants a slice reserved for each instance at all times. The GPU server (one synthetic
/// device) and the agent are real processes of this build, and so is what stands for programs: four process trees of
/// ten processes each, and the host, of which this process asks for a session again and again.
enum AgentBenchmark {
    @Sendable static func run(isSmall: Bool, _ report: @Sendable (Measurement) -> Void) async throws {
        // Short: sockets lie below it, and their paths are bounded.
        let folder = FileManager.default.temporaryDirectory.path + "/presync-bench-\(getpid())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let (listening, listen) = AsyncStream<ManagerService.Addresses>.makeStream()
        let logger = Logger(label: "bench", factory: { _ in SwiftLogNoOpLogHandler() })
        let manager = try manager(in: folder, logger) { listen.yield($0) }
        let group = ServiceGroup(configuration: .init(services: [manager], logger: logger))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                defer { listen.finish() }
                try await group.run()
            }
            var failure: (any Error)?
            var addresses = listening.makeAsyncIterator()
            if let address = await addresses.next() {
                do {
                    let host = try BenchmarkHost(folder: folder, manager: address.control)
                    defer { host.end() }
                    try await measure(host, cycles: isSmall ? 1 : 30, report)
                } catch {
                    failure = error
                }
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            if let failure { throw failure }
        }
    }

    /// A manager that keeps a slice reserved for whoever is there.
    private static func manager(
        in folder: String, _ logger: Logger, onListening: @escaping @Sendable (ManagerService.Addresses) -> Void
    ) throws -> ManagerService {
        var configuration = ManagerConfiguration()
        configuration.listen = ManagerAddress(host: "127.0.0.1", port: 0)
        configuration.httpListen = ManagerAddress(host: "127.0.0.1", port: 0)
        configuration.stateDirectory = folder + "/manager"
        var always = PriorityClass.standard
        (always.weight, always.grace) = (1e9, .seconds(3_600))
        configuration.classes = [always]
        return ManagerService(
            configuration: configuration, softwareVersion: "bench", logger: logger,
            interfaces: RepositoryPublication(
                state: folder + "/manager", directory: nil, logger: logger
            ) { store in
                let built = try BundleBuilder.folderOfThisProgram()
                return try BundleBuilder(store: store).build(
                    version: SemanticVersion(0, 1, 0), wireRevisions: 1...UInt32(SessionLimits.revision),
                    clientLibrary: built + "/libPresyncOpenCL.so", worker: built + "/presync-worker")
            }.publication,
            onListening: onListening)
    }

    private static func measure(
        _ host: BenchmarkHost, cycles: Int, _ report: @Sendable (Measurement) -> Void
    ) async throws {
        try host.startTrees(4, processes: 10)
        var prepared: [Double] = []
        var unprepared = 0
        let before = host.agentUsage()
        let begin = ContinuousClock.now
        for _ in 0..<cycles {
            try await host.waitUntilReserved(BenchmarkHost.instance)
            let (reply, elapsed) = try host.askForSession()
            if reply.foundReadiness == Readiness.reserved.rawValue { prepared.append(elapsed) } else { unprepared += 1 }
        }
        let seconds = Double((ContinuousClock.now - begin).components.seconds)
        report(
            Measurement(
                name: "agent", conditions: "hand-over of a reserved session, connect to reply, \(cycles) programs",
                figures: [
                    ("found reserved", Double(prepared.count), ""), ("not", Double(unprepared), ""),
                    ("p50", prepared.quantile(0.5), "ms"), ("p90", prepared.quantile(0.9), "ms"),
                    ("max", prepared.quantile(1), "ms"),
                ]))
        guard let before, let after = host.agentUsage() else { return }
        report(
            Measurement(
                name: "agent",
                conditions: "5 instances of 41 processes, \(Int(seconds)) s at 1 Hz with these hand-overs",
                figures: [
                    ("CPU", (after.cpuSeconds - before.cpuSeconds) / max(seconds, 1) * 100, "% of a core"),
                    ("resident", after.residentMebibytes, "MiB"), ("of it anonymous", after.anonymousMebibytes, "MiB"),
                ]))
    }
}
