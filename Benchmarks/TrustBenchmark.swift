import Foundation
import InterfaceCore
import InterfaceStore

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
        let times = try await BenchmarkServer.serve { router, logger in
            addRepositoryFiles(to: router, directory: folder + "/repository", logger: logger)
        } _: { base, _ in
            try await TrustClient.with(
                folder: folder + "/client", mirrors: [RepositoryMirror(base: base + "/repository")]
            ) { client in
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
}
