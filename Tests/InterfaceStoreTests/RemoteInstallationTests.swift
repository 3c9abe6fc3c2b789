import AsyncHTTPClient
import FleetModel
import Glibc
import Hummingbird
import InterfaceCore
import InterfaceStore
import NIOCore
import NIOHTTP1
import Testing

@Suite struct RemoteInstallationTests {
    @Test func aBundleIsInstalledFromAServer() async throws {
        let fixture = try StoreFixture()
        let store = fixture.emptyStore()
        let version = fixture.published.version
        let installed = try await withServer(serving(fixture)) { try await store.install(version, from: $0 + "/") }
        #expect(installed == fixture.published)
        #expect(try store.activate(version).version == version)
    }

    enum Misbehaviour: CaseIterable {
        case manifestMissing, manifestOfAnother, manifestEndless, manifestNoise
        case blobMissing, blobTampered, blobTruncated, blobEndless, redirection
    }

    @Test(arguments: [
        (Misbehaviour.manifestMissing, StoreError.Code.notFound), (.manifestOfAnother, .tampered),
        (.manifestEndless, .tooLarge), (.manifestNoise, .tampered), (.blobMissing, .notFound),
        (.blobTampered, .tampered), (.blobTruncated, .tampered), (.blobEndless, .tooLarge),
        (.redirection, .unreachable),
    ])
    func whatAServerSendsInsteadIsRefused(misbehaviour: Misbehaviour, code: StoreError.Code) async throws {
        let fixture = try StoreFixture()
        let store = fixture.emptyStore()
        let version = fixture.published.version
        let error = await #expect(throws: StoreError.self) {
            try await withServer(try misbehaving(misbehaviour, fixture)) {
                try await store.install(version, from: $0)
            }
        }
        #expect(error?.code == code)
        #expect(try store.installed() == [])
        #expect(StoreFixture.names(in: store.layout.directory + "/incoming") == [])
    }

    @Test func aServerThatNeverEndsIsGivenUp() async throws {
        let fixture = try StoreFixture()
        let store = fixture.emptyStore(limit: .milliseconds(200))
        let version = fixture.published.version
        let router = Router()
        router.get("**") { _, _ in
            // One byte and then nothing, until the client is gone.
            let (forever, continuation) = AsyncStream.makeStream(of: ByteBuffer.self)
            continuation.yield(ByteBuffer(bytes: [1]))
            return Response(status: .ok, body: ResponseBody(asyncSequence: forever))
        }
        let error = await #expect(throws: StoreError.self) {
            try await withServer(router) { try await store.install(version, from: $0) }
        }
        #expect(error?.code == .timedOut)
    }

    @Test func nobodyThereIsSaid() async throws {
        let fixture = try StoreFixture()
        let store = fixture.emptyStore(limit: .milliseconds(200))
        let error = await #expect(throws: StoreError.self) {
            try await store.install(fixture.published.version, from: "http://127.0.0.1:1")
        }
        #expect(error?.code == .unreachable || error?.code == .timedOut)
    }

    @Test(arguments: ["", "relative/folder", "ftp://host", "file:///tmp"])
    func aSourceIsAURLOrAFullPath(source: String) async throws {
        let fixture = try StoreFixture()
        let store = fixture.emptyStore()
        let error = await #expect(throws: StoreError.self) {
            try await store.install(fixture.published.version, from: source)
        }
        #expect(error?.code == .malformed)
    }

    // MARK: Routes

    @Test func onlyManifestsAndBlobsAreServed() async throws {
        let fixture = try StoreFixture()
        let digest = fixture.published.version.digest
        let name = "\(digest)"
        let paths: [(path: String, status: UInt)] = [
            ("/bundles/\(name)/manifest", 200), ("/blobs/sha256/\(name)", 404),
            ("/bundles/\(name)", 404), ("/bundles/\(name.uppercased())/manifest", 404), ("/bundles/../manifest", 404),
            ("/bundles/..%2f\(name)/manifest", 404), ("/blobs/sha256/..%2f..%2f..%2fworker", 404),
            ("/blobs/sha256/../../bundles/\(name)/manifest", 404), ("/blobs/sha256/", 404), ("/lock", 404),
            ("/active/opencl/manifest", 404), ("//etc/passwd", 404), ("/blobs/sha256/\(name)%00", 404),
        ]
        try await withServer(serving(fixture)) { base in
            for (path, status) in paths {
                let response = try await HTTPClient.shared.execute(
                    HTTPClientRequest(url: base + path), timeout: .seconds(10))
                _ = try await response.body.collect(upTo: 1 << 20)
                #expect(response.status.code == status, "\(path)")
                guard status == 200 else { continue }
                #expect(response.headers.first(name: "cache-control") == "public, max-age=31536000, immutable")
                #expect(response.headers.first(name: "content-type") == "application/octet-stream")
            }
        }
    }

    private func serving(_ fixture: StoreFixture) -> Router<BasicRequestContext> {
        let router = Router()
        addBundleRoutes(to: router, store: fixture.repository)
        return router
    }

    private func misbehaving(
        _ misbehaviour: Misbehaviour, _ fixture: StoreFixture
    ) throws -> Router<BasicRequestContext> {
        let manifest = try StoreFixture.read(fixture.repository.layout.manifest(fixture.published.version.digest))
        let blob = StoreFixture.clientContents
        let router = Router()
        router.get("bundles/:digest/manifest") { _, _ in
            switch misbehaviour {
            case .manifestMissing: throw HTTPError(.notFound)
            case .manifestOfAnother: Response(status: .ok, body: Self.body(try makeOtherManifest()))
            case .manifestEndless: Response(status: .ok, body: Self.endless)
            case .manifestNoise: Response(status: .ok, body: Self.body([1, 2, 3]))
            case .redirection: Response.redirect(to: "/elsewhere", type: .temporary)
            case .blobMissing, .blobTampered, .blobTruncated, .blobEndless:
                Response(status: .ok, body: Self.body(manifest))
            }
        }
        router.get("blobs/sha256/:digest") { _, _ in
            switch misbehaviour {
            case .blobTampered: Response(status: .ok, body: Self.body([7] + blob.dropFirst()))
            case .blobTruncated: Response(status: .ok, body: Self.body(Array(blob.dropLast(10))))
            case .blobEndless: Response(status: .ok, body: Self.endless)
            default: throw HTTPError(.notFound)
            }
        }
        return router
    }

    private static func body(_ bytes: [UInt8]) -> ResponseBody { ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)) }

    /// Pieces without end; the client is the one to stop.
    private static var endless: ResponseBody {
        let piece = ByteBuffer(repeating: 0, count: 64 << 10)
        return ResponseBody(asyncSequence: AsyncStream(unfolding: { piece }))
    }
}

/// A valid manifest, and not the one that was asked for.
private func makeOtherManifest() throws -> [UInt8] {
    let digest = ContentDigest.sha256([1])
    return try BundleManifest(
        kind: "opencl", version: SemanticVersion(1, 0, 0), platform: .current, wireRevisions: 1...1,
        files: [
            BundleFile(path: try #require(BundlePath("c")), role: .clientLibrary, size: 1, digest: digest),
            BundleFile(path: try #require(BundlePath("w")), role: .worker, size: 1, digest: digest),
        ]
    ).encoded()
}
