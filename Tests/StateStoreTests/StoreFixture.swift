import Determinism
import FleetModel
import Foundation
import Testing

@testable import StateStore

/// The implementations that the contract suite runs against.
enum StoreKind: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case sqlite
    case inMemory

    var testDescription: String { rawValue }
}

/// One place to keep a fleet, which can be opened again and again, and is gone when the test is over.
final class StoreFixture: Sendable {
    let kind: StoreKind
    let folder: URL
    private let medium = InMemoryFleetStore.Medium()

    init(_ kind: StoreKind) throws {
        self.kind = kind
        folder = FileManager.default.temporaryDirectory.appending(path: "presync-store-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    var path: String { folder.appending(path: "state.sqlite").path }

    func open() throws -> any FleetStore {
        switch kind {
        case .sqlite: try SQLiteFleetStore(path: path)
        case .inMemory: InMemoryFleetStore(on: medium)
        }
    }
}

/// A grant with every field set from `number`, awkward bits included.
func sampleGrant(_ number: UInt64) throws -> StoredGrant {
    var generator = SeededGenerator(seed: number)
    let digest = try #require(ContentDigest(bytes: (0..<32).map { _ in UInt8(truncatingIfNeeded: generator.next()) }))
    return StoredGrant(
        grant: GrantID(rawValue: number),
        instance: InstanceDescription(
            id: InstanceID(unchecked: "host-1/vm:\(number)"), tenant: TenantID(unchecked: "tenant"),
            application: ApplicationType(unchecked: "chat"), priorityClass: PriorityClass.interactive.name),
        agent: AgentID(unchecked: "host-1"), device: DeviceID(server: GPUServerID(unchecked: "gpu-1"), index: 1),
        slice: Slice(memory: .mebibytes(512), compute: MilliShare(250)),
        epoch: Epoch(term: 3, counter: generator.next() >> 1),
        ticket: SessionTicket(high: generator.next(), low: .max),
        version: InterfaceVersion(
            kind: "opencl", version: SemanticVersion(0, 1, 0, prerelease: ["rc", "1"]), digest: digest))
}

extension StoredFleet {
    /// A transaction that builds on this fleet.
    func transaction(upserts: [StoredGrant] = [], removals: [GrantID] = []) -> StoreTransaction {
        StoreTransaction(
            expectedRevision: revision, term: term, nextGrant: nextGrant + UInt64(upserts.count), upserts: upserts,
            removals: removals)
    }
}
