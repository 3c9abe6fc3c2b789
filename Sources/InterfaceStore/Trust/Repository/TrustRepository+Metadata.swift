import Glibc
package import InterfaceCore

extension TrustRepository {
    // MARK: Upkeep

    /// Renews what would expire before `margin` of its time is left, or is not signed by the keys in force; the
    /// timestamp always. The root only where its keys are here.
    package func refreshMetadata(margin: Double = 0.5) throws -> Change {
        try whileLocked {
            var change = Change()
            if let pending = try files.pending() {
                // A crash may have come between the last signature and the publication.
                try publishOrKeep(pending, after: try previousRoot(of: pending), &change)
            }
            var documents = try files.documents()
            let isDue = { (document: RoleDocument) in
                let days = documents.days(document.role)
                let rest = document.expires.secondsSinceEpoch - now().secondsSinceEpoch
                return Double(rest) < Double(days * 86_400) * margin
            }
            if isDue(documents.root), try files.pending() == nil {
                let next = try sign(documents.nextRoot(replacing: nil, with: [], at: now()), with: documents.root)
                if try missingSignatures(of: next, after: documents.root) == 0 {
                    try publishOrKeep(next, after: documents.root, &change)
                    documents.root = next
                }
            }
            var roles: [RoleName] = [.timestamp]
            if try isDue(documents.targets) || !isSigned(documents.targets, by: documents.root) {
                documents.renewTargets(at: now())
                roles = [.targets, .snapshot, .timestamp]
            } else if try isDue(documents.snapshot) || !isSigned(documents.snapshot, by: documents.root) {
                documents.renewSnapshot(at: now())
                roles = [.snapshot, .timestamp]
            } else {
                documents.renewTimestamp(at: now())
            }
            change.versions.merge(try commit(documents, roles).versions) { $1 }
            return change
        }
    }

    /// Replaces a role's keys by a new one, with a new root. Where the root's keys are elsewhere it waits for their
    /// signatures; once they are there, ``refreshMetadata(margin:)`` signs with the new key what the old one signed.
    package func rotate(_ role: RoleName) throws -> Change {
        try whileLocked {
            let documents = try files.documents()
            guard try files.pending() == nil else {
                throw TrustError(.storage, "a root waits for signatures already")
            }
            let key = try keys.generate("\(role)-\(now().secondsSinceEpoch)-\(UInt16.random(in: 0 ... .max))")
            let next = try sign(
                documents.nextRoot(replacing: role, with: [key.record], at: now()), with: documents.root)
            // From here on what is signed is signed by the old key and by the new one, so that clients are content with
            // it on both sides of the new root's coming.
            try files.writePending(next)
            var renewed = documents
            var change = Change()
            switch role {
            case .targets:
                renewed.renewTargets(at: now())
                change = try commit(renewed, [.targets, .snapshot, .timestamp])
            case .snapshot:
                renewed.renewSnapshot(at: now())
                change = try commit(renewed, [.snapshot, .timestamp])
            case .timestamp:
                renewed.renewTimestamp(at: now())
                change = try commit(renewed, [.timestamp])
            default: break
            }
            try publishOrKeep(next, after: documents.root, &change)
            return change
        }
    }

    // MARK: Offline root

    /// The bytes that the root's keys must sign, where a root waits for signatures.
    package func rootPayload() throws -> (payload: [UInt8], pending: PendingRoot)? {
        try whileLocked {
            guard let pending = try files.pending() else { return nil }
            return (pending.payload, try pendingRoot(pending))
        }
    }

    /// Adds a signature to the root that waits, after checking that it counts, and publishes the root when it has enough.
    package func addRootSignature(keyID: ExactText, _ signature: [UInt8]) throws -> Change {
        try whileLocked {
            guard var pending = try files.pending() else {
                throw TrustError(.missing, "no root waits for signatures")
            }
            let previous = try previousRoot(of: pending)
            let before = try missingSignatures(of: pending, after: previous)
            pending.add(RoleDocument.Signature(keyID: keyID, signature))
            guard try missingSignatures(of: pending, after: previous) < before else {
                throw TrustError(.unsigned, "the signature is not one of a root key \(keyID) over this root")
            }
            var change = Change()
            try publishOrKeep(pending, after: previous, &change)
            return change
        }
    }

    /// Signs the root that waits with a key in a file.
    package func signRoot(with key: KeyFolder.Key) throws -> Change {
        guard let waiting = try whileLocked({ try files.pending() }) else {
            throw TrustError(.missing, "no root waits for signatures")
        }
        var signed = waiting
        try key.sign(&signed)
        guard let signature = signed.signatures.first(where: { $0.keyID == key.record.keyID }),
            let bytes = Hexadecimal.decode(signature.text)
        else { throw TrustError(.unsigned, "\(key.file) gives no signature") }
        return try addRootSignature(keyID: key.record.keyID, bytes)
    }

    private func previousRoot(of root: RoleDocument) throws -> RoleDocument? {
        root.version == 1 ? nil : try files.document(.root, version: root.version - 1)
    }

    private func pendingRoot(_ root: RoleDocument) throws -> PendingRoot {
        PendingRoot(
            version: root.version, missing: try missingSignatures(of: root, after: try previousRoot(of: root)))
    }

    // MARK: Signing

    /// Writes a root that has its signatures among the metadata, and one that lacks some beside it.
    func publishOrKeep(_ root: RoleDocument, after previous: RoleDocument?, _ change: inout Change) throws {
        let missing = try missingSignatures(of: root, after: previous)
        guard missing == 0 else {
            try files.writePending(root)
            change.pending = PendingRoot(version: root.version, missing: missing)
            return
        }
        try files.write(root)
        try files.writePending(nil)
        change.versions[.root] = root.version
    }

    /// How many more signatures a root needs: of its own keys, and of those of the root before it.
    func missingSignatures(of root: RoleDocument, after previous: RoleDocument?) throws -> Int {
        let metadata = try SignedMetadata(root.bytes, of: .root)
        var missing = 0
        for document in [root, previous].compactMap(\.self) {
            let judge = try RootMetadata(SignedMetadata(document.bytes, of: .root))
            missing = max(
                missing,
                metadata.missingSignatures(judge.keys, for: judge.roleKeys(.root), by: SwiftCryptography()))
        }
        return missing
    }

    func isSigned(_ document: RoleDocument, by root: RoleDocument) throws -> Bool {
        let judge = try RootMetadata(SignedMetadata(root.bytes, of: .root))
        return try SignedMetadata(document.bytes, of: document.role).missingSignatures(
            judge.keys, for: judge.roleKeys(document.role), by: SwiftCryptography()) == 0
    }

    /// A root with the signatures of those of its keys, and of the keys of the root before it, that are here.
    func sign(_ root: RoleDocument, with previous: RoleDocument? = nil) throws -> RoleDocument {
        var signed = root
        for document in [root, previous].compactMap(\.self) {
            let wanted = try RootMetadata(SignedMetadata(document.bytes, of: .root)).roleKeys(.root).keyIDs
            for key in try keys.keys() where wanted.contains(key.record.keyID) { try key.sign(&signed) }
        }
        return signed
    }

    /// A document with the signatures that the root asks for, and those that a root that waits will ask for; throws
    /// where too few of the former are here.
    func signed(_ document: RoleDocument, by root: RoleDocument) throws -> RoleDocument {
        let judge = try RootMetadata(SignedMetadata(root.bytes, of: .root))
        let wanted = judge.roleKeys(document.role)
        let coming = try files.pending().map { try RootMetadata(SignedMetadata($0.bytes, of: .root)) }
        let keyIDs = wanted.keyIDs.union(coming?.roleKeys(document.role).keyIDs ?? [])
        var signed = document
        for key in try keys.keys() where keyIDs.contains(key.record.keyID) { try key.sign(&signed) }
        let missing = try SignedMetadata(signed.bytes, of: document.role).missingSignatures(
            judge.keys, for: wanted, by: SwiftCryptography())
        guard missing == 0 else {
            throw TrustError(
                .unsigned, "\(keys.path) lacks \(missing) of the keys that sign for \(document.role)")
        }
        return signed
    }

    /// Signs and writes the roles that changed, `timestamp.json` last.
    func commit(_ documents: RepositoryDocuments, _ roles: [RoleName]) throws -> Change {
        var change = Change()
        let all = [documents.targets, documents.snapshot, documents.timestamp].filter { roles.contains($0.role) }
        let signed = try all.map { try self.signed($0, by: documents.root) }
        for document in signed {
            try files.write(document)
            change.versions[document.role] = document.version
        }
        return change
    }

    // MARK: Errors and locking

    func mapErrors<Result>(_ body: () throws -> Result) throws(TrustError) -> Result {
        do {
            return try body()
        } catch let error as TrustError {
            throw error
        } catch let error as StoreError {
            throw TrustError(error.code == .notFound ? .missing : .storage, error.message)
        } catch {
            throw TrustError(.storage, "\(error)")
        }
    }

    /// Lets no other process change the repository meanwhile.
    func whileLocked<Result>(_ body: () throws -> Result) throws(TrustError) -> Result {
        try mapErrors {
            try Folder.create(directory)
            let descriptor = open("\(directory)/.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { throw StoreError.system("lock \(directory)") }
            defer { FileLock.release(descriptor) }
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
                throw TrustError(.storage, "another process changes \(directory)")
            }
            return try body()
        }
    }
}
