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

    /// A published bundle's manifest, read where the metadata was and checked against it.
    package func manifest(of bundle: PublishedBundle) async throws -> BundleManifest {
        let place = place(bundle, at: allMirrors[0], isConsistent)
        var bytes: [UInt8] = []
        try await place.source.read(
            place.path(.manifest(bundle.version.digest)), from: 0, maximum: Int64(BundleManifest.maximumEncodedSize)
        ) { if case .bytes(let some) = $0 { bytes += some } }
        do {
            return try LocalInterfaceStore.manifest(bytes, named: bundle.version.digest).manifest
        } catch {
            throw TrustError(.mismatch, "\(error)")
        }
    }

    /// Exactly this version, as it is published for this platform. Throws where other bytes have its name, or none.
    package mutating func published(_ version: InterfaceVersion) async throws -> PublishedBundle {
        guard let bundle = try await bundle(kind: version.kind, version: version.version) else {
            throw TrustError(.missing, "\(version) is not published for \(BundlePlatform.current)")
        }
        guard bundle.version == version else {
            throw TrustError(.mismatch, "\(version) is not what the repository publishes under this name")
        }
        return bundle
    }

    /// Installs a published bundle into a store: whole or not at all, each file checked against the manifest, and the
    /// manifest against the signed metadata.
    ///
    /// Files are asked for at the mirror that answered, then at the other mirrors, then at `peers`, then at the origin.
    ///
    /// - Parameter peers: base URLs of other hosts' stores, which serve what they have installed (``addBundleRoutes``).
    package func install(
        _ bundle: PublishedBundle, into store: LocalInterfaceStore, peers: [String] = []
    ) async throws -> InstalledBundle {
        try Self.checkUsable(bundle)
        let isConsistent = isConsistent
        let mirrors = allMirrors
        let near = mirrors.filter { !$0.isOrigin }.map { place(bundle, at: $0, isConsistent) }
        let far = mirrors.filter(\.isOrigin).map { place(bundle, at: $0, isConsistent) }
        let stores = peers.map { SupplyPlace(store: $0, source(at: $0)) }
        return try await store.install(bundle.version, from: near + stores + far)
    }

    /// Makes an installed version the one in force, where this repository publishes exactly these bytes and has not
    /// revoked them. With what ``TrustClient/stored()`` gives, no mirror is asked.
    package mutating func activate(_ version: InterfaceVersion, in store: LocalInterfaceStore) async throws
        -> ActiveBundle
    {
        try await checkUsable(version)
        return try store.activate(version)
    }

    /// Throws where this repository does not publish exactly these bytes, or has revoked them.
    package mutating func checkUsable(_ version: InterfaceVersion) async throws {
        try Self.checkUsable(try await published(version))
    }

    private static func checkUsable(_ bundle: PublishedBundle) throws(TrustError) {
        guard let reason = bundle.revocation else { return }
        throw TrustError(.mismatch, "\(bundle.path) is revoked: \(reason)")
    }

    private func place(_ bundle: PublishedBundle, at mirror: RepositoryMirror, _ isConsistent: Bool) -> SupplyPlace {
        SupplyPlace(name: mirror.targets, source: source(at: mirror.targets)) { part in
            let (path, digest) =
                switch part {
                case .manifest(let digest): (bundle.path, digest)
                case .file(let file): (bundle.filePath(file.path), file.digest)
                }
            var parts = path.text.split(separator: "/").map {
                PercentEncoding.encode(String($0), keepsLeadingDot: true)
            }
            if isConsistent { parts[parts.count - 1] = "\(digest)." + parts[parts.count - 1] }
            return parts.joined(separator: "/")
        }
    }
}
