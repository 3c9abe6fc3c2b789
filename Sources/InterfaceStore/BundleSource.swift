import AsyncHTTPClient
import NIOCore
import NIOHTTP1

/// Where bundles are fetched from: whatever holds a ``StoreLayout``'s manifests and blobs under their relative paths.
/// Nothing that comes from it is believed before its digest is checked.
protocol BundleSource: Sendable {
    /// Hands over the bytes at `path` from front to back, in pieces, to their end. Throws ``StoreError/Code/tooLarge``
    /// before more than `maximum` bytes were handed over, and whatever `receive` throws.
    func read(_ path: String, maximum: Int64, _ receive: (UnsafeRawBufferPointer) throws -> Void) async throws
}

/// Another store, or a copy of one, on this machine.
struct FolderSource: BundleSource {
    let folder: String

    func read(_ path: String, maximum: Int64, _ receive: (UnsafeRawBufferPointer) throws -> Void) async throws {
        let file = try StoredFile("\(folder)/\(path)")
        guard file.size <= maximum else {
            throw StoreError(.tooLarge, "\(path) has \(file.size) bytes where \(maximum) were expected at most")
        }
        try file.read(receive)
    }
}

/// A web server. Redirections are not followed, and answers are not decompressed.
struct HTTPSource: BundleSource {
    let client: HTTPClient
    /// Without a slash at its end.
    let base: String

    static let configuration: HTTPClient.Configuration = {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: HTTPClient.Configuration.Timeout(connect: .seconds(5), read: .seconds(10)))
        configuration.decompression = .disabled
        return configuration
    }()

    func read(_ path: String, maximum: Int64, _ receive: (UnsafeRawBufferPointer) throws -> Void) async throws {
        let url = "\(base)/\(path)"
        do {
            // The whole installation has a time limit, which cancels this.
            let response = try await client.execute(HTTPClientRequest(url: url), deadline: .distantFuture)
            guard response.status.code == 200 else {
                throw StoreError(
                    response.status.code == 404 ? .notFound : .unreachable, "\(url) answers \(response.status)")
            }
            var received: Int64 = 0
            for try await piece in response.body {
                received += Int64(piece.readableBytes)
                guard received <= maximum else {
                    throw StoreError(.tooLarge, "\(url) gives more than \(maximum) bytes")
                }
                try piece.withUnsafeReadableBytes(receive)
            }
        } catch let error as StoreError {
            throw error
        } catch let error as CancellationError {
            throw error
        } catch {
            throw StoreError(.unreachable, "\(url): \(error)")
        }
    }
}
