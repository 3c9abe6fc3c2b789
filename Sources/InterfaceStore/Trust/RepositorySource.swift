import AsyncHTTPClient
import Glibc
import InterfaceCore
import NIOCore
import NIOHTTP1

/// One copy of a repository: where its metadata and its targets are.
package struct RepositoryMirror: Hashable, Sendable {
    /// URLs (`http://…`, `https://…`) or full paths of folders.
    package var metadata: String
    package var targets: String
    /// Whether it is the one that the others copy: it is asked for bundles' files last, so that a large fleet does not
    /// load it.
    package var isOrigin = false

    package init(metadata: String, targets: String) {
        self.metadata = metadata
        self.targets = targets
    }

    /// The layout that ``TrustRepository`` writes: `metadata` and `targets` under one base.
    package init(base: String, isOrigin: Bool = false) {
        let base = base.last == "/" ? String(base.dropLast()) : base
        self.init(metadata: base + "/metadata", targets: base + "/targets")
        self.isOrigin = isOrigin
    }
}

/// Where files of a repository come from. Nothing that comes is believed before it is checked.
protocol RepositorySource: Sendable {
    /// Hands over the bytes of a file, in pieces, to its end: from `offset` on, or from the front where the source
    /// cannot start elsewhere, which it says first.
    ///
    /// Throws ``TrustError/Code/missing`` where there is no such file, ``TrustError/Code/tooLarge`` before more than
    /// `maximum` bytes from the front were handed over, ``TrustError/Code/unreachable`` where the source fails or is too
    /// slow, and whatever `receive` throws.
    func read(
        _ path: String, from offset: Int64, maximum: Int64, _ receive: (SourcePiece) throws -> Void
    ) async throws
}

enum SourcePiece {
    /// Comes first, once: where the bytes that follow belong.
    case start(Int64)
    case bytes(UnsafeRawBufferPointer)
}

extension RepositorySource {
    /// A whole file, which must have come by `end`.
    func read(_ path: String, maximum: Int, until end: ContinuousClock.Instant) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        try await read(path, from: 0, maximum: Int64(maximum)) { piece in
            guard ContinuousClock.now < end else { throw TrustError(.unreachable, "\(path) comes too slowly") }
            if case .bytes(let some) = piece { bytes += some }
        }
        return bytes
    }
}

/// A folder on this machine.
struct RepositoryFolder: RepositorySource {
    let folder: String

    func read(
        _ path: String, from offset: Int64, maximum: Int64, _ receive: (SourcePiece) throws -> Void
    ) async throws {
        do {
            let file = try StoredFile("\(folder)/\(try Self.decoded(path))")
            guard file.size <= maximum else {
                throw TrustError(.tooLarge, "\(path) has \(file.size) bytes where \(maximum) are allowed")
            }
            try receive(.start(0))
            try file.read { try receive(.bytes($0)) }
        } catch let error as StoreError {
            throw TrustError(error.code == .notFound ? .missing : .unreachable, error.message)
        }
    }
}

extension RepositoryFolder {
    /// The file's path as a web server would find it. What would lead elsewhere when it is decoded is not there.
    private static func decoded(_ path: String) throws(TrustError) -> String {
        var parts: [String] = []
        for part in path.split(separator: "/", omittingEmptySubsequences: false) {
            let text = PercentEncoding.decode(String(part))
            guard let text, text != ".", text != "..", !text.contains("/"), !text.utf8.contains(0) else {
                throw TrustError(.missing, "\(path) cannot be a file's path")
            }
            parts.append(text)
        }
        return parts.joined(separator: "/")
    }
}

/// A web server, an object store or a CDN. Redirections are not followed, and answers are not decompressed.
struct RepositoryServer: RepositorySource {
    let client: HTTPClient
    /// Without a slash at its end.
    let base: String
    let limits: TransferLimits

    static func configuration(_ limits: TransferLimits) -> HTTPClient.Configuration {
        let silence = TimeAmount(limits.silence)
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: HTTPClient.Configuration.Timeout(connect: silence, read: silence))
        configuration.decompression = .disabled
        configuration.connectionPool.retryConnectionEstablishment = false
        return configuration
    }

    func read(
        _ path: String, from offset: Int64, maximum: Int64, _ receive: (SourcePiece) throws -> Void
    ) async throws {
        let url = "\(base)/\(path)"
        do {
            var request = HTTPClientRequest(url: url)
            if offset > 0 { request.headers.add(name: "Range", value: "bytes=\(offset)-") }
            let response = try await client.execute(request, deadline: .now() + TimeAmount(limits.window))
            let start = try Self.start(response, url, asked: offset)
            if let length = response.headers.first(name: "Content-Length").flatMap({ Int64($0) }),
                length > maximum - start
            {
                throw TrustError(.tooLarge, "\(url) announces \(length) bytes where \(maximum) are allowed")
            }
            try receive(.start(start))
            var position = start
            var pace = TransferPace(limits, at: .now)
            for try await piece in response.body {
                position += Int64(piece.readableBytes)
                guard position <= maximum else {
                    throw TrustError(.tooLarge, "\(url) gives more than \(maximum) bytes")
                }
                try piece.withUnsafeReadableBytes { try receive(.bytes($0)) }
                let rest = try pace.received(piece.readableBytes, at: .now)
                if rest > .zero { try await Task.sleep(for: rest) }
            }
        } catch let error as TrustError {
            throw error
        } catch let error as StoreError {
            throw error
        } catch let error as CancellationError {
            throw error
        } catch {
            throw TrustError(.unreachable, "\(url): \(error)")
        }
    }

    /// Where the body begins; throws where there is none. An object store that may not be listed answers 403 for what it
    /// does not have.
    private static func start(_ response: HTTPClientResponse, _ url: String, asked: Int64) throws -> Int64 {
        switch response.status.code {
        case 200: return 0
        case 206 where asked > 0:
            let range = response.headers.first(name: "Content-Range") ?? ""
            guard range.hasPrefix("bytes \(asked)-") else {
                throw TrustError(.unreachable, "\(url) answers with another part of the file: \(range)")
            }
            return asked
        case 403, 404, 410: throw TrustError(.missing, "\(url) answers \(response.status)")
        default: throw TrustError(.unreachable, "\(url) answers \(response.status)")
        }
    }
}

extension TimeAmount {
    init(_ duration: Duration) { self = .milliseconds(Int64(duration / .milliseconds(1))) }
}
