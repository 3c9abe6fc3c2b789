/// A public key as metadata holds it.
package struct PublicKey: Hashable, Sendable {
    /// Type and scheme together, as far as this client can check signatures of them.
    package enum Scheme: Hashable, Sendable {
        case ed25519
        case ecdsaP256
        case ecdsaP384
        case rsaPSS
        /// Not of the specification; python-tuf's signers know it.
        case rsaPKCS1
    }

    /// Nil where this client cannot check such signatures: the key then counts for nothing, and is no error, so that
    /// a repository can move to new schemes.
    package let scheme: Scheme?
    /// The key itself: PEM, or hexadecimal digits.
    package let material: ExactText

    package init(scheme: Scheme, material: ExactText) {
        self.scheme = scheme
        self.material = material
    }

    init(_ fields: MetadataFields) throws(TrustError) {
        let type = try fields.text("keytype")
        let scheme = try fields.text("scheme")
        let value = try fields.object("keyval")
        self.scheme = Self.scheme(type.text, scheme.text)
        material = value.has("public") ? try value.text("public") : ""
    }

    private static func scheme(_ type: String, _ scheme: String) -> Scheme? {
        switch (type, scheme) {
        case ("ed25519", "ed25519"): .ed25519
        case ("ecdsa", "ecdsa-sha2-nistp256"), ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256"): .ecdsaP256
        case ("ecdsa", "ecdsa-sha2-nistp384"), ("ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384"): .ecdsaP384
        case ("rsa", "rsassa-pss-sha256"): .rsaPSS
        case ("rsa", "rsa-pkcs1v15-sha256"): .rsaPKCS1
        default: nil
        }
    }
}

/// Which keys sign for a role, and how many of them must.
package struct RoleKeys: Hashable, Sendable {
    package let keyIDs: Set<ExactText>
    /// From 1.
    package let threshold: Int64

    /// Refuses a key that stands twice.
    init(_ fields: MetadataFields) throws(TrustError) {
        let keyIDs = try fields.texts("keyids")
        self.keyIDs = Set(keyIDs)
        guard self.keyIDs.count == keyIDs.count else {
            throw TrustError(.malformed, "\(fields.name): a key stands twice in keyids")
        }
        threshold = try fields.integer("threshold", atLeast: 1)
    }

    /// The keys by their identifiers, as `keys` holds them in a root or in delegations.
    static func keys(_ fields: MetadataFields) throws(TrustError) -> [ExactText: PublicKey] {
        var keys: [ExactText: PublicKey] = [:]
        for (keyID, key) in try fields.objects() { keys[keyID] = try PublicKey(key) }
        return keys
    }
}

/// What the core needs of cryptography. The shell implements it with a library, once, and calls nothing back.
package protocol TrustCryptography: Sendable {
    /// Whether `signature` is one of `message` by `key`. False too where the key or the signature is malformed.
    func isValid(_ signature: [UInt8], of message: [UInt8], by key: PublicKey) -> Bool
    /// 32 bytes.
    func sha256(_ bytes: [UInt8]) -> [UInt8]
    /// 64 bytes.
    func sha512(_ bytes: [UInt8]) -> [UInt8]
}
