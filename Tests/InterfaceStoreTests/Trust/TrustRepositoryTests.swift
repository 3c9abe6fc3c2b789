import FleetModel
import Foundation
import InterfaceCore
import InterfaceStore
import Testing

@Suite struct TrustRepositoryTests {
    @Test func whatIsPublishedVerifies() async throws {
        let fixture = try TrustFixture()
        let report = try await fixture.repository.verify()
        #expect(report.problems == [])
        #expect(report.targets == 3)
        #expect(report.versions == [.root: 1, .timestamp: 2, .snapshot: 2, .targets: 2])
        let bundle = try #require(try fixture.repository.bundles().first)
        #expect(bundle.version == fixture.bundle.version)
        #expect(try fixture.repository.files(of: bundle).count == 3)
    }

    @Test func aDamagedTargetIsFound() async throws {
        let fixture = try TrustFixture()
        let platform = fixture.bundle.manifest.platform
        let folder = "\(fixture.repository.directory)/targets/opencl/1.0.0/\(platform)/files"
        let name = try #require(StoreFixture.names(in: folder).first { $0.hasSuffix(".worker") })
        try StoreFixture.write([0], to: "\(folder)/\(name)")
        #expect(try await fixture.repository.verify().problems.count == 1)
    }

    @Test func aVersionNamesItsBytesForGood() throws {
        let fixture = try TrustFixture()
        let other = try StoreFixture(version: SemanticVersion(1, 0, 0))
        // Equal files give an equal bundle: publishing again changes nothing but versions.
        _ = try fixture.repository.publish([other.published.version], from: other.repository)
        let different = try BundleBuilder(store: other.repository).build(
            kind: "opencl", version: SemanticVersion(1, 0, 0), wireRevisions: 1...2,
            files: fixture.bundle.manifest.files.map {
                BundleBuilder.Ingredient(
                    source: other.repository.layout.blob($0.digest), path: $0.path, role: $0.role)
            })
        #expect(throws: TrustError.self) {
            try fixture.repository.publish([different.version], from: other.repository)
        }
        let path = try #require(try fixture.repository.bundles().first).path
        _ = try fixture.repository.revoke([path], reason: "no")
        #expect(throws: TrustError.self) {
            try fixture.repository.publish([fixture.bundle.version], from: fixture.origin)
        }
    }

    /// Each role's key is replaced; clients from before and from the beginning both follow.
    @Test func keysAreReplacedUnderClientsEyes() async throws {
        let fixture = try TrustFixture()
        _ = try fixture.trusting()
        _ = try await fixture.client([fixture.localMirror]) { _ = try await $0.refresh() }
        for role in RoleName.topLevel {
            let change = try fixture.repository.rotate(role)
            #expect(change.pending == nil)
            let versions = try await fixture.client([fixture.localMirror]) { try await $0.refresh().versions }
            #expect(versions[.root] == change.versions[.root])
        }
        // The keys that were replaced are no longer needed.
        for name in ["root", "timestamp", "snapshot", "targets"] {
            try FileManager.default.removeItem(atPath: "\(fixture.directory)/keys/\(name).pem")
        }
        _ = try fixture.repository.refreshMetadata()
        _ = try fixture.repository.rotate(.root)
        #expect(try await fixture.repository.verify().problems == [])
        _ = try await fixture.client([fixture.localMirror]) { _ = try await $0.refresh() }
    }

    @Test func withoutItsKeyARoleCannotBeChanged() async throws {
        let fixture = try TrustFixture()
        try FileManager.default.removeItem(atPath: "\(fixture.directory)/keys/targets.pem")
        let path = try #require(try fixture.repository.bundles().first).path
        let error = #expect(throws: TrustError.self) { try fixture.repository.revoke([path], reason: "no") }
        #expect(error?.code == .unsigned)
        #expect(try await fixture.repository.verify().problems == [])
        #expect(try fixture.repository.bundles().first?.revocation == nil)
    }

    @Test func aRootIsSignedElsewhere() async throws {
        let fixture = try StoreFixture()
        let offline = KeyFolder(path: fixture.directory + "/offline")
        let keys = try ["one", "two"].map { try offline.generate($0) }
        let repository = TrustRepository(
            directory: fixture.directory + "/trusted", keys: KeyFolder(path: fixture.directory + "/keys"))
        let created = try repository.create(rootKeys: keys.map(\.record), rootThreshold: 2)
        #expect(created.pending?.missing == 2)
        #expect(try repository.rootPayload()?.pending.missing == 2)
        #expect(throws: TrustError.self) {
            try repository.addRootSignature(keyID: keys[0].record.keyID, [UInt8](repeating: 0, count: 64))
        }
        #expect(try repository.signRoot(with: keys[0]).pending?.missing == 1)
        #expect(throws: TrustError.self) { try repository.signRoot(with: keys[0]) }
        #expect(try repository.signRoot(with: keys[1]).versions == [.root: 1])
        #expect(try repository.rootPayload() == nil)
        #expect(try await repository.verify().problems == [])

        // An online key is replaced: both sign until the new root is there.
        #expect(try repository.rotate(.timestamp).pending?.missing == 2)
        #expect(throws: TrustError.self) { try repository.rotate(.snapshot) }
        #expect(try await repository.verify().problems == [])
        for key in keys { _ = try repository.signRoot(with: key) }
        let report = try await repository.verify()
        #expect(report.problems == [])
        #expect(report.versions[.root] == 2)
    }

    @Test func metadataIsRenewedWhenHalfOfItsTimeIsOver() async throws {
        let start = MetadataTime.now
        let fixture = try TrustFixture()
        func after(_ days: Int64) -> TrustRepository {
            let now = start.after(days: days)
            return TrustRepository(
                directory: fixture.repository.directory, keys: fixture.repository.keys, now: { now })
        }
        #expect(try after(1).refreshMetadata().versions == [.timestamp: 3])
        #expect(try after(16).refreshMetadata().versions == [.timestamp: 4, .snapshot: 3])
        #expect(try after(46).refreshMetadata().versions == [.timestamp: 5, .snapshot: 4, .targets: 3])
        #expect(try after(184).refreshMetadata().versions == [.root: 2, .timestamp: 6, .snapshot: 5, .targets: 4])
    }

    @Test func keysAreTheirOwnersOnly() throws {
        let fixture = try TrustFixture()
        let file = "\(fixture.directory)/keys/targets.pem"
        let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file)
        let error = #expect(throws: TrustError.self) { try fixture.repository.refreshMetadata() }
        #expect(error?.message.contains("chmod 600") == true)
    }

    @Test func aRepositoryIsMadeOnce() throws {
        let fixture = try TrustFixture()
        #expect(throws: TrustError.self) { try fixture.repository.create(rootKeys: []) }
        let empty = TrustRepository(directory: fixture.directory + "/none", keys: fixture.repository.keys)
        let error = #expect(throws: TrustError.self) { try empty.bundles() }
        #expect(error?.code == .notInitialised)
    }
}
