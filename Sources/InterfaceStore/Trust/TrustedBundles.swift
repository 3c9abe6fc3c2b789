package import FleetModel
package import InterfaceCore

extension VerifiedRepository {
    /// A published bundle, found through the delegations that may speak of it; nil where none is published for this
    /// platform. Look at ``PublishedBundle/revocation`` before using it.
    package mutating func bundle(
        kind: String, version: SemanticVersion, platform: BundlePlatform = .current
    ) async throws -> PublishedBundle? {
        let path = PublishedBundle.manifestPath(kind: kind, version: version, platform: platform.description)
        return try await find(path).flatMap(PublishedBundle.init)
    }

    /// What this repository publishes for a platform and has not revoked, oldest version first.
    package func usableBundles(kind: String, platform: BundlePlatform = .current) -> [PublishedBundle] {
        (targets?.bundles ?? []).filter {
            $0.version.kind == kind && $0.platform == platform.description && $0.revocation == nil
        }
    }

    /// Installs a published bundle into a store: whole or not at all, each file checked against the manifest, and the
    /// manifest against the signed metadata.
    package func install(_ bundle: PublishedBundle, into store: LocalInterfaceStore) async throws -> InstalledBundle {
        try Self.checkUsable(bundle)
        return try await store.install(
            bundle.version,
            from: TrustedBundleSource(bundle: bundle, source: targetsSource, isConsistent: isConsistent))
    }

    /// Makes an installed version the one in force, where this repository publishes exactly these bytes and has not
    /// revoked them. With what ``TrustClient/stored()`` gives, no mirror is asked.
    package mutating func activate(_ version: InterfaceVersion, in store: LocalInterfaceStore) async throws
        -> ActiveBundle
    {
        guard let bundle = try await bundle(kind: version.kind, version: version.version), bundle.version == version
        else { throw TrustError(.mismatch, "\(version) is not what the repository publishes under this name") }
        try Self.checkUsable(bundle)
        return try store.activate(version)
    }

    private static func checkUsable(_ bundle: PublishedBundle) throws(TrustError) {
        guard let reason = bundle.revocation else { return }
        throw TrustError(.mismatch, "\(bundle.path) is revoked: \(reason)")
    }
}

/// A bundle's files where a repository has them, asked for by the digests that its manifest names: the store's own way
/// of installing, and its checks, serve both kinds of source.
private struct TrustedBundleSource: BundleSource {
    let bundle: PublishedBundle
    let source: any RepositorySource
    let isConsistent: Bool

    func read(_ path: String, maximum: Int64, _ receive: (UnsafeRawBufferPointer) throws -> Void) async throws {
        let place = try await remotePath(path)
        do {
            try await source.read(place, from: 0, maximum: maximum) { piece in
                if case .bytes(let bytes) = piece { try receive(bytes) }
            }
        } catch let error as TrustError {
            let code: StoreError.Code =
                switch error.code {
                case .missing: .notFound
                case .tooLarge: .tooLarge
                default: .unreachable
                }
            throw StoreError(code, error.message)
        }
    }

    private func remotePath(_ path: String) async throws -> String {
        let digest = bundle.version.digest
        let folder = String(bundle.path.text.dropLast("/manifest".count))
        if path == StoreLayout.manifestPath(digest) { return "\(folder)/\(prefix(digest))manifest" }
        // The manifest is small, and a store asks for it first and for few files: it is read again for each, which
        // saves keeping state here.
        var bytes: [UInt8] = []
        try await read(StoreLayout.manifestPath(digest), maximum: Int64(BundleManifest.maximumEncodedSize)) {
            bytes += $0
        }
        let manifest = try LocalInterfaceStore.manifest(bytes, named: digest).manifest
        guard let file = manifest.files.first(where: { StoreLayout.blobPath($0.digest) == path }) else {
            throw StoreError(.notFound, "\(bundle.path) has no file \(path)")
        }
        var parts = bundle.filePath(file.path).text.split(separator: "/").map {
            PercentEncoding.encode(String($0), keepsLeadingDot: true)
        }
        parts[parts.count - 1] = prefix(file.digest) + parts[parts.count - 1]
        return parts.joined(separator: "/")
    }

    private func prefix(_ digest: ContentDigest) -> String { isConsistent ? "\(digest)." : "" }
}
