import FleetModel
import Glibc
import InterfaceCore
import InterfaceStore
import Testing

@Suite struct LocalInterfaceStoreTests {
    @Test func whatIsInstalledIsListedOldestFirst() async throws {
        let (newer, older) = (
            try StoreFixture(version: SemanticVersion(1, 10, 0)), try StoreFixture(version: SemanticVersion(1, 9, 0))
        )
        let store = newer.emptyStore()
        #expect(try store.installed() == [])
        _ = try await store.install(newer.published.version, from: newer.repository.layout.directory)
        _ = try await store.install(older.published.version, from: older.repository.layout.directory)
        #expect(try store.installed() == [older.published.version, newer.published.version])
    }

    @Test func anActivatedBundleHasItsFilesByName() async throws {
        let fixture = try StoreFixture()
        let store = try await fixture.installedStore()
        #expect(try store.active(kind: "opencl") == nil)
        let active = try store.activate(fixture.published.version)
        #expect(try StoreFixture.read(active.worker) == StoreFixture.workerContents)
        #expect(try StoreFixture.read(active.clientLibrary) == StoreFixture.clientContents)
        #expect(active.clientLibrary.hasSuffix("/lib/client.so"))
        #expect(access(active.worker, X_OK) == 0)
        #expect(try store.active(kind: "opencl") == fixture.published.version)
        #expect(try store.activate(fixture.published.version) == active, "once more changes nothing")
    }

    @Test func activationSwitchesAndLeavesTheOldBundleInPlace() async throws {
        let (one, two) = (try StoreFixture(), try StoreFixture(version: SemanticVersion(2, 0, 0)))
        let store = try await one.installedStore()
        _ = try await store.install(two.published.version, from: two.repository.layout.directory)
        let old = try store.activate(one.published.version)
        _ = try store.activate(two.published.version)
        #expect(try store.active(kind: "opencl") == two.published.version)
        #expect(StoreFixture.exists(old.worker), "a running session keeps its files")
    }

    @Test func equalFilesGiveAnEqualBundle() throws {
        #expect(try StoreFixture().published == StoreFixture().published)
    }

    // MARK: Damage

    enum Damage: CaseIterable {
        case content, length, missing, permission, symbolicLink
    }

    @Test(arguments: Damage.allCases)
    func aDamagedFileIsNotActivatedAndIsRepairedByInstalling(damage: Damage) async throws {
        let fixture = try StoreFixture()
        let store = try await fixture.installedStore()
        let path = try fixture.blob(.worker, in: store)
        switch damage {
        case .content:
            var bytes = StoreFixture.workerContents
            bytes[3] ^= 1
            try StoreFixture.write(bytes, to: path, mode: 0o755)
        case .length: try StoreFixture.write(StoreFixture.workerContents + [0], to: path, mode: 0o755)
        case .missing: unlink(path)
        case .permission: chmod(path, 0o444)
        case .symbolicLink:
            unlink(path)
            symlink(fixture.directory + "/worker", path)
        }
        #expect(throws: StoreError.self) { try store.activate(fixture.published.version) }
        #expect(try store.active(kind: "opencl") == nil)
        _ = try await store.install(fixture.published.version, from: fixture.repository.layout.directory)
        let active = try store.activate(fixture.published.version)
        #expect(try StoreFixture.read(active.worker) == StoreFixture.workerContents)
    }

    @Test func aReplacedNameIsPutRightAtActivation() async throws {
        let fixture = try StoreFixture()
        let store = try await fixture.installedStore()
        let active = try store.activate(fixture.published.version)
        try StoreFixture.write(Array("evil".utf8), to: active.worker, mode: 0o755)
        #expect(try store.activate(fixture.published.version) == active)
        #expect(try StoreFixture.read(active.worker) == StoreFixture.workerContents)
    }

    @Test func aManifestWithOtherBytesIsNotInstalled() async throws {
        let fixture = try StoreFixture()
        let store = try await fixture.installedStore()
        let path = store.layout.manifest(fixture.published.version.digest)
        try StoreFixture.write(try StoreFixture.read(path) + [0], to: path)
        #expect(try store.installed() == [])
        #expect(throws: StoreError.self) { try store.activate(fixture.published.version) }
    }

    @Test func aVersionThatTheManifestDoesNotNameIsRefused() async throws {
        let fixture = try StoreFixture()
        var version = fixture.published.version
        version.version = SemanticVersion(9, 0, 0)
        let store = fixture.emptyStore()
        let asked = version
        let error = await #expect(throws: StoreError.self) {
            try await store.install(asked, from: fixture.repository.layout.directory)
        }
        #expect(error?.code == .malformed)
        #expect(try store.installed() == [])
    }

    // MARK: Crashes and rivals

    @Test func anInterruptedInstallationIsFinishedByTheNext() async throws {
        let fixture = try StoreFixture()
        let store = fixture.emptyStore()
        unlink(try fixture.blob(.worker, in: fixture.repository))
        await #expect(throws: StoreError.self) {
            try await store.install(fixture.published.version, from: fixture.repository.layout.directory)
        }
        #expect(try store.installed() == [], "a bundle is there whole or not at all")
        try StoreFixture.write(
            StoreFixture.workerContents, to: try fixture.blob(.worker, in: fixture.repository))
        _ = try await store.install(fixture.published.version, from: fixture.repository.layout.directory)
        #expect(try store.installed() == [fixture.published.version])
    }

    @Test func whatACrashLeftHalfWrittenIsRemoved() async throws {
        let fixture = try StoreFixture()
        let store = try await fixture.installedStore()
        try StoreFixture.write([1, 2, 3], to: store.layout.directory + "/incoming/leftover")
        symlink("nowhere", store.layout.directory + "/active/opencl.next")
        _ = try await store.install(fixture.published.version, from: fixture.repository.layout.directory)
        _ = try store.activate(fixture.published.version)
        #expect(StoreFixture.names(in: store.layout.directory + "/incoming") == [])
        #expect(StoreFixture.names(in: store.layout.directory + "/active") == ["opencl"])
    }

    @Test func manyInstallersAtOnceDoNotDisturbEachOther() async throws {
        let fixture = try StoreFixture()
        let store = fixture.emptyStore()
        let (version, source) = (fixture.published.version, fixture.repository.layout.directory)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    _ = try await store.install(version, from: source)
                    _ = try store.activate(version)
                }
            }
            try await group.waitForAll()
        }
        #expect(try store.activate(version).version == version)
        #expect(StoreFixture.names(in: store.layout.directory + "/incoming") == [])
    }
}
