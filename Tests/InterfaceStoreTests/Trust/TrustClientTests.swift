import FleetModel
import Hummingbird
import InterfaceCore
import InterfaceStore
import NIOCore
import Testing

/// A client against a real server: what it takes, and the attacks that a server can try (section 1.5.2 of the
/// specification). Those that show in metadata alone are in `TrustWorkflowTests`.
@Suite struct TrustClientTests {
    @Test func aBundleIsFoundDownloadedAndInstalled() async throws {
        let fixture = try TrustFixture()
        _ = try fixture.trusting()
        let installed = try await withServer(serving(fixture)) { base in
            try await fixture.client([RepositoryMirror(base: base)]) { client in
                var repository = try await client.refresh()
                let bundle = try #require(
                    try await repository.bundle(kind: "opencl", version: SemanticVersion(1, 0, 0)))
                #expect(repository.usableBundles(kind: "opencl") == [bundle])
                let other = try await repository.bundle(kind: "opencl", version: SemanticVersion(9, 0, 0))
                #expect(other == nil)
                let store = LocalInterfaceStore(directory: fixture.directory + "/installed")
                let installed = try await repository.install(bundle, into: store)
                _ = try store.activate(installed.version)
                let target = try #require(try await repository.find(fixture.workerPath))
                let path = try await repository.download(target, to: fixture.directory + "/targets")
                #expect(StoreFixture.contents(path) == StoreFixture.workerContents)
                return installed
            }
        }
        #expect(installed == fixture.bundle)
    }

    @Test func aRefreshWithoutNewsAsksTwice() async throws {
        let fixture = try TrustFixture()
        _ = try fixture.trusting()
        let counter = Counter()
        let router = serving(fixture) { path, _ in
            await counter.add(path)
            return nil
        }
        try await withServer(router) { base in
            try await fixture.client([RepositoryMirror(base: base)]) { client in
                _ = try await client.refresh()
                let before = await counter.value
                _ = try await client.refresh()
                #expect(
                    await Array(counter.texts.dropFirst(before)) == ["metadata/2.root.json", "metadata/timestamp.json"])
                // And none where nothing but what is stored is asked.
                _ = try await client.stored()
                #expect(await counter.value == before + 2)
            }
        }
    }

    @Test func withoutATrustedRootNothingIsAsked() async throws {
        let fixture = try TrustFixture()
        let counter = Counter()
        let router = serving(fixture) { _, _ in
            await counter.add()
            return nil
        }
        let error = await #expect(throws: TrustError.self) {
            try await withServer(router) { base in
                try await fixture.client([RepositoryMirror(base: base)]) { _ = try await $0.refresh() }
            }
        }
        #expect(error?.code == .notInitialised)
        #expect(await counter.value == 0)
    }

    /// Endless data: bytes without end in the place of each file.
    @Test(arguments: ["2.root.json", "timestamp.json", "2.snapshot.json", "2.targets.json"])
    func endlessMetadataIsLeft(name: String) async throws {
        let fixture = try TrustFixture()
        _ = try fixture.trusting()
        let router = serving(fixture) { path, _ in
            path.hasSuffix("/" + name) ? Self.endless() : nil
        }
        let error = await #expect(throws: TrustError.self) {
            try await withServer(router) { base in
                try await fixture.client([RepositoryMirror(base: base)]) { _ = try await $0.refresh() }
            }
        }
        #expect(error?.code == .tooLarge)
    }

    private static func endless() -> Response {
        Response(
            status: .ok,
            body: ResponseBody { writer in
                let piece = ByteBuffer(repeating: UInt8(ascii: "["), count: 65_536)
                while true { try await writer.write(piece) }
            })
    }

    @Test func hugeAndDeepMetadataIsRefused() async throws {
        let fixture = try TrustFixture()
        _ = try fixture.trusting()
        let deep = [UInt8](repeating: UInt8(ascii: "["), count: 16_000)
        for (bytes, code) in [(deep, TrustError.Code.malformed), (deep + deep, .tooLarge)] {
            let router = serving(fixture) { path, request in
                path.hasSuffix("timestamp.json") ? answering(bytes, to: request) : nil
            }
            let error = await #expect(throws: TrustError.self) {
                try await withServer(router) { base in
                    try await fixture.client([RepositoryMirror(base: base)]) { _ = try await $0.refresh() }
                }
            }
            #expect(error?.code == code)
        }
    }

    enum Stall: CaseIterable { case noAnswer, oneByte, oneByteAtATime }

    /// Slow retrieval: a mirror that says nothing, or next to nothing, is left for the next one.
    @Test(arguments: Stall.allCases) func aStalledMirrorIsLeft(stall: Stall) async throws {
        let fixture = try TrustFixture()
        _ = try fixture.trusting()
        let counter = Counter()
        let stalling = serving(fixture) { path, _ in
            guard path.hasSuffix("timestamp.json") else { return nil }
            await counter.add()
            switch stall {
            case .noAnswer:
                try await Task.sleep(for: .seconds(3600))
                return nil
            case .oneByte: return trickling([[UInt8(ascii: "{")]], every: .zero, endless: true)
            case .oneByteAtATime:
                let bytes = try fixture.file(path).map { [$0] }
                return trickling(bytes, every: .milliseconds(50), endless: false)
            }
        }
        let version = try await withServer(stalling) { bad in
            try await withServer(serving(fixture)) { good in
                try await fixture.client(
                    [RepositoryMirror(base: bad), RepositoryMirror(base: good)], transfer: TrustFixture.impatient
                ) { try await $0.refresh().versions[.timestamp] }
            }
        }
        #expect(version == 2)
        #expect(await counter.value == 1)
    }

    @Test func byDefaultAStalledMirrorIsLeftWithinTenSeconds() {
        let limits = TransferLimits()
        #expect(max(limits.silence, limits.window) < .seconds(10))
    }

    /// Malicious mirrors: one that serves another's files, one that changes bytes, one that refuses, one that is away.
    @Test(arguments: ["tampered", "refusing", "away", "redirecting"])
    func aMirrorThatLiesIsLeftForOneThatDoesNot(kind: String) async throws {
        let fixture = try TrustFixture()
        _ = try fixture.trusting()
        let bad = serving(fixture) { path, request in
            switch kind {
            case "refusing": return Response(status: .internalServerError)
            case "redirecting": return Response(status: .found, headers: [.location: "http://127.0.0.1:1/"])
            default:
                guard path.hasSuffix("timestamp.json") else { return nil }
                var bytes = try fixture.file(path)
                bytes[bytes.count / 2] ^= 1
                return answering(bytes, to: request)
            }
        }
        let versions = try await withServer(bad) { badBase in
            try await withServer(serving(fixture)) { good in
                let first = kind == "away" ? "http://127.0.0.1:1" : badBase
                return try await fixture.client([RepositoryMirror(base: first), RepositoryMirror(base: good)]) {
                    try await $0.refresh().versions
                }
            }
        }
        #expect(versions[.targets] == 2)
    }

    /// Rollback and freeze by a mirror that serves an old copy of everything.
    @Test func anOldCopyIsRefused() async throws {
        let fixture = try TrustFixture()
        _ = try fixture.trusting()
        let old = try fixture.file("metadata/timestamp.json")
        _ = try fixture.repository.refreshMetadata()
        _ = try await fixture.client([fixture.localMirror]) { _ = try await $0.refresh() }
        let router = serving(fixture) { path, request in
            path.hasSuffix("timestamp.json") ? answering(old, to: request) : nil
        }
        let error = await #expect(throws: TrustError.self) {
            try await withServer(router) { base in
                try await fixture.client([RepositoryMirror(base: base)]) { _ = try await $0.refresh() }
            }
        }
        #expect(error?.code == .rollback)
    }

    /// A client's own folder gives nothing away but the root's place.
    @Test func whatWasPutIntoTheFolderIsNotBelieved() async throws {
        let fixture = try TrustFixture()
        let folder = try fixture.trusting()
        let other = try TrustFixture()
        for name in ["timestamp", "snapshot", "targets"] {
            let version = name == "timestamp" ? "" : "2."
            try StoreFixture.write(try other.file("metadata/\(version)\(name).json"), to: "\(folder)/\(name).json")
        }
        let versions = try await fixture.client([fixture.localMirror]) { try await $0.refresh().versions }
        #expect(versions[.timestamp] == 2)
        let served = try fixture.file("metadata/timestamp.json")
        #expect(StoreFixture.contents("\(folder)/timestamp.json") == served)
    }

    @Test func aRevokedBundleIsSeenAndNotInstalled() async throws {
        let fixture = try TrustFixture()
        _ = try fixture.trusting()
        let path = try #require(try fixture.repository.bundles().first).path
        _ = try fixture.repository.revoke([path], reason: "wrong results")
        let error = await #expect(throws: TrustError.self) {
            try await fixture.client([fixture.localMirror]) { client in
                var repository = try await client.refresh()
                #expect(repository.usableBundles(kind: "opencl") == [])
                let bundle = try #require(
                    try await repository.bundle(kind: "opencl", version: SemanticVersion(1, 0, 0)))
                #expect(bundle.revocation == "wrong results")
                let store = LocalInterfaceStore(directory: fixture.directory + "/installed")
                _ = try await repository.install(bundle, into: store)
            }
        }
        #expect(error?.code == .mismatch)
    }

    /// What is in force is checked again at each activation, against what was trusted last, without a mirror.
    @Test func anActivationAsksWhatIsTrusted() async throws {
        let fixture = try TrustFixture()
        _ = try fixture.trusting()
        let store = LocalInterfaceStore(directory: fixture.directory + "/installed")
        let version = fixture.bundle.version
        try await fixture.client([fixture.localMirror]) { client in
            var repository = try await client.refresh()
            let bundle = try #require(try await repository.bundle(kind: "opencl", version: version.version))
            _ = try await repository.install(bundle, into: store)
        }
        let nowhere = RepositoryMirror(base: "http://127.0.0.1:1")
        try await fixture.client([nowhere]) { client in
            var stored = try await client.stored()
            #expect(try await stored.activate(version, in: store).version == version)
            let other = InterfaceVersion(kind: "opencl", version: version.version, digest: .zero)
            await #expect(throws: TrustError.self) { try await stored.activate(other, in: store) }
        }
        _ = try fixture.repository.revoke(try fixture.repository.bundles().map(\.path), reason: "no")
        try await fixture.client([fixture.localMirror]) { client in
            var repository = try await client.refresh()
            await #expect(throws: TrustError.self) { try await repository.activate(version, in: store) }
        }
    }
}
