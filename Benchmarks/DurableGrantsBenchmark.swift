import FleetModel
import Foundation
import StateStore

/// Grants made durable by SQLite on this machine's disk: one in each commit, and many in each (group commit).
enum DurableGrantsBenchmark {
    @Sendable static func run(isSmall: Bool, _ report: @Sendable (Measurement) -> Void) async throws {
        for group in [1, 50, 500] {
            report(try await measure(group: group, commits: isSmall ? 2 : group == 1 ? 200 : 50))
        }
    }

    private static func measure(group: Int, commits: Int) async throws -> Measurement {
        let folder = FileManager.default.temporaryDirectory.appending(path: "presync-bench-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let store = try SQLiteFleetStore(path: folder.appending(path: "state.sqlite").path)
        var fleet = try await store.beginTerm()
        var times: [Double] = []
        let clock = ContinuousClock()
        for _ in 0..<commits {
            let grants = (0..<group).map { grant(fleet.nextGrant + UInt64($0)) }
            fleet.nextGrant += UInt64(group)
            let transaction = StoreTransaction(
                expectedRevision: fleet.revision, term: fleet.term, nextGrant: fleet.nextGrant, upserts: grants,
                removals: [])
            let begin = clock.now
            guard case .committed(let revision) = await store.commit(transaction) else { throw NotCommitted() }
            let elapsed = clock.now - begin
            times.append(Double(elapsed.components.seconds) * 1e3 + Double(elapsed.components.attoseconds) / 1e15)
            fleet.revision = revision
        }
        await store.close()
        return Measurement(
            name: "durable-grants", conditions: "\(group) in a commit, \(commits) commits, SQLite, WAL, synchronous",
            figures: [
                ("grants", Double(group * commits) / (times.reduce(0, +) / 1e3), "/s"),
                ("commit p50", times.quantile(0.5), "ms"), ("commit p99", times.quantile(0.99), "ms"),
            ])
    }

    private struct NotCommitted: Error {}

    private static func grant(_ number: UInt64) -> StoredGrant {
        StoredGrant(
            grant: GrantID(rawValue: number),
            instance: InstanceDescription(
                id: InstanceID(unchecked: "instance-\(number)"), tenant: TenantID(unchecked: "tenant"),
                application: ApplicationType(unchecked: "chat")),
            agent: AgentID(unchecked: "agent"), device: DeviceID(server: GPUServerID(unchecked: "server"), index: 0),
            slice: Slice(memory: .mebibytes(512), compute: MilliShare(250)), epoch: Epoch(term: 1, counter: number),
            ticket: SessionTicket(high: number, low: number),
            version: InterfaceVersion(kind: "opencl", version: SemanticVersion(1, 0, 0), digest: .zero))
    }
}
