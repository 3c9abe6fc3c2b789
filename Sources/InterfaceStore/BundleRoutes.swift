import FleetModel
package import Hummingbird

/// Serves a store's manifests and blobs: `GET /bundles/<digest>/manifest` and `GET /blobs/sha256/<digest>`, the rest of
/// one from a byte on too, and nothing else.
///
/// A path is made from a digest that was parsed, never from what the client wrote, so it cannot lead out of the store.
/// Every answer may be cached for good, because its name is its content.
package func addBundleRoutes(to router: Router<BasicRequestContext>, store: LocalInterfaceStore) {
    let layout = store.layout
    router.get("bundles/:digest/manifest") { request, context in
        try await serve(request, context, layout.manifest)
    }
    router.get("blobs/sha256/:digest") { request, context in
        try await serve(request, context, layout.blob)
    }
}

private func serve(
    _ request: Request, _ context: BasicRequestContext, _ path: (ContentDigest) -> String
) async throws -> Response {
    guard let digest = context.parameters.get("digest").flatMap(StoreLayout.digest(named:)),
        let size = try? StoredFile(path(digest)).size
    else { throw HTTPError(.notFound) }
    var response = Response(
        status: .ok,
        headers: [
            .contentType: "application/octet-stream", .cacheControl: "public, max-age=31536000, immutable",
            .eTag: "\"\(digest)\"", .acceptRanges: "bytes",
        ])
    guard let start = rangeStart(request), start > 0 else {
        response.body = try await FileIO().loadFile(path: path(digest), context: context)
        return response
    }
    guard start < size else { throw HTTPError(.rangeNotSatisfiable) }
    response.status = .partialContent
    response.headers[.contentRange] = "bytes \(start)-\(size - 1)/\(size)"
    response.body = try await FileIO().loadFile(
        path: path(digest), range: Int(start)...Int(size - 1), context: context)
    return response
}

/// The N of `Range: bytes=N-`; of any other range the whole is sent, as HTTP allows.
private func rangeStart(_ request: Request) -> Int64? {
    guard let range = request.headers[.range], range.hasPrefix("bytes="), range.hasSuffix("-") else { return nil }
    return Int64(range.dropFirst("bytes=".count).dropLast())
}
