/// A metadata file taken apart: what is signed, and by whom. Nothing in it is trusted before ``verify(_:by:for:)``.
package struct SignedMetadata: Sendable {
    package struct Signature: Hashable, Sendable {
        package let keyID: ExactText
        /// Nil where the file holds no hexadecimal digits: such a signature is none, and no error.
        package let bytes: [UInt8]?
    }

    /// What every role's metadata starts with (section 4.2).
    package struct Header: Hashable, Sendable {
        /// From 1.
        package let version: Int64
        package let expires: MetadataTime
    }

    package let role: RoleName
    package let signed: JSONValue
    package let header: Header
    package let signatures: [Signature]
    let fields: MetadataFields
    private let message: [UInt8]

    /// Reads a file that should hold metadata of the type that `role` has. Refuses two signatures by one key.
    package init(_ bytes: [UInt8], of role: RoleName, limits: JSONParser.Limits = .init()) throws(TrustError) {
        let file = try MetadataFields(JSONParser.parse(bytes, limits: limits), "\(role) metadata")
        guard let signed = file.members["signed"] else { throw TrustError(.malformed, "\(role): nothing is signed") }
        self.role = role
        self.signed = signed
        fields = try MetadataFields(signed, "\(role)")
        header = try Self.header(fields, role)
        signatures = try Self.signatures(file)
        message = signed.canonicalBytes
    }

    private static func header(_ fields: MetadataFields, _ role: RoleName) throws(TrustError) -> Header {
        let expected: ExactText = role.isTopLevel ? role.text : RoleName.targets.text
        let type = try fields.text("_type")
        guard type == expected else { throw TrustError(.wrongKind, "\(role): metadata of the type \(type)") }
        let specification = try fields.text("spec_version")
        let parts = specification.text.split(separator: ".", omittingEmptySubsequences: false)
        guard (2...3).contains(parts.count), parts.allSatisfy({ UInt32($0) != nil }), parts[0] == "1" else {
            throw TrustError(.wrongKind, "\(role): version \(specification) of the specification")
        }
        let expires = try fields.text("expires")
        guard let time = MetadataTime(expires.text) else {
            throw TrustError(.malformed, "\(role): expires at \(expires.text.debugDescription)")
        }
        return Header(version: try fields.integer("version", atLeast: 1), expires: time)
    }

    private static func signatures(_ file: MetadataFields) throws(TrustError) -> [Signature] {
        var signatures: [Signature] = []
        var signers: Set<ExactText> = []
        for value in try file.array("signatures") {
            let fields = try MetadataFields(value, "\(file.name): a signature")
            let keyID = try fields.text("keyid")
            guard signers.insert(keyID).inserted else {
                throw TrustError(.malformed, "\(file.name): two signatures of the key \(keyID)")
            }
            signatures.append(Signature(keyID: keyID, bytes: Hexadecimal.decode(try fields.text("sig").text)))
        }
        return signatures
    }

    /// Checks that a threshold of different keys signed (section 5.3.4 and alike).
    package func verify(
        _ keys: [ExactText: PublicKey], for roleKeys: RoleKeys, by cryptography: some TrustCryptography
    ) throws(TrustError) {
        let missing = missingSignatures(keys, for: roleKeys, by: cryptography)
        guard missing == 0 else {
            throw TrustError(
                .unsigned,
                "\(role) version \(header.version): \(missing) of \(roleKeys.threshold) valid signatures are missing")
        }
    }

    /// How many valid signatures of different keys the role's threshold still asks for. Two identifiers of one key count
    /// once. O(signatures of the role's keys)
    package func missingSignatures(
        _ keys: [ExactText: PublicKey], for roleKeys: RoleKeys, by cryptography: some TrustCryptography
    ) -> Int {
        var signers: Set<PublicKey> = []
        for signature in signatures where roleKeys.keyIDs.contains(signature.keyID) {
            guard signers.count < roleKeys.threshold else { break }
            guard let key = keys[signature.keyID], key.scheme != nil, !signers.contains(key),
                let bytes = signature.bytes, cryptography.isValid(bytes, of: message, by: key)
            else { continue }
            signers.insert(key)
        }
        return Int(clamping: roleKeys.threshold - Int64(signers.count))
    }
}
