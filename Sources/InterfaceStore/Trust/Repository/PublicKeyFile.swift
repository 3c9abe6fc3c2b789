import Crypto
import CryptoExtras
package import InterfaceCore

/// Public keys in PEM files, of all kinds that can sign for a repository.
package enum PublicKeyFile {
    /// The key in a file, with the scheme that goes with its kind.
    package static func record(_ file: String) throws(TrustError) -> KeyRecord {
        let text: String
        do {
            text = String(decoding: try StoredFile(file).contents(maximum: 65_536), as: UTF8.self)
        } catch {
            throw TrustError(.missing, "\(error)")
        }
        let cryptography = SwiftCryptography()
        if let key = KeyText.der(pem: text, label: "PUBLIC KEY").flatMap(KeyText.ed25519Public(der:)) {
            return KeyRecord(ed25519: key, by: cryptography)
        }
        if (try? P256.Signing.PublicKey(pemRepresentation: text)) != nil {
            return KeyRecord(type: "ecdsa", scheme: "ecdsa-sha2-nistp256", pem: text, by: cryptography)
        }
        if (try? P384.Signing.PublicKey(pemRepresentation: text)) != nil {
            return KeyRecord(type: "ecdsa", scheme: "ecdsa-sha2-nistp384", pem: text, by: cryptography)
        }
        if (try? _RSA.Signing.PublicKey(pemRepresentation: text)) != nil {
            return KeyRecord(type: "rsa", scheme: "rsassa-pss-sha256", pem: text, by: cryptography)
        }
        throw TrustError(.malformed, "\(file) holds no public key of Ed25519, ECDSA (P-256, P-384) or RSA in PEM")
    }
}
