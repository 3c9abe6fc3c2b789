import Crypto
import CryptoExtras
import InterfaceCore
@testable import InterfaceStore
import Testing

@Suite struct SwiftCryptographyTests {
    private let cryptography = SwiftCryptography()
    private let message = Array("what is signed".utf8)

    private func check(_ scheme: PublicKey.Scheme, _ material: String, _ signature: [UInt8]) {
        let key = PublicKey(scheme: scheme, material: ExactText(material))
        #expect(cryptography.isValid(signature, of: message, by: key))
        #expect(!cryptography.isValid(signature, of: message + [0], by: key))
        #expect(!cryptography.isValid(Array(signature.dropLast()), of: message, by: key))
        #expect(!cryptography.isValid([], of: message, by: key))
        var changed = signature
        changed[signature.count / 2] ^= 1
        #expect(!cryptography.isValid(changed, of: message, by: key))
        for broken in [
            "", "zz", String(material.dropLast(20)), "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
        ] {
            let key = PublicKey(scheme: scheme, material: ExactText(broken))
            #expect(!cryptography.isValid(signature, of: message, by: key))
        }
    }

    /// RFC 8032, section 7.1, test 2.
    @Test func ed25519OfTheRFC() throws {
        let key = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
        let signature = try #require(
            Hexadecimal.decode(
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                    + "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"))
        let public_ = PublicKey(scheme: .ed25519, material: ExactText(key))
        #expect(cryptography.isValid(signature, of: [0x72], by: public_))
        #expect(!cryptography.isValid(signature, of: [0x73], by: public_))
    }

    @Test func ed25519InDigitsAndPEM() throws {
        let key = Curve25519.Signing.PrivateKey()
        let raw = Array(key.publicKey.rawRepresentation)
        let signature = Array(try key.signature(for: message))
        check(.ed25519, Hexadecimal.encode(raw), signature)
        let prefix: [UInt8] = [0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00]
        check(
            .ed25519, "-----BEGIN PUBLIC KEY-----\n\(Base64.encode(prefix + raw))\n-----END PUBLIC KEY-----\n",
            signature)
    }

    @Test func ecdsaInPEMAndAsAPoint() throws {
        let key = P256.Signing.PrivateKey()
        let signature = Array(try key.signature(for: message).derRepresentation)
        check(.ecdsaP256, key.publicKey.pemRepresentation, signature)
        check(.ecdsaP256, Hexadecimal.encode(Array(key.publicKey.x963Representation)), signature)
        let larger = P384.Signing.PrivateKey()
        check(
            .ecdsaP384, larger.publicKey.pemRepresentation,
            Array(try larger.signature(for: message).derRepresentation))
    }

    @Test func rsaWithBothPaddings() throws {
        let key = try _RSA.Signing.PrivateKey(keySize: .bits2048)
        let digest = SHA256.hash(data: message)
        let pem = key.publicKey.pemRepresentation
        let pss = Array(try key.signature(for: digest, padding: .PSS).rawRepresentation)
        check(.rsaPSS, pem, pss)
        let old = Array(try key.signature(for: digest, padding: .insecurePKCS1v1_5).rawRepresentation)
        check(.rsaPKCS1, pem, old)
        #expect(!cryptography.isValid(old, of: message, by: PublicKey(scheme: .rsaPSS, material: ExactText(pem))))
    }

    @Test func base64ThereAndBack() {
        for count in 0..<20 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 37 + 5) }
            #expect(Base64.decode(Base64.encode(bytes)) == bytes)
        }
        #expect(Base64.encode(Array("foobar".utf8)) == "Zm9vYmFy")
        #expect(Base64.encode(Array("fooba".utf8)) == "Zm9vYmE=")
        #expect(Base64.encode(Array("foob".utf8)) == "Zm9vYg==")
        for text in ["A", "AB", "AB=", "A===", "AB\n=", "====", "AA=A"] { #expect(Base64.decode(text) == nil) }
    }
}
