import FleetModel
package import Hummingbird

/// Serves a store's manifests and blobs: `GET /bundles/<digest>/manifest` and `GET /blobs/sha256/<digest>`, and nothing
/// else.
///
/// A path is made from a digest that was parsed, never from what the client wrote, so it cannot lead out of the store.
/// Every answer may be cached for good, because its name is its content.
package func addBundleRoutes(to router: Router<BasicRequestContext>, store: LocalInterfaceStore) {
    let layout = store.layout
    router.get("bundles/:digest/manifest") { _, context in
        try await serve(context, layout.manifest)
    }
    router.get("blobs/sha256/:digest") { _, context in
        try await serve(context, layout.blob)
    }
}

private func serve(_ context: BasicRequestContext, _ path: (ContentDigest) -> String) async throws -> Response {
    guard let digest = context.parameters.get("digest").flatMap(StoreLayout.digest(named:)) else {
        throw HTTPError(.notFound)
    }
    let body = try await FileIO().loadFile(path: path(digest), context: context)
    return Response(
        status: .ok,
        headers: [
            .contentType: "application/octet-stream", .cacheControl: "public, max-age=31536000, immutable",
            .eTag: "\"\(digest)\"",
        ],
        body: body)
}
