import FleetModel
import Foundation
import Hummingbird
import InterfaceCore
import InterfaceStore
import NIOCore
import Testing

/// A repository with the fixture's bundle published, its keys, and what its clients need, in one temporary folder.
final class TrustFixture: Sendable {
    let directory: String
    let repository: TrustRepository
    let bundle: InstalledBundle
    private let store: StoreFixture

    init(now: @escaping @Sendable () -> MetadataTime = { .now }) throws {
        store = try StoreFixture()
        directory = store.directory
        bundle = store.published
        repository = TrustRepository(
            directory: directory + "/trusted", keys: KeyFolder(path: directory + "/keys"), now: now)
        _ = try repository.create(rootKeys: [])
        _ = try repository.publish([bundle.version], from: store.repository)
    }

    var root: [UInt8] { get throws { try file("metadata/1.root.json") } }
    var origin: LocalInterfaceStore { store.repository }

    func file(_ path: String) throws -> [UInt8] { try StoreFixture.read("\(repository.directory)/\(path)") }

    /// The target that holds the published bundle's worker.
    var workerPath: ExactText {
        ExactText("opencl/1.0.0/\(BundlePlatform.current)/files/worker")
    }
    var libraryPath: ExactText {
        ExactText("opencl/1.0.0/\(BundlePlatform.current)/files/lib/client.so")
    }

    /// A client's folder that trusts the first root.
    func trusting(_ name: String = "client") throws -> String {
        let folder = "\(directory)/\(name)"
        _ = try TrustClient.initialise(folder: folder, root: try root)
        return folder
    }

    var localMirror: RepositoryMirror { RepositoryMirror(base: repository.directory) }

    /// Quick to lose patience, so that tests of slowness are short.
    static let impatient: TransferLimits = {
        var limits = TransferLimits()
        limits.silence = .seconds(2)
        limits.window = .seconds(3)
        return limits
    }()

    /// Runs a client of mirrors.
    func client<Result: Sendable>(
        _ mirrors: [RepositoryMirror], in name: String = "client", transfer: TransferLimits = .init(),
        _ body: @escaping @Sendable (TrustClient) async throws -> Result
    ) async throws -> Result {
        let folder = "\(directory)/\(name)"
        return try await TrustClient.with(folder: folder, mirrors: mirrors, transfer: transfer, body)
    }
}

extension StoreFixture {
    /// A file's bytes; nil where it cannot be read.
    static func contents(_ path: String) -> [UInt8]? { try? read(path) }

    /// Creates a folder and those that lead to it.
    static func makeFolder(_ path: String) throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
}

/// Serves a repository's files, but for what `answer` gives instead.
func serving(
    _ fixture: TrustFixture, _ answer: @escaping @Sendable (String, Request) async throws -> Response? = { _, _ in nil }
) -> Router<BasicRequestContext> {
    let router = Router()
    router.get("**") { request, _ in
        let path = String(request.uri.path.dropFirst())
        if let response = try await answer(path, request) { return response }
        guard let bytes = try? fixture.file(path) else { throw HTTPError(.notFound) }
        return answering(bytes, to: request)
    }
    return router
}

/// The bytes, or the part of them that was asked for.
func answering(_ bytes: [UInt8], to request: Request) -> Response {
    guard let range = request.headers[.range], range.hasPrefix("bytes="), range.hasSuffix("-"),
        let start = Int(range.dropFirst("bytes=".count).dropLast()), start < bytes.count
    else { return Response(status: .ok, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes))) }
    return Response(
        status: .partialContent, headers: [.contentRange: "bytes \(start)-\(bytes.count - 1)/\(bytes.count)"],
        body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes[start...])))
}

/// Pieces, one every so often, without a length announced; `nil` in the end means that no end comes.
func trickling(_ pieces: [[UInt8]], every pause: Duration, endless: Bool) -> Response {
    Response(
        status: .ok,
        body: ResponseBody { writer in
            for piece in pieces {
                try await writer.write(ByteBuffer(bytes: piece))
                try await Task.sleep(for: pause)
            }
            while endless { try await Task.sleep(for: .seconds(3600)) }
            try await writer.finish(nil)
        })
}

/// What a test counts from several tasks.
actor Counter {
    private(set) var value = 0
    private(set) var texts: [String] = []
    func add(_ text: String = "") {
        value += 1
        texts.append(text)
    }
}
