/// The metadata that a client trusts, and the rules by which more comes in (section 5 of the specification).
///
/// A value of this type always holds a chain that was checked: a timestamp under the root, a snapshot under the
/// timestamp, targets under the snapshot. Each method checks a file against that chain and takes it in, or throws and
/// changes nothing. Files that the client stored earlier pass through the same checks as those that come from outside:
/// a folder that was tampered with gives nothing away but the root's place.
struct TrustedMetadata<Cryptography: TrustCryptography>: Sendable {
    /// Where a file comes from.
    enum Origin {
        case stored
        case repository
    }

    private let cryptography: Cryptography
    private let limits: TrustLimits
    private(set) var root: RootMetadata
    private(set) var timestamp: TimestampMetadata?
    private(set) var snapshot: SnapshotMetadata?
    private var targets: [RoleName: TargetsMetadata] = [:]
    /// Who delegates to a role with keys that its metadata in ``targets`` was checked with.
    private var delegators: [RoleName: Set<RoleName>] = [:]

    /// Starts from the root that is trusted without a predecessor. It must be signed as it asks for itself.
    init(root bytes: [UInt8], cryptography: Cryptography, limits: TrustLimits) throws(TrustError) {
        self.cryptography = cryptography
        self.limits = limits
        let metadata = try SignedMetadata(bytes, of: .root, limits: limits.json)
        let root = try RootMetadata(metadata)
        try metadata.verify(root.keys, for: root.roleKeys(.root), by: cryptography)
        self.root = root
    }

    /// The next root (5.3.4 to 5.3.7): signed as both the one before and the new one ask, and exactly one version on.
    mutating func updateRoot(_ bytes: [UInt8]) throws(TrustError) {
        let metadata = try SignedMetadata(bytes, of: .root, limits: limits.json)
        try metadata.verify(root.keys, for: root.roleKeys(.root), by: cryptography)
        let next = try RootMetadata(metadata)
        try metadata.verify(next.keys, for: next.roleKeys(.root), by: cryptography)
        guard next.header.version == root.header.version + 1 else {
            throw TrustError(.rollback, "root: version \(next.header.version) follows \(root.header.version)")
        }
        root = next
    }

    /// 5.3.10. A root is kept even where it has expired, because the next one can still follow it.
    func checkRoot(at now: MetadataTime) throws(TrustError) {
        try Self.checkExpiry(root.header, .root, now)
    }

    /// A timestamp (5.4). Gives whether it is newer than the trusted one and was taken in; one of the same version is
    /// left aside without an error, whatever it holds. Where it has expired it is an error, but it stays in place to
    /// hold off older ones if it is `.stored`.
    ///
    /// A stored timestamp that the present root's keys did not sign is not taken in: this is how a client recovers from
    /// a version that was driven too high, when the keys are replaced (5.3.11).
    mutating func updateTimestamp(
        _ bytes: [UInt8], _ origin: Origin, at now: MetadataTime
    ) throws(TrustError) -> Bool {
        let metadata = try SignedMetadata(bytes, of: .timestamp, limits: limits.json)
        try metadata.verify(root.keys, for: root.roleKeys(.timestamp), by: cryptography)
        let next = try TimestampMetadata(metadata)
        if let timestamp {
            guard next.header.version != timestamp.header.version else { return false }
            guard next.header.version > timestamp.header.version else {
                throw TrustError(
                    .rollback, "timestamp: version \(next.header.version) after \(timestamp.header.version)")
            }
            guard next.snapshot.version >= timestamp.snapshot.version else {
                throw TrustError(
                    .rollback, "snapshot: version \(next.snapshot.version) after \(timestamp.snapshot.version)")
            }
        }
        if origin == .repository { try Self.checkExpiry(next.header, .timestamp, now) }
        timestamp = next
        return true
    }

    /// Whether the timestamp in force may be used (5.4.4).
    func checkTimestamp(at now: MetadataTime) throws(TrustError) {
        guard let timestamp else { throw TrustError(.missing, "there is no timestamp") }
        try Self.checkExpiry(timestamp.header, .timestamp, now)
    }

    /// A snapshot (5.5). A stored one is taken in even where the timestamp names another by now, so that the new one
    /// can be compared with it; ``isSnapshotCurrent(_:at:)`` tells whether it suffices.
    mutating func updateSnapshot(
        _ bytes: [UInt8], _ origin: Origin, at now: MetadataTime
    ) throws(TrustError) {
        guard let timestamp else { throw TrustError(.missing, "there is no timestamp") }
        if origin == .repository { try timestamp.snapshot.check(bytes, of: .snapshot, by: cryptography) }
        let metadata = try SignedMetadata(bytes, of: .snapshot, limits: limits.json)
        try metadata.verify(root.keys, for: root.roleKeys(.snapshot), by: cryptography)
        let next = try SnapshotMetadata(metadata)
        if origin == .repository {
            guard next.header.version == timestamp.snapshot.version else {
                throw TrustError(
                    .mismatch,
                    "snapshot: version \(next.header.version) where \(timestamp.snapshot.version) is announced")
            }
            try checkNoneIsOlder(next)
            try Self.checkExpiry(next.header, .snapshot, now)
        }
        snapshot = next
    }

    /// 5.5.5: no targets role goes back, or away.
    private func checkNoneIsOlder(_ next: SnapshotMetadata) throws(TrustError) {
        guard let snapshot else { return }
        for (name, reference) in snapshot.files {
            guard let found = next.files[name] else {
                throw TrustError(.rollback, "the snapshot has \(name) no longer")
            }
            guard found.version >= reference.version else {
                throw TrustError(.rollback, "\(name): version \(found.version) after \(reference.version)")
            }
        }
    }

    /// Whether the stored snapshot in `bytes`, which was taken in, is the one that the timestamp names.
    func isSnapshotCurrent(_ bytes: [UInt8], at now: MetadataTime) -> Bool {
        guard let timestamp, let snapshot, snapshot.header.version == timestamp.snapshot.version,
            snapshot.header.expires > now
        else { return false }
        do {
            try timestamp.snapshot.check(bytes, of: .snapshot, by: cryptography)
            return true
        } catch {
            return false
        }
    }

    /// A targets role's metadata (5.6), under the role that delegates to it; under the root for the top-level one.
    mutating func updateTargets(
        _ bytes: [UInt8], _ role: RoleName, under delegator: RoleName, at now: MetadataTime
    ) throws(TrustError) {
        let reference = try reference(role)
        try reference.check(bytes, of: role, by: cryptography)
        let metadata = try SignedMetadata(bytes, of: role, limits: limits.json)
        try verify(metadata, of: role, under: delegator)
        let next = try TargetsMetadata(metadata)
        guard next.header.version == reference.version else {
            throw TrustError(
                .mismatch, "\(role): version \(next.header.version) where \(reference.version) is announced")
        }
        try Self.checkExpiry(next.header, role, now)
        if targets[role] != next { delegators[role] = [] }
        targets[role] = next
        delegators[role, default: []].insert(delegator)
    }

    /// A role's metadata, where it was checked with the keys that `delegator` gives the role: another delegator may
    /// name other keys, and what counts for one path need not count for another.
    func targets(_ role: RoleName, under delegator: RoleName) -> TargetsMetadata? {
        delegators[role]?.contains(delegator) == true ? targets[role] : nil
    }

    private func verify(
        _ metadata: SignedMetadata, of role: RoleName, under delegator: RoleName
    ) throws(TrustError) {
        if delegator == .root {
            return try metadata.verify(root.keys, for: root.roleKeys(role), by: cryptography)
        }
        guard let delegations = targets[delegator]?.delegations,
            let keys = delegations.roleKeys(role)
        else { throw TrustError(.missing, "\(delegator) does not delegate to \(role)") }
        try metadata.verify(delegations.keys, for: keys, by: cryptography)
    }

    /// What the trusted snapshot says of a targets role.
    func reference(_ role: RoleName) throws(TrustError) -> MetadataReference {
        guard let snapshot else { throw TrustError(.missing, "there is no snapshot") }
        return try snapshot.reference(role)
    }

    private static func checkExpiry(
        _ header: SignedMetadata.Header, _ role: RoleName, _ now: MetadataTime
    ) throws(TrustError) {
        guard header.expires > now else {
            throw TrustError(.expired, "\(role) version \(header.version) expired at \(header.expires)")
        }
    }
}

/// The beginning of trust.
package enum TrustedRoot {
    /// Reads a root and checks that it is signed as it asks for itself; its expiry is not looked at.
    package static func read(
        _ bytes: [UInt8], by cryptography: some TrustCryptography, limits: TrustLimits = .init()
    ) throws(TrustError) -> RootMetadata {
        guard bytes.count <= limits.root else { throw TrustError(.tooLarge, "the root has \(bytes.count) bytes") }
        return try TrustedMetadata(root: bytes, cryptography: cryptography, limits: limits).root
    }
}
