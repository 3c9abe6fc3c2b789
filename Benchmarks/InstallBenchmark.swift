import FleetModel
import Foundation
import InterfaceCore
import InterfaceStore
import Logging

/// Installing an interface version: the rate of one installation against what SHA-256 and the disk do in the same run,
/// and a fleet that fetches from one GPU server.
///
/// All of it is in this process: the manager's web server with the trusted repository, a GPU server's with its store, and
/// the hosts, each with folders of its own on this machine's disk.
enum InstallBenchmark {
    @Sendable static func run(isSmall: Bool, _ report: @Sendable (Measurement) -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "presync-bench-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let large = try Publication(folder: folder + "/large", mebibytes: isSmall ? 2 : 128)
        try report(limits(large))
        try await installation(large, times: isSmall ? 1 : 5, report)
        let fleet = try Publication(folder: folder + "/fleet", mebibytes: 1)
        try await fleetInstallation(fleet, hosts: isSmall ? 5 : 1_000, report)
    }

    /// What this machine could do at most.
    private static func limits(_ published: Publication) throws -> Measurement {
        let content = try Data(contentsOf: URL(fileURLWithPath: published.file))
        let bytes = [UInt8](content)
        let hashing = milliseconds { _ = ContentDigest.sha256(bytes) }
        let copy = published.folder + "/copy"
        let writing = try milliseconds {
            guard FileManager.default.createFile(atPath: copy, contents: nil),
                let file = FileHandle(forWritingAtPath: copy)
            else { throw CocoaError(.fileWriteUnknown) }
            try file.write(contentsOf: content)
            try file.synchronize()
            try file.close()
        }
        try FileManager.default.removeItem(atPath: copy)
        return Measurement(
            name: "install-limits", conditions: "\(content.count >> 20) MiB",
            figures: [
                ("SHA-256", published.megabytes / hashing * 1e3, "MB/s"),
                ("write and fsync", published.megabytes / writing * 1e3, "MB/s"),
            ])
    }

    /// One host, time after time from nothing; and what it takes when everything is there.
    private static func installation(
        _ published: Publication, times: Int, _ report: @Sendable (Measurement) -> Void
    ) async throws {
        let figures = try await published.served { sources, _, _ in
            var (cold, warm): ([Double], [Double]) = ([], [])
            for index in 0..<times {
                let host = "\(published.folder)/host-\(index)"
                try await published.host(host) { interfaces in
                    cold.append(
                        try await elapsed { _ = try await interfaces.prepare(published.version, from: sources) })
                    warm.append(
                        try await elapsed { _ = try await interfaces.prepare(published.version, from: sources) })
                }
                try FileManager.default.removeItem(atPath: host)
            }
            return (cold: cold.quantile(0.5), warm: warm.quantile(0.5))
        }
        report(
            Measurement(
                name: "install", conditions: "a bundle of \(Int(published.megabytes)) MB, from a GPU server, one host",
                figures: [
                    ("fetched, checked, durable, in force", published.megabytes / figures.cold * 1e3, "MB/s"),
                    ("checked again and put in force", published.megabytes / figures.warm * 1e3, "MB/s"),
                ]))
    }

    /// Many hosts at once.
    private static func fleetInstallation(
        _ published: Publication, hosts: Int, _ report: @Sendable (Measurement) -> Void
    ) async throws {
        let result = try await published.served { sources, manager, server in
            let started = ContinuousClock.now
            let times = try await withThrowingTaskGroup(of: Double.self) { group in
                var times: [Double] = []
                for index in 0..<hosts {
                    if index >= atOnce, let time = try await group.next() { times.append(time) }
                    group.addTask {
                        try await elapsed {
                            try await published.host("\(published.folder)/host-\(index)") {
                                _ = try await $0.prepare(published.version, from: sources)
                            }
                        }
                    }
                }
                for try await time in group { times.append(time) }
                return times
            }
            return (
                (ContinuousClock.now - started) / .milliseconds(1), times,
                metadata: manager.requests(below: "/repository/metadata"),
                targets: manager.requests(below: "/repository/targets"), peer: server.requests(below: "/")
            )
        }
        report(
            Measurement(
                name: "install-fleet",
                conditions:
                    "\(hosts) hosts, \(atOnce) at once, a bundle of 2 files and \(Int(published.megabytes)) MB, from one GPU server",
                figures: [
                    ("all", result.0 / 1e3, "s"), ("a host p50", result.1.quantile(0.5), "ms"),
                    ("p99", result.1.quantile(0.99), "ms"),
                    ("asked of the GPU server", Double(result.peer) / Double(hosts), "requests a host"),
                    ("of the manager: metadata", Double(result.metadata) / Double(hosts), "requests a host"),
                    ("of the manager: files", Double(result.targets), "requests"),
                ]))
    }

    private static let atOnce = 64

    /// Milliseconds that `work` takes.
    private static func elapsed(_ work: () async throws -> Void) async rethrows -> Double {
        let duration = try await ContinuousClock().measure { try await work() }
        return duration / .milliseconds(1)
    }
}

/// A trusted repository with one version, and a GPU server's store that has it.
private struct Publication: Sendable {
    let folder: String
    let version: InterfaceVersion
    /// The larger of its two files, of bytes at random.
    let file: String
    let megabytes: Double
    private let store: LocalInterfaceStore

    init(folder: String, mebibytes: Int) throws {
        self.folder = folder
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let file = folder + "/worker"
        self.file = file
        var generator = SystemRandomNumberGenerator()
        var words = [UInt64](repeating: 0, count: mebibytes << 17)
        for index in words.indices { words[index] = generator.next() }
        try words.withUnsafeBytes { try Data($0).write(to: URL(fileURLWithPath: file)) }
        let library = folder + "/client.so"
        try Data("a library".utf8).write(to: URL(fileURLWithPath: library))
        megabytes = Double(mebibytes << 20) / 1e6
        let store = LocalInterfaceStore(directory: folder + "/server")
        let owner = TrustRepository(directory: folder + "/repository", keys: KeyFolder(path: folder + "/keys"))
        _ = try owner.create(rootKeys: [])
        version = try BundleBuilder(store: store).build(
            version: SemanticVersion(1, 0, 0), wireRevisions: 1...1, clientLibrary: library, worker: file
        ).version
        _ = try owner.publish([version], from: store)
        self.store = store
    }

    /// Runs `body` while a manager serves the repository and a GPU server its store.
    func served<Result: Sendable>(
        _ body: @escaping @Sendable (InterfaceSources, BenchmarkServer, BenchmarkServer) async throws -> Result
    ) async throws -> Result {
        try await BenchmarkServer.serve { router, logger in
            addRepositoryFiles(to: router, directory: folder + "/repository", logger: logger)
        } _: { manager, asked in
            try await BenchmarkServer.serve { router, _ in
                addBundleRoutes(to: router, store: store)
            } _: { peer, served in
                try await body(InterfaceSources(manager: manager, peers: [peer]), asked, served)
            }
        }
    }

    /// Runs `body` with the interfaces of a host that has its folder here.
    func host(_ host: String, _ body: (HostInterfaces) async throws -> Void) async throws {
        var configuration = HostInterfacesConfiguration()
        configuration.root = folder + "/repository/metadata/1.root.json"
        var logger = Logger(label: "bench")
        logger.logLevel = .critical
        try await HostInterfaces.with(
            configuration, store: LocalInterfaceStore(directory: host + "/store"), trust: host + "/trust",
            logger: logger, body)
    }
}
