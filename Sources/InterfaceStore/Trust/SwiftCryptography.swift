import Crypto
import CryptoExtras
package import InterfaceCore

/// Signatures and digests by swift-crypto.
package struct SwiftCryptography: TrustCryptography {
    package init() {}

    package func isValid(_ signature: [UInt8], of message: [UInt8], by key: PublicKey) -> Bool {
        let material = key.material.text
        return switch key.scheme {
        case .ed25519: Self.ed25519(material)?.isValidSignature(signature, for: message) ?? false
        case .ecdsaP256: Self.isValidP256(signature, message, material)
        case .ecdsaP384: Self.isValidP384(signature, message, material)
        case .rsaPSS: Self.isValidRSA(signature, message, material, .PSS)
        case .rsaPKCS1: Self.isValidRSA(signature, message, material, .insecurePKCS1v1_5)
        case nil: false
        }
    }

    package func sha256(_ bytes: [UInt8]) -> [UInt8] { Array(SHA256.hash(data: bytes)) }
    package func sha512(_ bytes: [UInt8]) -> [UInt8] { Array(SHA512.hash(data: bytes)) }

    /// 64 hexadecimal digits, or PEM.
    private static func ed25519(_ material: String) -> Curve25519.Signing.PublicKey? {
        let raw =
            if material.utf8.starts(with: "-----BEGIN".utf8) {
                KeyText.der(pem: material, label: "PUBLIC KEY").flatMap(KeyText.ed25519Public(der:))
            } else {
                Hexadecimal.decode(material)
            }
        return raw.flatMap { try? Curve25519.Signing.PublicKey(rawRepresentation: $0) }
    }

    /// PEM, or the uncompressed point in hexadecimal digits as early repositories wrote it.
    private static func isValidP256(_ signature: [UInt8], _ message: [UInt8], _ material: String) -> Bool {
        let key =
            if let point = Hexadecimal.decode(material) {
                try? P256.Signing.PublicKey(x963Representation: point)
            } else {
                try? P256.Signing.PublicKey(pemRepresentation: material)
            }
        guard let key, let signature = try? P256.Signing.ECDSASignature(derRepresentation: signature) else {
            return false
        }
        return key.isValidSignature(signature, for: message)
    }

    private static func isValidP384(_ signature: [UInt8], _ message: [UInt8], _ material: String) -> Bool {
        let key =
            if let point = Hexadecimal.decode(material) {
                try? P384.Signing.PublicKey(x963Representation: point)
            } else {
                try? P384.Signing.PublicKey(pemRepresentation: material)
            }
        guard let key, let signature = try? P384.Signing.ECDSASignature(derRepresentation: signature) else {
            return false
        }
        return key.isValidSignature(signature, for: message)
    }

    /// Keys from 2048 bits.
    private static func isValidRSA(
        _ signature: [UInt8], _ message: [UInt8], _ material: String, _ padding: _RSA.Signing.Padding
    ) -> Bool {
        guard let key = try? _RSA.Signing.PublicKey(pemRepresentation: material) else { return false }
        return key.isValidSignature(
            _RSA.Signing.RSASignature(rawRepresentation: signature), for: SHA256.hash(data: message), padding: padding)
    }
}

/// PEM (RFC 7468) of the two kinds of key that swift-crypto reads and writes only as bare bytes.
enum KeyText {
    /// What precedes the 32 bytes of an Ed25519 key in its SubjectPublicKeyInfo (RFC 8410, section 4).
    private static let publicPrefix: [UInt8] = [0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00]
    /// And in its PrivateKeyInfo (section 7).
    private static let privatePrefix: [UInt8] = [
        0x30, 0x2E, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
    ]

    static func ed25519Public(der: [UInt8]) -> [UInt8]? { der32(der, after: publicPrefix) }
    static func ed25519Private(der: [UInt8]) -> [UInt8]? { der32(der, after: privatePrefix) }
    static func ed25519Private(pem: String) -> [UInt8]? { der(pem: pem, label: "PRIVATE KEY").flatMap(ed25519Private) }

    static func pem(ed25519Private key: [UInt8]) -> String {
        "-----BEGIN PRIVATE KEY-----\n\(Base64.encode(privatePrefix + key))\n-----END PRIVATE KEY-----\n"
    }

    private static func der32(_ der: [UInt8], after prefix: [UInt8]) -> [UInt8]? {
        guard der.starts(with: prefix), der.count == prefix.count + 32 else { return nil }
        return Array(der.dropFirst(prefix.count))
    }

    /// What stands between the lines that name `label`; nil where it is not exactly that.
    static func der(pem: String, label: String) -> [UInt8]? {
        let lines = pem.split(whereSeparator: \.isNewline).map { $0.filter { !$0.isWhitespace || $0 == " " } }
        guard let first = lines.first, let last = lines.last, lines.count >= 3,
            first == "-----BEGIN \(label)-----", last == "-----END \(label)-----"
        else { return nil }
        return Base64.decode(lines.dropFirst().dropLast().joined())
    }
}

/// Base64 (RFC 4648, section 4).
enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let piece = bytes[start..<min(start + 3, bytes.count)]
            let bits = piece.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << (8 * UInt32(3 - piece.count))
            for place in 0..<4 {
                text.append(place <= piece.count ? alphabet[Int(bits >> UInt32(18 - 6 * place)) & 63] : 61)
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Nil for anything but padded base64.
    static func decode(_ text: String) -> [UInt8]? {
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        let digits = Array(text.utf8)
        let padding = digits.reversed().prefix { $0 == 61 }.count
        guard digits.count.isMultiple(of: 4), padding <= 2 else { return nil }
        for (index, digit) in digits.dropLast(padding).enumerated() {
            guard let value = alphabet.firstIndex(of: digit) else { return nil }
            bits = bits << 6 | UInt32(value)
            if index % 4 != 0 { bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(6 - 2 * (index % 4)))) }
        }
        return bytes
    }
}
