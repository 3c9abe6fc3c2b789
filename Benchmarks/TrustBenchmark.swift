import Foundation
import Hummingbird
import InterfaceCore
import InterfaceStore
import Logging

/// The client of the trusted repository: a refresh when nothing changed, from a server on this machine, and what of it
/// is reading and checking signatures.
enum TrustBenchmark {
    @Sendable static func run(isSmall: Bool, _ report: @Sendable (Measurement) -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "presync-bench-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let owner = TrustRepository(directory: folder + "/repository", keys: KeyFolder(path: folder + "/keys"))
        _ = try owner.create(rootKeys: [])
        let root = Array(try Data(contentsOf: URL(fileURLWithPath: folder + "/repository/metadata/1.root.json")))
        _ = try TrustClient.initialise(folder: folder + "/client", root: root)
        let count = isSmall ? 3 : 500
        let times = try await withServer(folder + "/repository") { base in
            try await TrustClient.with(folder: folder + "/client", mirrors: [RepositoryMirror(base: base)]) { client in
                _ = try await client.refresh()
                var times: [Double] = []
                for _ in 0..<count { times.append(try await elapsed { _ = try await client.refresh() }) }
                return times
            }
        }
        report(
            Measurement(
                name: "trust-refresh", conditions: "nothing changed, \(count) refreshes, HTTP on this machine, Ed25519",
                figures: [
                    ("p50", times.quantile(0.5), "ms"), ("p99", times.quantile(0.99), "ms"),
                    ("max", times.quantile(1), "ms"),
                ]))
        report(try verification(of: root, count: isSmall ? 10 : 5_000))
    }

    /// Reading a root of four keys and checking its signature.
    private static func verification(of root: [UInt8], count: Int) throws -> Measurement {
        let elapsed = try milliseconds {
            for _ in 0..<count { _ = try TrustedRoot.read(root, by: SwiftCryptography()) }
        }
        return Measurement(
            name: "trust-verify", conditions: "a root of \(root.count) bytes, read and its Ed25519 signature checked",
            figures: [("roots", Double(count) / (elapsed / 1e3), "/s")])
    }

    /// Milliseconds that `work` takes.
    private static func elapsed(_ work: () async throws -> Void) async rethrows -> Double {
        let duration = try await ContinuousClock().measure { try await work() }
        return duration / .milliseconds(1)
    }

    private static func withServer(
        _ directory: String, _ body: @escaping @Sendable (String) async throws -> [Double]
    ) async throws -> [Double] {
        let router = Router()
        var logger = Logger(label: "bench")
        logger.logLevel = .critical
        addRepositoryFiles(to: router, directory: directory, logger: logger)
        let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
        let application = Application(
            router: router, configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { continuation.yield($0.localAddress?.port ?? 0) }, logger: logger)
        return try await withThrowingTaskGroup(of: [Double]?.self) { group in
            group.addTask {
                try await application.run()
                return nil
            }
            group.addTask {
                var port = ports.makeAsyncIterator()
                return try await body("http://127.0.0.1:\(await port.next() ?? 0)/repository")
            }
            defer { group.cancelAll() }
            while let result = try await group.next() {
                if let result { return result }
            }
            return []
        }
    }
}
