/// The root role's metadata (section 4.3): whose signatures count for what.
package struct RootMetadata: Hashable, Sendable {
    package let header: SignedMetadata.Header
    /// Whether file names of metadata hold their version and those of targets their digest.
    package let isConsistent: Bool
    package let keys: [ExactText: PublicKey]
    /// Each of the four top-level roles.
    private let roles: [RoleName: RoleKeys]

    package init(_ metadata: SignedMetadata) throws(TrustError) {
        let fields = metadata.fields
        header = metadata.header
        isConsistent = fields.has("consistent_snapshot") ? try fields.boolean("consistent_snapshot") : false
        keys = try RoleKeys.keys(try fields.object("keys"))
        let roleFields = try fields.object("roles")
        var roles: [RoleName: RoleKeys] = [:]
        for role in RoleName.topLevel { roles[role] = try RoleKeys(try roleFields.object(role.text)) }
        self.roles = roles
    }

    /// The keys of a top-level role.
    package func roleKeys(_ role: RoleName) -> RoleKeys {
        guard let keys = roles[role] else { preconditionFailure("\(role) is no top-level role") }
        return keys
    }
}

/// What one metadata file says of another (section 4.4).
package struct MetadataReference: Hashable, Sendable {
    /// From 1.
    package let version: Int64
    /// In bytes; nil where nothing is said.
    package let length: Int64?
    package let hashes: FileHashes?

    init(_ fields: MetadataFields) throws(TrustError) {
        version = try fields.integer("version", atLeast: 1)
        length = try fields.integerIfPresent("length", atLeast: 0)
        hashes = fields.has("hashes") ? try FileHashes(try fields.object("hashes")) : nil
    }

    /// Whether `bytes` have the length and digests that are said.
    func check(_ bytes: [UInt8], of role: RoleName, by cryptography: some TrustCryptography) throws(TrustError) {
        if let length, Int64(bytes.count) != length {
            throw TrustError(.mismatch, "\(role): \(bytes.count) bytes where \(length) are announced")
        }
        guard let hashes else { return }
        guard hashes.match(bytes, by: cryptography) else {
            throw TrustError(.mismatch, "\(role): not the bytes that are announced")
        }
    }
}

/// The digests of a file, of one or several algorithms.
package struct FileHashes: Hashable, Sendable {
    /// 32 bytes.
    package let sha256: [UInt8]?
    /// 64 bytes.
    package let sha512: [UInt8]?

    init(_ fields: MetadataFields) throws(TrustError) {
        sha256 = try Self.digest(fields, "sha256", count: 32)
        sha512 = try Self.digest(fields, "sha512", count: 64)
        guard !fields.members.isEmpty else { throw TrustError(.malformed, "\(fields.name) is empty") }
    }

    private static func digest(
        _ fields: MetadataFields, _ algorithm: ExactText, count: Int
    ) throws(TrustError) -> [UInt8]? {
        guard fields.has(algorithm) else { return nil }
        guard let digest = Hexadecimal.decode(try fields.text(algorithm).text), digest.count == count else {
            throw TrustError(.malformed, "\(fields.name): \(algorithm) is no digest")
        }
        return digest
    }

    /// Whether there is an algorithm among them that this client knows; where not, nothing can match.
    package var isKnown: Bool { sha256 != nil || sha512 != nil }

    /// The one that names files in a consistent snapshot, in hexadecimal digits; nil where none is known.
    package var fileName: String? { (sha256 ?? sha512).map { Hexadecimal.encode($0) } }

    /// Whether all known digests are those of `bytes`, and there is one.
    package func match(_ bytes: [UInt8], by cryptography: some TrustCryptography) -> Bool {
        match(sha256: { cryptography.sha256(bytes) }, sha512: { cryptography.sha512(bytes) })
    }

    /// As above, with digests that were computed on the way.
    package func match(sha256 hash256: () -> [UInt8], sha512 hash512: () -> [UInt8]) -> Bool {
        guard isKnown else { return false }
        if let sha256, sha256 != hash256() { return false }
        if let sha512, sha512 != hash512() { return false }
        return true
    }
}

/// The timestamp role's metadata (section 4.6): which snapshot is the newest.
package struct TimestampMetadata: Hashable, Sendable {
    package let header: SignedMetadata.Header
    package let snapshot: MetadataReference

    package init(_ metadata: SignedMetadata) throws(TrustError) {
        header = metadata.header
        snapshot = try MetadataReference(try metadata.fields.object("meta").object("snapshot.json"))
    }
}

/// The snapshot role's metadata (section 4.4): the version of each targets role's metadata that belongs together.
package struct SnapshotMetadata: Hashable, Sendable {
    package let header: SignedMetadata.Header
    /// By file name, such as `targets.json`.
    package let files: [ExactText: MetadataReference]

    package init(_ metadata: SignedMetadata) throws(TrustError) {
        header = metadata.header
        var files: [ExactText: MetadataReference] = [:]
        for (name, fields) in try metadata.fields.object("meta").objects() {
            files[name] = try MetadataReference(fields)
        }
        self.files = files
    }

    package func reference(_ role: RoleName) throws(TrustError) -> MetadataReference {
        guard let reference = files[ExactText(role.text.text + ".json")] else {
            throw TrustError(.missing, "the snapshot does not have the role \(role)")
        }
        return reference
    }
}
