package import FleetModel
import Glibc
package import InterfaceCore

/// The owner's side of a repository: makes it, publishes and revokes interface versions, replaces keys, and keeps its
/// metadata from expiring. Each change is published by the last rename, of `timestamp.json`; what a crash leaves before
/// it is not referred to by anything.
package struct TrustRepository: Sendable {
    package let directory: String
    package let keys: KeyFolder
    let files: RepositoryFiles
    let now: @Sendable () -> MetadataTime

    package init(
        directory: String, keys: KeyFolder, now: @escaping @Sendable () -> MetadataTime = { .now }
    ) {
        self.directory = directory
        self.keys = keys
        self.now = now
        files = RepositoryFiles(directory: directory)
    }

    /// How many days a role's metadata is valid, unless it is said otherwise.
    package static let defaultDays: [RoleName: Int64] = [.root: 365, .targets: 90, .snapshot: 30, .timestamp: 7]

    /// What a change did.
    package struct Change: Hashable, Sendable {
        /// Versions that are new.
        package var versions: [RoleName: Int64] = [:]
        /// The version of a root that waits for signatures, and how many it has and needs.
        package var pending: PendingRoot?

        package init(versions: [RoleName: Int64] = [:], pending: PendingRoot? = nil) {
            self.versions = versions
            self.pending = pending
        }
    }

    package struct PendingRoot: Hashable, Sendable {
        package var version: Int64
        /// How many valid signatures are missing, of the keys that were and of those that will be in force.
        package var missing: Int

        package init(version: Int64, missing: Int) {
            self.version = version
            self.missing = missing
        }
    }

    // MARK: Creation

    /// Makes a repository: keys for the roles where there are none, and first versions of the metadata.
    ///
    /// - Parameters:
    ///   - rootKeys: the root's keys where their private parts are elsewhere; a key `root.pem` is made otherwise.
    ///   - rootThreshold: how many of them must sign.
    package func create(
        rootKeys: [KeyRecord], rootThreshold: Int64 = 1, days: [RoleName: Int64] = [:]
    ) throws -> Change {
        try whileLocked {
            guard (try? files.newestRoot()) == nil, try files.pending() == nil else {
                throw TrustError(.storage, "\(directory) holds a repository already")
            }
            var plans: [RoleName: RepositoryDocuments.RolePlan] = [:]
            for role in RoleName.topLevel {
                let records = role == .root && !rootKeys.isEmpty ? rootKeys : [try key(named: role.text.text).record]
                plans[role] = RepositoryDocuments.RolePlan(
                    keys: records, threshold: role == .root ? rootThreshold : 1,
                    days: days[role] ?? Self.defaultDays[role] ?? 30)
            }
            let documents = RepositoryDocuments(plans: plans, at: now())
            let signed = try sign(documents.root)
            for document in [documents.targets, documents.snapshot, documents.timestamp] {
                try files.write(try self.signed(document, by: documents.root))
            }
            var change = Change(versions: [.targets: 1, .snapshot: 1, .timestamp: 1])
            try publishOrKeep(signed, after: nil, &change)
            return change
        }
    }

    /// The key in `NAME.pem`, which is made where it is not there.
    private func key(named name: String) throws -> KeyFolder.Key {
        let file = "\(keys.path)/\(name).pem"
        if access(file, F_OK) == 0, let key = try KeyFolder.read(file) { return key }
        return try keys.generate(name)
    }

    // MARK: Bundles

    /// Publishes bundles that are installed in a store. A bundle that was revoked stays so.
    ///
    /// - Parameter replacing: whether other bytes may take a published version's name: for a repository that has no
    ///   owner but the build beside it.
    package func publish(
        _ versions: [InterfaceVersion], from store: LocalInterfaceStore, replacing: Bool = false
    ) throws -> Change {
        try whileLocked {
            var documents = try files.documents()
            var targets: [ExactText: JSONValue] = [:]
            for bundle in try versions.map({ try store.manifest(of: $0.digest) }) {
                let published = PublishedBundle(
                    version: bundle.version, platform: bundle.manifest.platform.description, changed: now())
                try checkNew(published, in: documents, replacing: replacing)
                let manifest = bundle.manifest.encoded()
                targets[published.path] = try add(
                    published.path, from: store.layout.manifest(bundle.version.digest), size: Int64(manifest.count),
                    digest: bundle.version.digest, custom: published.custom)
                for file in bundle.manifest.files {
                    let path = published.filePath(file.path)
                    targets[path] = try add(
                        path, from: store.layout.blob(file.digest), size: file.size, digest: file.digest, custom: nil)
                }
            }
            documents.set(targets, at: now())
            return try commit(documents, [.targets, .snapshot, .timestamp])
        }
    }

    /// A version names its bytes for good.
    private func checkNew(
        _ bundle: PublishedBundle, in documents: RepositoryDocuments, replacing: Bool
    ) throws {
        guard let known = try published(in: documents).first(where: { $0.path == bundle.path }) else { return }
        guard known.version.digest == bundle.version.digest || replacing else {
            throw TrustError(
                .mismatch, "\(bundle.path) is published with other bytes already, of the digest \(known.version.digest)"
            )
        }
        guard known.revocation == nil else { throw TrustError(.mismatch, "\(bundle.path) is revoked") }
    }

    private func add(
        _ path: ExactText, from source: String, size: Int64, digest: ContentDigest, custom: JSONValue?
    ) throws -> JSONValue {
        var members: [ExactText: JSONValue] = [
            "length": .integer(size), "hashes": .object(["sha256": .text(digest.description)]),
        ]
        if let custom { members["custom"] = custom }
        let target = try TargetFile(path: path, metadata: .object(members))
        try files.addTarget(path, from: source, expecting: target)
        return .object(members)
    }

    /// Says of bundles that they must not be used any longer; their files stay.
    package func revoke(_ paths: [ExactText], reason: String) throws -> Change {
        try whileLocked {
            var documents = try files.documents()
            let published = try published(in: documents)
            var targets: [ExactText: JSONValue] = [:]
            for path in paths {
                guard let bundle = published.first(where: { $0.path == path }), var target = documents.target(path)
                else {
                    throw TrustError(.missing, "\(path) is not published")
                }
                target["custom"] = bundle.revoked(reason, at: now()).custom
                targets[path] = .object(target)
            }
            documents.set(targets, at: now())
            return try commit(documents, [.targets, .snapshot, .timestamp])
        }
    }

    /// What is published, as the files say it: for their owner, who wrote them. Whoever else asks is a client.
    package func bundles() throws -> [PublishedBundle] { try mapErrors { try published(in: files.documents()) } }

    private func published(in documents: RepositoryDocuments) throws -> [PublishedBundle] {
        try TargetsMetadata(SignedMetadata(documents.targets.bytes, of: .targets)).bundles
    }
}
