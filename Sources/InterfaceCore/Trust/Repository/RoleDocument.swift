/// A role's metadata as its owner edits it: what is to be signed, and the signatures so far.
package struct RoleDocument: Hashable, Sendable {
    /// One signature, as the file holds it.
    package struct Signature: Hashable, Sendable {
        package let keyID: ExactText
        /// In hexadecimal digits.
        package let text: String

        package init(keyID: ExactText, _ bytes: [UInt8]) {
            self.keyID = keyID
            text = Hexadecimal.encode(bytes)
        }

        init(keyID: ExactText, text: String) {
            self.keyID = keyID
            self.text = text
        }
    }

    package let role: RoleName
    /// Members of the signed object. A change takes the signatures away.
    package var members: [ExactText: JSONValue] { didSet { if members != oldValue { signatures = [] } } }
    package private(set) var signatures: [Signature]

    /// The version of the specification that is written.
    package static let specification = "1.0.31"

    /// Version 1 of a role's metadata, unsigned.
    package init(_ role: RoleName, expires: MetadataTime, _ members: [ExactText: JSONValue]) {
        self.role = role
        self.members = members
        signatures = []
        self.members["_type"] = .text(role.isTopLevel ? role.text : RoleName.targets.text)
        self.members["spec_version"] = .text(Self.specification)
        self.members["version"] = .integer(1)
        self.members["expires"] = .text(expires.description)
    }

    /// Reads a file of the repository's own. Its form is checked, its signatures are not.
    package init(_ role: RoleName, _ bytes: [UInt8]) throws(TrustError) {
        let metadata = try SignedMetadata(bytes, of: role)
        self.role = role
        members = metadata.fields.members
        signatures = metadata.signatures.compactMap { signature in
            signature.bytes.map { Signature(keyID: signature.keyID, $0) }
        }
    }

    package var version: Int64 {
        get { if case .integer(let version) = members["version"] { version } else { 0 } }
        set { members["version"] = .integer(newValue) }
    }

    package var expires: MetadataTime {
        get {
            guard case .text(let text) = members["expires"], let time = MetadataTime(text.text) else {
                return MetadataTime(secondsSinceEpoch: 0)
            }
            return time
        }
        set { members["expires"] = .text(newValue.description) }
    }

    /// The bytes that each signer signs.
    package var payload: [UInt8] { JSONValue.object(members).canonicalBytes }

    /// Adds a signature, in the place of an earlier one of the same key.
    package mutating func add(_ signature: Signature) {
        signatures.removeAll { $0.keyID == signature.keyID }
        signatures.append(signature)
        signatures.sort { $0.keyID < $1.keyID }
    }

    /// The file's bytes.
    package var bytes: [UInt8] {
        let list = signatures.map { signature in
            JSONValue.object(["keyid": .text(signature.keyID), "sig": .text(signature.text)])
        }
        return Array(JSONValue.object(["signatures": .array(list), "signed": .object(members)]).readableText.utf8)
    }

    /// Changes an object that is a member, or creates it.
    mutating func change(_ member: ExactText, _ body: (inout [ExactText: JSONValue]) -> Void) {
        var inner: [ExactText: JSONValue] = [:]
        if case .object(let members) = members[member] { inner = members }
        body(&inner)
        members[member] = .object(inner)
    }
}

/// A public key as a root or a delegation names it.
package struct KeyRecord: Hashable, Sendable {
    package let json: JSONValue
    /// The SHA-256 digest of the key's canonical JSON (section 4.2), in hexadecimal digits.
    package let keyID: ExactText

    package init(_ json: JSONValue, by cryptography: some TrustCryptography) {
        self.json = json
        keyID = ExactText(Hexadecimal.encode(cryptography.sha256(json.canonicalBytes)))
    }

    /// An Ed25519 key of 32 bytes.
    package init(ed25519 key: [UInt8], by cryptography: some TrustCryptography) {
        self.init(Self.json("ed25519", "ed25519", Hexadecimal.encode(key)), by: cryptography)
    }

    /// A key of another kind, in PEM.
    package init(type: String, scheme: String, pem: String, by cryptography: some TrustCryptography) {
        self.init(Self.json(type, scheme, pem), by: cryptography)
    }

    private static func json(_ type: String, _ scheme: String, _ material: String) -> JSONValue {
        .object([
            "keytype": .text(type), "scheme": .text(scheme), "keyval": .object(["public": .text(material)]),
        ])
    }
}
