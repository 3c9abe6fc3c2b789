import FleetModel
import Foundation
import Hummingbird
import InterfaceCore
import InterfaceStore
import NIOCore
import Testing

/// A host's versions: what is trusted, from where it comes, and what is put in force.
@Suite struct HostInterfacesTests {
    private let nobody = InterfaceSources(manager: "")

    // MARK: The first root

    @Test func theFirstRootIsTrustedUnseenUnlessOneIsRequired() async throws {
        let versions = try TwoVersions()
        try await withServer(versions.manager()) { base in
            let sources = InterfaceSources(manager: base)
            let active = try await versions.host { configuration in
                onlyManager(&configuration)
                configuration.root = nil
            } _: {
                try await $0.prepare(versions.new, from: sources)
            }
            #expect(active.version == versions.new)
            let error = await #expect(throws: TrustError.self) {
                try await versions.host("strict") { configuration in
                    onlyManager(&configuration)
                    configuration.root = nil
                    configuration.requiresRoot = true
                } _: {
                    try await $0.prepare(versions.new, from: sources)
                }
            }
            #expect(error?.code == .notInitialised)
            #expect(try versions.store("strict").installed() == [])
        }
    }

    @Test func aRequiredRootMustBeNamed() {
        var configuration = HostInterfacesConfiguration()
        configuration.requiresRoot = true
        #expect(configuration.validate().count == 1)
        configuration.root = "/etc/presync/root.json"
        #expect(configuration.validate() == [])
    }

    @Test func aRepositoryOfOtherKeysIsNotBelieved() async throws {
        let versions = try TwoVersions()
        let stranger = try TrustFixture()
        let error = await #expect(throws: TrustError.self) {
            try await versions.host {
                $0.root = stranger.repository.directory + "/metadata/1.root.json"
            } _: {
                try await $0.prepare(versions.new, from: nobody)
            }
        }
        #expect(error?.code == .unsigned)
        #expect(try versions.store().installed() == [])
    }

    @Test func aConfiguredRootReplacesTheOneThatWasTrustedUnseen() async throws {
        let versions = try TwoVersions()
        let stranger = try TwoVersions()
        _ = try await versions.host { configuration in
            configuration.root = nil
            configuration.mirrors = [stranger.repository]
        } _: {
            try await $0.prepare(stranger.new, from: nobody)
        }
        let active = try await versions.host { try await $0.prepare(versions.old, from: nobody) }
        #expect(active.version == versions.old)
    }

    // MARK: What may be used

    @Test func whatIsRevokedIsNeitherInstalledNorPutInForceAgain() async throws {
        let versions = try TwoVersions()
        _ = try await versions.host { try await $0.prepare(versions.new, from: nobody) }
        let bundles = try versions.trusted.repository.bundles().filter { $0.version == versions.new }
        _ = try versions.trusted.repository.revoke(bundles.map(\.path), reason: "wrong results")
        // What was trusted last knows nothing of it, until the next review.
        let before = try await versions.host { await $0.activateInstalled() }
        #expect(before.map(\.version) == [versions.new])
        let refused = try await versions.host { await $0.review([versions.new], sources: nil) }
        #expect(refused.map(\.version) == [versions.new])
        #expect(refused.first?.reason.contains("wrong results") == true)
        let after = try await versions.host { await $0.activateInstalled() }
        #expect(after.isEmpty)
        await #expect(throws: TrustError.self) {
            try await versions.host { try await $0.prepare(versions.new, from: nobody) }
        }
    }

    @Test func whatHasExpiredIsNotPutInForce() async throws {
        let versions = try TwoVersions()
        _ = try await versions.host { try await $0.prepare(versions.new, from: nobody) }
        let inAMonth = MetadataTime(secondsSinceEpoch: MetadataTime.now.secondsSinceEpoch + 31 * 86_400)
        let active = try await versions.host(clock: inAMonth) { await $0.activateInstalled() }
        #expect(active.isEmpty)
        let error = await #expect(throws: TrustError.self) {
            try await versions.host(clock: inAMonth) { try await $0.prepare(versions.new, from: nobody) }
        }
        #expect(error?.code == .expired)
        let refused = try await versions.host(clock: inAMonth) { await $0.review([versions.new], sources: nil) }
        #expect(refused.map(\.version) == [versions.new])
    }

    @Test func whatWasTamperedWithIsNotPutInForceAndIsMended() async throws {
        let versions = try TwoVersions()
        let active = try await versions.host { try await $0.prepare(versions.new, from: nobody) }
        let worker = try #require(active.bundle.manifest.file(of: .worker))
        try StoreFixture.write(
            Array(TwoVersions.newWorker.reversed()), to: versions.store().layout.blob(worker.digest), mode: 0o755)
        let left = try await versions.host { await $0.activateInstalled() }
        #expect(left.isEmpty)
        let again = try await versions.host { try await $0.prepare(versions.new, from: nobody) }
        #expect(try StoreFixture.read(again.worker) == TwoVersions.newWorker)
    }

    @Test func theVersionInForceStaysItOverARestart() async throws {
        let versions = try TwoVersions()
        _ = try await versions.host { host in
            _ = try await host.prepare(versions.new, from: nobody)
            return try await host.prepare(versions.old, from: nobody)
        }
        let active = try await versions.host { await $0.activateInstalled() }
        #expect(active.map(\.version) == [versions.new, versions.old])
        #expect(try versions.store().active(kind: "opencl") == versions.old)
    }

    /// A host that finds everything installed is told of no repository, and hears of what was revoked all the same.
    @Test func afterARestartTheManagersRepositoryIsStillAsked() async throws {
        let versions = try TwoVersions()
        try await withServer(versions.manager()) { base in
            _ = try await versions.host("host", onlyManager) {
                try await $0.prepare(versions.new, from: InterfaceSources(manager: base))
            }
            let bundles = try versions.trusted.repository.bundles().filter { $0.version == versions.new }
            _ = try versions.trusted.repository.revoke(bundles.map(\.path), reason: "wrong results")
            let refused = try await versions.host("host", onlyManager) {
                await $0.review([versions.new], sources: nil)
            }
            #expect(refused.map(\.version) == [versions.new])
        }
    }

    // MARK: Where from

    @Test func filesComeFromAPeerBeforeTheManager() async throws {
        let versions = try TwoVersions()
        let counter = Counter()
        let manager = versions.manager { path, _ in
            if path.hasPrefix("targets") { await counter.add(path) }
            return nil
        }
        try await withServer(manager) { base in
            try await withServer(peer(of: versions)) { peerBase in
                let sources = InterfaceSources(manager: base, peers: [peerBase])
                let active = try await versions.host("host", onlyManager) {
                    try await $0.prepare(versions.new, from: sources)
                }
                #expect(active.version == versions.new)
            }
        }
        #expect(await counter.texts == [])
    }

    @Test func aPeerThatStallsOrLiesIsLeft() async throws {
        let versions = try TwoVersions()
        try await withServer(versions.manager()) { base in
            try await withServer(always { trickling([[1]], every: .zero, endless: true) }) { stalled in
                try await withServer(always { Response(status: .ok, body: Self.otherBytes) }) { liar in
                    let sources = InterfaceSources(
                        manager: base, peers: [stalled, liar, "http://127.0.0.1:1", "nonsense"])
                    let active = try await versions.host("host") { configuration in
                        onlyManager(&configuration)
                        configuration.transfer = TrustFixture.impatient
                    } _: {
                        try await $0.prepare(versions.new, from: sources)
                    }
                    #expect(try StoreFixture.read(active.worker) == TwoVersions.newWorker)
                }
            }
        }
    }

    @Test func aMirrorThatLagsBehindIsPassedOver() async throws {
        let versions = try TwoVersions()
        let lagging = versions.trusted.directory + "/lagging"
        try FileManager.default.copyItem(atPath: versions.repository, toPath: lagging)
        let newest = try versions.publishAnother()
        try await withServer(versions.manager()) { base in
            let sources = InterfaceSources(manager: base)
            let active = try await versions.host("host") {
                $0.mirrors = ["/nowhere", lagging]
            } _: { host in
                _ = try await host.prepare(versions.new, from: sources)
                return try await host.prepare(newest, from: sources)
            }
            #expect(active.version == newest)
        }
    }

    @Test func nothingIsFetchedTwice() async throws {
        let versions = try TwoVersions()
        let counter = Counter()
        let manager = versions.manager { path, _ in
            if path.hasPrefix("targets") { await counter.add(path.split(separator: "/").last.map(String.init) ?? "") }
            return nil
        }
        try await withServer(manager) { base in
            let sources = InterfaceSources(manager: base)
            _ = try await versions.host("host", onlyManager) { host in
                _ = try await host.prepare(versions.old, from: sources)
                _ = try await host.prepare(versions.new, from: sources)
                return try await host.prepare(versions.old, from: sources)
            }
        }
        // Two manifests and two workers, and the library that both have.
        let fetched = await counter.texts
        #expect(fetched.count == 5)
        #expect(Set(fetched).count == 5)
        #expect(fetched.count { $0.hasSuffix("client.so") } == 1)
    }

    @Test func aPeerServesTheRestOfAFile() async throws {
        let versions = try TwoVersions()
        let library = try #require(versions.trusted.bundle.manifest.file(of: .clientLibrary))
        let asked = Counter()
        // What came of the library before the download broke off.
        let partial = versions.store().layout.directory + "/partial"
        try StoreFixture.makeFolder(partial)
        try StoreFixture.write(Array(StoreFixture.clientContents.prefix(500_000)), to: "\(partial)/\(library.digest)")
        try await withServer(versions.manager()) { base in
            try await withServer(peer(of: versions, RangeRecorder(counter: asked))) { peerBase in
                let active = try await versions.host("host", onlyManager) {
                    try await $0.prepare(versions.new, from: InterfaceSources(manager: base, peers: [peerBase]))
                }
                #expect(try StoreFixture.read(active.clientLibrary) == StoreFixture.clientContents)
            }
        }
        #expect(await asked.texts == ["bytes=500000-"])
    }
}

extension HostInterfacesTests {
    private static var otherBytes: ResponseBody { ResponseBody(byteBuffer: ByteBuffer(string: "other")) }

    /// A GPU server that has all versions installed.
    private func peer(of versions: TwoVersions, _ recorder: RangeRecorder? = nil) -> Router<BasicRequestContext> {
        let router = Router()
        if let recorder { router.add(middleware: recorder) }
        addBundleRoutes(to: router, store: versions.trusted.origin)
        return router
    }

    private func always(_ answer: @escaping @Sendable () -> Response) -> Router<BasicRequestContext> {
        let router = Router()
        router.get("**") { _, _ in answer() }
        return router
    }
}

/// Notes which parts of files are asked for.
private struct RangeRecorder: RouterMiddleware {
    let counter: Counter

    func handle(
        _ request: Request, context: BasicRequestContext,
        next: (Request, BasicRequestContext) async throws -> Response
    ) async throws -> Response {
        if let range = request.headers[.range] { await counter.add(range) }
        return try await next(request, context)
    }
}
