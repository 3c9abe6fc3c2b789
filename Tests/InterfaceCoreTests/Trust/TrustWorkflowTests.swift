import InterfaceCore
import Testing

/// The top-level roles: section 5.3 to 5.6 of the specification, and the attacks of its section 1.5.2 that metadata can
/// show.
@Suite struct TrustWorkflowTests {
    @Test func theFirstRefreshAsksForEachRoleOnce() {
        let repository = ScriptedRepository()
        var client = ScriptedClient(repository)
        #expect(client.refresh(repository) == nil)
        #expect(client.requests == ["2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"])
        #expect(client.stored[.timestamp] == repository.files["timestamp.json"])
        #expect(client.workflow.targets?.targets.isEmpty == true)
    }

    @Test func whereNothingChangedTwoRequestsSuffice() {
        let repository = ScriptedRepository()
        var client = ScriptedClient(repository)
        #expect(client.refresh(repository) == nil)
        let stored = client.stored
        #expect(client.refresh(repository) == nil)
        #expect(client.requests == ["2.root.json", "timestamp.json"])
        #expect(client.stored == stored)
    }

    @Test func withoutARootNothingIsAsked() {
        let repository = ScriptedRepository()
        var client = ScriptedClient(repository)
        client.stored[.root] = nil
        #expect(client.refresh(repository) == .notInitialised)
        #expect(client.requests == [])
    }

    @Test func aRootThatDidNotSignItselfIsRefused() {
        let repository = ScriptedRepository()
        var client = ScriptedClient(repository)
        client.stored[.root] = ScriptedRepository.bytes(repository.documents.root, signedBy: ["someone"])
        #expect(client.refresh(repository) == .unsigned)
        #expect(client.requests == [])
    }

    /// Arbitrary installation and wrong software: each role signed by a key that is not the role's.
    @Test(arguments: [RoleName.root, .timestamp, .snapshot, .targets])
    func whatAnotherKeySignedIsRefused(role: RoleName) {
        var repository = ScriptedRepository()
        var client = ScriptedClient(repository)
        repository.documents.root.version += 1
        repository.documents.renewTargets(at: ScriptedRepository.now)
        repository.signers[role] = ["attacker"]
        repository.publish(RoleName.topLevel)
        #expect(client.refresh(repository) == .unsigned)
        #expect(client.version(role) == (role == .root ? 1 : nil))
    }

    /// Key compromise: a threshold of two, and one key stolen.
    @Test func oneOfTwoKeysIsNotEnough() {
        var repository = ScriptedRepository()
        var client = ScriptedClient(repository)
        let keys = ["one", "two"].map(ScriptedRepository.key)
        repository.documents.root = repository.documents.nextRoot(
            replacing: .timestamp, with: keys, at: ScriptedRepository.now)
        guard case .object(var roles) = repository.documents.root.members["roles"],
            case .object(var timestamp) = roles["timestamp"]
        else { Issue.record("no timestamp role"); return }
        timestamp["threshold"] = .integer(2)
        roles["timestamp"] = .object(timestamp)
        repository.documents.root.members["roles"] = .object(roles)
        repository.signers[.timestamp] = ["one"]
        repository.publish(RoleName.topLevel)
        #expect(client.refresh(repository) == .unsigned)
        repository.signers[.timestamp] = ["one", "two"]
        repository.publish(RoleName.topLevel)
        #expect(client.refresh(repository) == nil)
        #expect(client.version(.root) == 2)
    }

    /// Rollback of the timestamp, of the snapshot it names, and of the targets that the snapshot names.
    @Test func olderVersionsAreRefused() {
        var repository = ScriptedRepository()
        var client = ScriptedClient(repository)
        let first = repository
        repository.documents.renewTargets(at: ScriptedRepository.now)
        repository.publish(RoleName.topLevel)
        #expect(client.refresh(repository) == nil)
        #expect(client.refresh(first) == .rollback)

        var lowSnapshot = repository
        lowSnapshot.documents.snapshot.version = 0
        lowSnapshot.documents.renewSnapshot(at: ScriptedRepository.now)
        lowSnapshot.publish(RoleName.topLevel)
        #expect(client.refresh(lowSnapshot) == .rollback)
        #expect(client.version(.timestamp) == 2)

        var lowTargets = repository
        lowTargets.documents.targets.version = 1
        lowTargets.documents.renewSnapshot(at: ScriptedRepository.now)
        lowTargets.publish(RoleName.topLevel)
        #expect(client.refresh(lowTargets) == .rollback)
        #expect(client.version(.snapshot) == 2)
    }

    @Test func aSnapshotThatLosesARoleIsRefused() throws {
        var repository = ScriptedRepository()
        repository.delegate(try #require(RoleName("a")), ["targets": .object([:])], signedBy: "a")
        repository.publish(RoleName.topLevel)
        var client = ScriptedClient(repository)
        #expect(client.refresh(repository) == nil)
        repository.documents.snapshot.members["meta"] = .object(["targets.json": .object(["version": .integer(1)])])
        repository.documents.renewSnapshot(at: ScriptedRepository.now)
        repository.publish(RoleName.topLevel)
        #expect(client.refresh(repository) == .rollback)
    }

    /// Fast-forward: the version is driven to its end by a stolen key; with the key replaced, clients recover.
    @Test func clientsRecoverFromAVersionThatWasDrivenTooHigh() {
        var repository = ScriptedRepository()
        var client = ScriptedClient(repository)
        var attacked = repository
        attacked.documents.timestamp.version = .max
        attacked.publish([.timestamp])
        #expect(client.refresh(attacked) == nil)
        repository.documents.renewTimestamp(at: ScriptedRepository.now)
        repository.publish([.timestamp])
        #expect(client.refresh(repository) == .rollback)
        repository.documents.root = repository.documents.nextRoot(
            replacing: .timestamp, with: [ScriptedRepository.key("fresh")], at: ScriptedRepository.now)
        repository.signers[.timestamp] = ["fresh"]
        repository.publish(RoleName.topLevel)
        #expect(client.refresh(repository) == nil)
        #expect(client.version(.timestamp) == 2)
    }

    /// Indefinite freeze: the same files for ever.
    @Test(arguments: [RoleName.root, .timestamp, .snapshot, .targets])
    func whatHasExpiredIsRefused(role: RoleName) {
        var repository = ScriptedRepository()
        var client = ScriptedClient(repository)
        repository.documents.root.version += 1
        repository.documents.renewTargets(at: ScriptedRepository.now)
        let soon = ScriptedRepository.now.after(days: 1)
        switch role {
        case .root: repository.documents.root.expires = soon
        case .timestamp: repository.documents.timestamp.expires = soon
        case .snapshot: repository.documents.snapshot.expires = soon
        default: repository.documents.targets.expires = soon
        }
        repository.publish(RoleName.topLevel)
        #expect(client.refresh(repository) == nil)
        #expect(client.refresh(repository, at: soon) == .expired)
        #expect(client.refresh(repository, at: ScriptedRepository.now, from: .storage) == nil)
        #expect(client.refresh(repository, at: soon, from: .storage) != nil)
    }

    /// Mix-and-match: a snapshot of another moment under the timestamp, and targets of another under the snapshot.
    @Test func filesOfDifferentMomentsAreRefused() {
        var repository = ScriptedRepository()
        let first = repository
        repository.documents.renewTargets(at: ScriptedRepository.now)
        repository.publish(RoleName.topLevel)
        for path in ["snapshot.json", "targets.json"] {
            var mixed = repository
            mixed.files["2.\(path)"] = first.files["1.\(path)"]
            var client = ScriptedClient(mixed)
            #expect(client.refresh(mixed) == .mismatch)
        }
    }

    @Test func otherBytesThanAnnouncedAreRefused() {
        var repository = ScriptedRepository()
        let bytes = repository.files["1.targets.json"] ?? []
        func announce(_ reference: [ExactText: JSONValue]) {
            repository.documents.snapshot.members["meta"] = .object(["targets.json": .object(reference)])
            repository.publish([.snapshot])
        }
        let digest = Hexadecimal.encode(ScriptedCryptography().sha256(bytes))
        var reference: [ExactText: JSONValue] = [
            "version": .integer(1), "length": .integer(Int64(bytes.count)),
            "hashes": .object(["sha256": .text(digest)]),
        ]
        announce(reference)
        var client = ScriptedClient(repository)
        #expect(client.refresh(repository) == nil)
        reference["hashes"] = .object(["sha256": .text(String(repeating: "00", count: 32))])
        announce(reference)
        client = ScriptedClient(repository)
        #expect(client.refresh(repository) == .mismatch)
        reference["hashes"] = .object(["crc": .text("00")])
        announce(reference)
        client = ScriptedClient(repository)
        #expect(client.refresh(repository) == .mismatch)
        reference["hashes"] = nil
        reference["length"] = .integer(Int64(bytes.count) + 1)
        announce(reference)
        client = ScriptedClient(repository)
        #expect(client.refresh(repository) == .mismatch)
        reference["length"] = .integer(1 << 40)
        announce(reference)
        client = ScriptedClient(repository)
        #expect(client.refresh(repository) == .tooLarge)
    }

    @Test func rolesDoNotStandInForEachOther() {
        var repository = ScriptedRepository()
        var snapshot = repository.documents.snapshot
        snapshot.members["meta"] = .object(["snapshot.json": .object(["version": .integer(1)])])
        repository.files["timestamp.json"] = ScriptedRepository.bytes(snapshot, signedBy: ["timestamp"])
        var client = ScriptedClient(repository)
        #expect(client.refresh(repository) == .wrongKind)
    }

    @Test func rootsFollowEachOtherOneByOne() {
        var repository = ScriptedRepository()
        var client = ScriptedClient(repository)
        for step in 0..<5 {
            let next = "root \(step)"
            let previous = repository.signers[.root] ?? []
            repository.documents.root = repository.documents.nextRoot(
                replacing: .root, with: [ScriptedRepository.key(next)], at: ScriptedRepository.now)
            repository.signers[.root] = previous + [next]
            repository.publish([.root])
            repository.signers[.root] = [next]
        }
        #expect(client.refresh(repository) == nil)
        #expect(client.version(.root) == 6)

        var skipping = ScriptedRepository()
        var fresh = ScriptedClient(skipping)
        skipping.documents.root.version = 3
        skipping.files["2.root.json"] = ScriptedRepository.bytes(skipping.documents.root, signedBy: ["root"])
        #expect(fresh.refresh(skipping) == .rollback)
        #expect(fresh.version(.root) == 1)
    }

    @Test func rootsWithoutEndAreGivenUp() {
        var repository = ScriptedRepository()
        for _ in 0..<20 {
            repository.documents.root.version += 1
            repository.publish([.root])
        }
        var limits = TrustLimits()
        limits.rootVersions = 10
        var client = ScriptedClient(repository, limits: limits)
        #expect(client.refresh(repository) == .tooLarge)
        // What came is kept: the next refresh goes on from there.
        #expect(client.version(.root) == 11)
        #expect(client.refresh(repository) == .tooLarge)
        #expect(client.refresh(repository) == nil)
    }

    @Test func whatIsStoredIsNoObstacle() {
        let repository = ScriptedRepository()
        var client = ScriptedClient(repository)
        #expect(client.refresh(repository) == nil)
        for role in [RoleName.timestamp, .snapshot, .targets] {
            client.stored[role] = Array("{ not json".utf8)
            #expect(client.refresh(repository) == nil)
            #expect(client.version(role) == 1)
        }
    }

    @Test func twoIdentifiersOfOneKeyCountOnce() {
        var repository = ScriptedRepository()
        var client = ScriptedClient(repository)
        let key = ScriptedRepository.key("timestamp")
        guard case .object(var json) = key.json else { Issue.record("no key"); return }
        json["x-note"] = .text("the same key again")
        let twin = KeyRecord(.object(json), by: ScriptedCryptography())
        #expect(twin.keyID != key.keyID)
        repository.documents.root = repository.documents.nextRoot(
            replacing: .timestamp, with: [key, twin], at: ScriptedRepository.now)
        guard case .object(var roles) = repository.documents.root.members["roles"],
            case .object(var timestamp) = roles["timestamp"]
        else { Issue.record("no timestamp role"); return }
        timestamp["threshold"] = .integer(2)
        roles["timestamp"] = .object(timestamp)
        repository.documents.root.members["roles"] = .object(roles)
        repository.publish([.root])
        var signed = repository.documents.timestamp
        let signature = ScriptedCryptography.signature(
            of: signed.payload, by: Hexadecimal.encode(Array("timestamp".utf8)))
        signed.add(RoleDocument.Signature(keyID: key.keyID, signature))
        signed.add(RoleDocument.Signature(keyID: twin.keyID, signature))
        repository.files["timestamp.json"] = signed.bytes
        #expect(client.refresh(repository) == .unsigned)
    }

    /// Metadata with any byte changed is refused, or says the same: nothing that was not signed is ever taken in.
    @Test(arguments: ["1.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"])
    func noChangedByteIsTakenIn(path: String) throws {
        let repository = ScriptedRepository()
        let role = try #require(RoleName.topLevel.first { path.contains($0.description) })
        let bytes = try #require(repository.files[path])
        let signed = try SignedMetadata(bytes, of: role).signed
        for index in bytes.indices {
            for change: UInt8 in [0x01, 0x20, 0x80] {
                var changed = repository
                changed.files[path]?[index] ^= change
                var client = ScriptedClient(changed)
                guard client.refresh(changed) == nil, let stored = client.stored[role] else { continue }
                #expect(try SignedMetadata(stored, of: role).signed == signed)
            }
        }
    }
}
