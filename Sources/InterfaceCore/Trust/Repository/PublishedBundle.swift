package import FleetModel

/// An interface version that a repository publishes for one platform: the target that holds its manifest.
///
/// The manifest is the target `KIND/VERSION/PLATFORM/manifest`; its digest is the bundle's digest, so that whoever
/// signed the target named every byte of every file. The files are targets beside it,
/// `KIND/VERSION/PLATFORM/files/PATH`. What is said of the bundle stands in the manifest's custom metadata.
package struct PublishedBundle: Hashable, Sendable {
    package let version: InterfaceVersion
    /// As ``BundlePlatform/description`` writes it.
    package let platform: String
    /// Why it must not be used any longer; nil where it may be.
    package let revocation: String?
    /// When it was published, or revoked.
    package let changed: MetadataTime
    /// Of its manifest.
    package let path: ExactText

    package init(version: InterfaceVersion, platform: String, revocation: String? = nil, changed: MetadataTime) {
        self.version = version
        self.platform = platform
        self.revocation = revocation
        self.changed = changed
        path = Self.manifestPath(kind: version.kind, version: version.version, platform: platform)
    }

    /// Reads a manifest's target; nil for any other target, and where what is said of it and its place differ.
    package init?(_ target: TargetFile) {
        guard case .object(let custom) = target.custom, case .text(let kind) = custom["kind"],
            case .text(let number) = custom["version"], let version = SemanticVersion(number.text),
            case .text(let platform) = custom["platform"], case .text(let since) = custom["changed"],
            let changed = MetadataTime(since.text),
            let digest = target.hashes.sha256.flatMap({ ContentDigest(bytes: $0) }), BundleManifest.isKind(kind.text)
        else { return nil }
        var revocation: String?
        switch custom["revoked"] {
        case nil, .boolean(false): break
        case .text(let reason): revocation = reason.text
        // What this version does not understand is no permission.
        default: revocation = "revoked"
        }
        self.init(
            version: InterfaceVersion(kind: kind.text, version: version, digest: digest), platform: platform.text,
            revocation: revocation, changed: changed)
        guard path == target.path else { return nil }
    }

    /// The target that holds a bundle's manifest.
    package static func manifestPath(kind: String, version: SemanticVersion, platform: String) -> ExactText {
        ExactText("\(kind)/\(version)/\(platform)/manifest")
    }

    /// The target that holds one of its files.
    package func filePath(_ path: BundlePath) -> ExactText {
        ExactText("\(version.kind)/\(version.version)/\(platform)/files/\(path)")
    }

    /// What is said of it in the manifest's metadata.
    package var custom: JSONValue {
        var members: [ExactText: JSONValue] = [
            "kind": .text(version.kind), "version": .text(version.version.description), "platform": .text(platform),
            "changed": .text(changed.description),
        ]
        if let revocation { members["revoked"] = .text(revocation) }
        return .object(members)
    }

    /// As it is from `now` on, unusable.
    package func revoked(_ reason: String, at now: MetadataTime) -> PublishedBundle {
        PublishedBundle(version: version, platform: platform, revocation: reason, changed: now)
    }
}

extension TargetsMetadata {
    /// The bundles that this role publishes: by kind, then oldest version first, then by platform.
    package var bundles: [PublishedBundle] {
        targets.values.compactMap { PublishedBundle($0) }.sorted { one, other in
            if one.version.kind != other.version.kind { return one.version.kind < other.version.kind }
            if one.version.version != other.version.version { return one.version.version < other.version.version }
            return one.platform < other.platform
        }
    }
}
