import FleetModel
import InterfaceCore
import Testing

@testable import InterfaceStore

/// A kill before each operation on the disk, and within each write: the host is on the old or the new version, whole, and
/// the next life gets where this one was going.
@Suite struct DiskLifeTests {
    private let nobody = InterfaceSources(manager: "")

    /// Limits the lives of `work` to 0, 1, 2… operations until it comes to its end, and calls `check` after each.
    private func enumerate(
        _ work: () async throws -> Void, prepare: (Int) async throws -> Void, check: (Int) async throws -> Void
    ) async throws -> [String] {
        for count in 0..<2_000 {
            try await prepare(count)
            let life = DiskLife(operations: count)
            var isDone = true
            do { try await Disk.$life.withValue(life) { try await work() } } catch { isDone = false }
            try await check(count)
            if isDone, life.operations.count < count { return life.operations }
        }
        Issue.record("the work does not end")
        return []
    }

    @Test func anInstallationAndActivationMayBeKilledAnywhere() async throws {
        let versions = try TwoVersions()
        var name = ""
        let operations = try await enumerate {
            _ = try await versions.host(name) { try await $0.prepare(versions.new, from: nobody) }
        } prepare: { count in
            name = "host-\(count)"
            _ = try await versions.host(name) { try await $0.prepare(versions.old, from: nobody) }
        } check: { count in
            let store = versions.store(name)
            let inForce = try #require(try store.active(kind: "opencl"), "after \(count) operations")
            #expect([versions.old, versions.new].contains(inForce))
            // Whatever counts as installed is whole.
            for version in try store.installed() { _ = try store.verifiedBundle(version) }
            let active = try await versions.host(name) { await $0.activateInstalled() }
            #expect(active.contains { $0.version == versions.old } && active.last?.version == inForce)
            let done = try await versions.host(name) { try await $0.prepare(versions.new, from: nobody) }
            #expect(try StoreFixture.read(done.worker) == TwoVersions.newWorker)
            #expect(try store.active(kind: "opencl") == versions.new)
            #expect(try Folder.names(in: store.layout.incoming) == [])
        }
        for step in ["create", "write", "chmod", "fsync", "rename", "link", "symlink", "mkdir"] {
            #expect(operations.contains(step), "\(step) was not among the steps")
        }
    }

    @Test func aFirstInstallationMayBeKilledAnywhere() async throws {
        let versions = try TwoVersions()
        var name = ""
        _ = try await enumerate {
            _ = try await versions.host(name) { try await $0.prepare(versions.new, from: nobody) }
        } prepare: { count in
            name = "first-\(count)"
        } check: { _ in
            let store = versions.store(name)
            for version in try store.installed() { _ = try store.verifiedBundle(version) }
            let done = try await versions.host(name) { try await $0.prepare(versions.new, from: nobody) }
            #expect(done.version == versions.new)
        }
    }

    @Test func makingRoomMayBeKilledAnywhere() async throws {
        let versions = try TwoVersions()
        var name = ""
        let operations = try await enumerate {
            _ = try versions.store(name).collectGarbage(quota: 0, keeping: [])
        } prepare: { count in
            name = "room-\(count)"
            _ = try await versions.host(name) { host in
                _ = try await host.prepare(versions.old, from: nobody)
                return try await host.prepare(versions.new, from: nobody)
            }
        } check: { _ in
            let store = versions.store(name)
            for version in try store.installed() { _ = try store.verifiedBundle(version) }
            #expect(try store.installed().contains(versions.new))
            #expect(try store.collectGarbage(quota: 0, keeping: []).removed.count <= 1)
            #expect(try store.installed() == [versions.new])
            #expect(try Folder.names(in: store.layout.blobs).count == 2)
        }
        #expect(operations.contains("rmdir"))
    }
}
