import InterfaceCore
import Testing

/// The search through delegations (5.6.7).
@Suite struct DelegationTests {
    private func role(_ name: String) throws -> RoleName { try #require(RoleName(ExactText(name))) }

    private func client(_ repository: inout ScriptedRepository, limits: TrustLimits = .init()) -> ScriptedClient {
        repository.documents.renewTargets(at: ScriptedRepository.now)
        repository.publish(RoleName.topLevel)
        var client = ScriptedClient(repository, limits: limits)
        #expect(client.refresh(repository) == nil)
        return client
    }

    private func leaf(_ paths: [String] = [], _ delegations: JSONValue? = nil) -> [ExactText: JSONValue] {
        var members: [ExactText: JSONValue] = [
            "targets": .object(
                Dictionary(uniqueKeysWithValues: paths.map { (ExactText($0), ScriptedRepository.target(1)) }))
        ]
        members["delegations"] = delegations
        return members
    }

    @Test func depthFirstInTheOrderOfTheMetadata() throws {
        var repository = ScriptedRepository()
        repository.documents.targets.members["delegations"] = ScriptedRepository.delegations([
            ("a", "ka", ["*"], false), ("b", "kb", ["*"], false),
        ])
        repository.delegate(
            try role("a"),
            leaf([], ScriptedRepository.delegations([("c", "kc", ["*"], false), ("b", "kb", ["*"], false)])),
            signedBy: "ka")
        repository.delegate(try role("b"), leaf(["wanted"]), signedBy: "kb")
        repository.delegate(
            try role("c"), leaf([], ScriptedRepository.delegations([("a", "ka", ["*"], false)])), signedBy: "kc")
        var client = client(&repository)
        guard case .found(let target) = client.search("wanted", repository) else { Issue.record("not found"); return }
        #expect(target.path == "wanted")
        #expect(client.requests == ["1.a.json", "1.c.json", "1.b.json"])
        #expect(client.search("unknown", repository) == .notFound)
        #expect(client.requests == [])
    }

    @Test func aTerminatingRoleEndsTheSearch() throws {
        var repository = ScriptedRepository()
        repository.documents.targets.members["delegations"] = ScriptedRepository.delegations([
            ("a", "ka", ["x*"], true), ("b", "kb", ["*"], false),
        ])
        repository.delegate(try role("a"), leaf(), signedBy: "ka")
        repository.delegate(try role("b"), leaf(["x", "y"]), signedBy: "kb")
        var client = client(&repository)
        #expect(client.search("x", repository) == .notFound)
        guard case .found = client.search("y", repository) else { Issue.record("not found"); return }
    }

    /// Extraneous dependencies and wrong software: a role offers what it was not entrusted with.
    @Test func aRoleHasNoSayBeyondItsPaths() throws {
        var repository = ScriptedRepository()
        repository.documents.targets.members["delegations"] = ScriptedRepository.delegations([
            ("a", "ka", ["a/*"], false)
        ])
        repository.delegate(try role("a"), leaf(["a/x", "b/x"]), signedBy: "ka")
        var client = client(&repository)
        #expect(client.search("b/x", repository) == .notFound)
        #expect(client.requests == [])
        guard case .found = client.search("a/x", repository) else { Issue.record("not found"); return }
    }

    @Test func aRoleThatCannotBeTrustedEndsTheSearchWithAnError() throws {
        for (signer, days, code) in [("attacker", 30, TrustError.Code.unsigned), ("ka", 0, .expired)]
            as [(String, Int64, TrustError.Code)]
        {
            var repository = ScriptedRepository()
            repository.documents.targets.members["delegations"] = ScriptedRepository.delegations([
                ("a", "ka", ["*"], false), ("b", "kb", ["*"], false),
            ])
            repository.delegate(try role("a"), leaf(["x"]), signedBy: signer, days: days)
            repository.delegate(try role("b"), leaf(["x"]), signedBy: "kb")
            var client = client(&repository)
            guard case .failed(let error) = client.search("x", repository) else { Issue.record("no failure"); return }
            #expect(error.code == code)
            #expect(client.stored[try role("a")] == nil)
        }
    }

    /// A role that two others delegate to with different keys counts for each only with its keys.
    @Test func aRoleIsCheckedForEachThatDelegatesToIt() throws {
        var repository = ScriptedRepository()
        repository.documents.targets.members["delegations"] = ScriptedRepository.delegations([
            ("a", "ka", ["a/*"], false), ("b", "kb", ["b/*"], false),
        ])
        repository.delegate(
            try role("a"), leaf([], ScriptedRepository.delegations([("c", "kc", ["*/*"], false)])), signedBy: "ka")
        repository.delegate(
            try role("b"), leaf([], ScriptedRepository.delegations([("c", "other", ["*/*"], false)])), signedBy: "kb")
        repository.delegate(try role("c"), leaf(["a/x", "b/x"]), signedBy: "kc")
        var client = client(&repository)
        guard case .found = client.search("a/x", repository) else { Issue.record("not found"); return }
        guard case .failed(let error) = client.search("b/x", repository) else { Issue.record("no failure"); return }
        #expect(error.code == .unsigned)
    }

    @Test func rolesWithoutEndAreGivenUp() throws {
        var repository = ScriptedRepository()
        repository.documents.targets.members["delegations"] = ScriptedRepository.delegations([("r0", "k", ["*"], false)]
        )
        for number in 0..<50 {
            repository.delegate(
                try role("r\(number)"),
                leaf([], ScriptedRepository.delegations([("r\(number + 1)", "k", ["*"], false)])), signedBy: "k")
        }
        var client = client(&repository)
        guard case .failed(let error) = client.search("x", repository) else { Issue.record("no failure"); return }
        #expect(error.code == .tooLarge)
        #expect(client.requests.count < 32)
    }

    @Test func digestPrefixesAndBins() throws {
        let cryptography = ScriptedCryptography()
        let digest = Hexadecimal.encode(cryptography.sha256(Array("some/file".utf8)))
        var repository = ScriptedRepository()
        let key = ScriptedRepository.key("ka")
        func delegations(_ prefix: String) -> JSONValue {
            .object([
                "keys": .object([key.keyID: key.json]),
                "roles": .array([
                    .object([
                        "name": .text("a"), "keyids": .array([.text(key.keyID)]), "threshold": .integer(1),
                        "terminating": .boolean(false), "path_hash_prefixes": .array([.text(prefix)]),
                    ])
                ]),
            ])
        }
        repository.documents.targets.members["delegations"] = delegations(String(digest.prefix(3)))
        repository.delegate(try role("a"), leaf(["some/file"]), signedBy: "ka")
        var client = client(&repository)
        guard case .found = client.search("some/file", repository) else { Issue.record("not found"); return }

        let bin = String(digest.prefix(3))
        repository.documents.targets.members["delegations"] = .object([
            "keys": .object([key.keyID: key.json]),
            "succinct_roles": .object([
                "keyids": .array([.text(key.keyID)]), "threshold": .integer(1), "bit_length": .integer(12),
                "name_prefix": .text("bin"),
            ]),
        ])
        repository.delegate(try role("bin-\(bin)"), leaf(["some/file"]), signedBy: "ka")
        client = self.client(&repository)
        guard case .found = client.search("some/file", repository) else { Issue.record("not found"); return }
        #expect(client.requests == ["1.bin-\(bin).json"])
    }

    @Test(arguments: ["root", "timestamp", "snapshot", "targets", ""])
    func aDelegatedRoleCannotHaveATopLevelName(name: String) {
        var repository = ScriptedRepository()
        repository.documents.targets.members["delegations"] = ScriptedRepository.delegations([(name, "k", ["*"], false)]
        )
        repository.publish(RoleName.topLevel)
        var client = ScriptedClient(repository)
        #expect(client.refresh(repository) == .malformed)
    }
}
