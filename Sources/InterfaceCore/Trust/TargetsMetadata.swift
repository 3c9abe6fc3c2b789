/// A file that a repository offers: its name, and what it must be.
package struct TargetFile: Hashable, Sendable {
    /// The path relative to the repository's targets.
    package let path: ExactText
    /// In bytes.
    package let length: Int64
    package let hashes: FileHashes
    /// What the application put there (section 4.5): ours is described with the repository.
    package let custom: JSONValue?

    /// Reads a target's metadata, as a targets role's metadata holds it.
    package init(path: ExactText, metadata: JSONValue) throws(TrustError) {
        try self.init(path: path, try MetadataFields(metadata, "the target \(path)"))
    }

    init(path: ExactText, _ fields: MetadataFields) throws(TrustError) {
        self.path = path
        length = try fields.integer("length", atLeast: 0)
        hashes = try FileHashes(try fields.object("hashes"))
        custom = fields.members["custom"]
    }

    /// Where the repository has it: with the digest before the file's name in a consistent snapshot (section 6.2).
    /// Percent-encoded but for the slashes; nil where no digest is known.
    package func remotePath(isConsistent: Bool) -> String? {
        guard let digest = hashes.fileName else { return nil }
        var parts = path.text.split(separator: "/", omittingEmptySubsequences: false).map {
            PercentEncoding.encode(String($0), keepsLeadingDot: true)
        }
        if isConsistent { parts[parts.count - 1] = "\(digest).\(parts[parts.count - 1])" }
        // A part of dots alone would be taken for a folder's name by clients and servers of HTTP.
        guard !parts.contains("."), !parts.contains("..") else { return nil }
        return parts.joined(separator: "/")
    }
}

/// A targets role's metadata (section 4.5), the top-level one's or a delegated one's.
package struct TargetsMetadata: Hashable, Sendable {
    package let header: SignedMetadata.Header
    package let targets: [ExactText: TargetFile]
    package let delegations: Delegations?

    package init(_ metadata: SignedMetadata) throws(TrustError) {
        header = metadata.header
        var targets: [ExactText: TargetFile] = [:]
        for (path, fields) in try metadata.fields.object("targets").objects() {
            targets[path] = try TargetFile(path: path, fields)
        }
        self.targets = targets
        let fields = metadata.fields
        delegations = fields.has("delegations") ? try Delegations(try fields.object("delegations")) : nil
    }
}

/// To whom a targets role hands over which paths.
package struct Delegations: Hashable, Sendable {
    /// One delegated role.
    package struct Role: Hashable, Sendable {
        package let name: RoleName
        package let keys: RoleKeys
        /// Whether the search ends with this role and those below it.
        package let isTerminating: Bool
        package let paths: PathSet
    }

    /// Which target paths a delegation is about.
    package enum PathSet: Hashable, Sendable {
        case patterns([PathPattern])
        /// Beginnings of the SHA-256 digest of the path, in lower-case hexadecimal digits.
        case hashPrefixes([String])
    }

    /// Roles that share out all paths evenly (TAP 15).
    package struct HashBins: Hashable, Sendable {
        package let keys: RoleKeys
        /// 1 to 32: there are 2 to this power.
        package let bitLength: Int
        package let namePrefix: ExactText
    }

    private enum Kind: Hashable, Sendable {
        case roles([Role])
        case hashBins(HashBins)
    }

    package let keys: [ExactText: PublicKey]
    private let kind: Kind

    init(_ fields: MetadataFields) throws(TrustError) {
        keys = try RoleKeys.keys(try fields.object("keys"))
        guard fields.has("roles") != fields.has("succinct_roles") else {
            throw TrustError(.malformed, "\(fields.name): either roles or succinct_roles")
        }
        if fields.has("succinct_roles") {
            kind = .hashBins(try HashBins(try fields.object("succinct_roles")))
            return
        }
        var roles: [Role] = []
        var names: Set<RoleName> = []
        for value in try fields.array("roles") {
            let role = try Role(try MetadataFields(value, "\(fields.name): a role"))
            guard names.insert(role.name).inserted else {
                throw TrustError(.malformed, "\(fields.name): two roles \(role.name)")
            }
            roles.append(role)
        }
        kind = .roles(roles)
    }

    /// The roles that `path` is handed over to, in their order of precedence. O(roles · patterns)
    package func roles(
        for path: ExactText, by cryptography: some TrustCryptography
    ) throws(TrustError) -> [Role] {
        let digest = cryptography.sha256(Array(path.text.utf8))
        switch kind {
        case .roles(let roles):
            let hexadecimal = Hexadecimal.encode(digest)
            return roles.filter { $0.paths.contains(path, digest: hexadecimal) }
        case .hashBins(let bins):
            return [try bins.role(digest: digest)]
        }
    }
}

extension Delegations {
    /// Who signs for a delegated role; nil where nothing is delegated to it.
    func roleKeys(_ role: RoleName) -> RoleKeys? {
        switch kind {
        case .roles(let roles): roles.first { $0.name == role }?.keys
        case .hashBins(let bins): bins.has(role) ? bins.keys : nil
        }
    }
}

extension Delegations.Role {
    init(_ fields: MetadataFields) throws(TrustError) {
        let name = try fields.text("name")
        guard let role = RoleName(name), !role.isTopLevel else {
            throw TrustError(.malformed, "\(fields.name): the name \(name.text.debugDescription)")
        }
        guard fields.has("paths") != fields.has("path_hash_prefixes") else {
            throw TrustError(.malformed, "\(fields.name): either paths or path_hash_prefixes")
        }
        self.init(
            name: role, keys: try RoleKeys(fields), isTerminating: try fields.boolean("terminating"),
            paths: fields.has("paths")
                ? .patterns(try fields.texts("paths").map { PathPattern($0.text) })
                : .hashPrefixes(try fields.texts("path_hash_prefixes").map(\.text)))
    }
}

extension Delegations.PathSet {
    func contains(_ path: ExactText, digest: String) -> Bool {
        switch self {
        case .patterns(let patterns): patterns.contains { $0.matches(path.text) }
        case .hashPrefixes(let prefixes): prefixes.contains { digest.utf8.starts(with: $0.utf8) }
        }
    }
}

extension Delegations.HashBins {
    init(_ fields: MetadataFields) throws(TrustError) {
        keys = try RoleKeys(fields)
        let bits = try fields.integer("bit_length", atLeast: 1)
        namePrefix = try fields.text("name_prefix")
        guard bits <= 32, !namePrefix.text.isEmpty else {
            throw TrustError(.malformed, "\(fields.name): bit_length \(bits), name_prefix \(namePrefix)")
        }
        bitLength = Int(bits)
    }

    private var digits: Int { String((UInt64(1) << bitLength) - 1, radix: 16).utf8.count }

    /// Whether `role` is one of the bins.
    func has(_ role: RoleName) -> Bool {
        let name = role.text.text.utf8
        let prefix = Array("\(namePrefix)-".utf8)
        guard name.starts(with: prefix), name.count == prefix.count + digits else { return false }
        let number = String(decoding: name.dropFirst(prefix.count), as: UTF8.self)
        guard number == number.lowercased(), let bin = UInt64(number, radix: 16) else { return false }
        return bin < UInt64(1) << bitLength
    }

    /// The bin of a path with this SHA-256 digest: the first bits are its number, which stands in the name in as many
    /// hexadecimal digits as the last bin's needs.
    func role(digest: [UInt8]) throws(TrustError) -> Delegations.Role {
        let bits = digest.prefix(4).reduce(UInt64(0)) { $0 << 8 | UInt64($1) } >> (32 - bitLength)
        let number = String(bits, radix: 16)
        let name = "\(namePrefix)-" + String(repeating: "0", count: digits - number.utf8.count) + number
        guard let role = RoleName(ExactText(name)) else { throw TrustError(.malformed, "the bin \(name)") }
        return Delegations.Role(name: role, keys: keys, isTerminating: true, paths: .patterns([]))
    }
}
