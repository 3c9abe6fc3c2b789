import Crypto
import Foundation
import Glibc
package import InterfaceCore

/// Private keys that sign for a repository: a file a key, Ed25519 in PEM (PKCS #8, as `openssl genpkey` writes it),
/// readable by its owner only. Which roles a key signs for is said by the root, not by the file's name.
package struct KeyFolder: Sendable {
    package let path: String

    package init(path: String) { self.path = path }

    /// A key with its private part.
    package struct Key: Sendable {
        package let file: String
        package let record: KeyRecord
        let key: Curve25519.Signing.PrivateKey

        init(file: String, key: Curve25519.Signing.PrivateKey) {
            self.file = file
            self.key = key
            record = KeyRecord(ed25519: Array(key.publicKey.rawRepresentation), by: SwiftCryptography())
        }

        /// The public key in hexadecimal digits.
        package var publicKey: String { Hexadecimal.encode(Array(key.publicKey.rawRepresentation)) }

        /// Signs a document.
        package func sign(_ document: inout RoleDocument) throws(TrustError) {
            guard let signature = try? key.signature(for: document.payload) else {
                throw TrustError(.storage, "\(file) gives no signature")
            }
            document.add(RoleDocument.Signature(keyID: record.keyID, Array(signature)))
        }
    }

    /// Makes a key in a file `NAME.pem` that must not be there yet.
    package func generate(_ name: String) throws(TrustError) -> Key {
        let file = "\(path)/\(name).pem"
        do {
            try Folder.create(path)
            let key = Curve25519.Signing.PrivateKey()
            let descriptor = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
            guard descriptor >= 0 else { throw StoreError.system("create \(file)") }
            defer { close(descriptor) }
            let text = Array(KeyText.pem(ed25519Private: Array(key.rawRepresentation)).utf8)
            guard write(descriptor, text, text.count) == text.count, fsync(descriptor) == 0 else {
                throw StoreError.system("write \(file)")
            }
            try Folder.sync(path)
            return Key(file: file, key: key)
        } catch let error as StoreError {
            throw TrustError(.storage, error.message)
        } catch {
            throw TrustError(.storage, "\(error)")
        }
    }

    /// The keys of all files `*.pem` that hold one, in the order of the files' names. Refuses a file that others than
    /// its owner can read.
    package func keys() throws(TrustError) -> [Key] {
        do {
            return try Folder.names(in: path).filter { $0.hasSuffix(".pem") }.compactMap { name in
                try Self.read("\(path)/\(name)")
            }
        } catch let error as TrustError {
            throw error
        } catch {
            throw TrustError(.storage, "\(error)")
        }
    }

    /// The key in a file; nil where it holds none that this program can sign with.
    package static func read(_ file: String) throws -> Key? {
        let attributes = try? FileManager.default.attributesOfItem(atPath: file)
        guard let mode = attributes?[.posixPermissions] as? Int else {
            throw StoreError(.notFound, "cannot read \(file)")
        }
        guard mode & 0o077 == 0 else {
            throw TrustError(.storage, "\(file) can be read by others than its owner: chmod 600 \(file)")
        }
        let text = String(decoding: try StoredFile(file).contents(maximum: 16_384), as: UTF8.self)
        return KeyText.ed25519Private(pem: text).flatMap { try? Curve25519.Signing.PrivateKey(rawRepresentation: $0) }
            .map { Key(file: file, key: $0) }
    }
}
