import InterfaceCore

/// Signatures and digests that can be made without a library: a signature is a digest of key and message.
struct ScriptedCryptography: TrustCryptography {
    func isValid(_ signature: [UInt8], of message: [UInt8], by key: PublicKey) -> Bool {
        signature == Self.signature(of: message, by: key.material.text)
    }

    static func signature(of message: [UInt8], by material: String) -> [UInt8] {
        Self.digest(Array(material.utf8) + message, count: 64)
    }

    func sha256(_ bytes: [UInt8]) -> [UInt8] { Self.digest(bytes, count: 32) }
    func sha512(_ bytes: [UInt8]) -> [UInt8] { Self.digest(bytes, count: 64) }

    /// FNV-1a, stretched.
    private static func digest(_ bytes: [UInt8], count: Int) -> [UInt8] {
        (0..<count).map { place in
            var hash: UInt64 = 0xCBF2_9CE4_8422_2325 &+ UInt64(place)
            for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
            return UInt8(truncatingIfNeeded: hash >> 32)
        }
    }
}

/// A repository in memory that publishes whatever a test wants it to, right or wrong.
struct ScriptedRepository {
    static let now = MetadataTime(secondsSinceEpoch: 1_800_000_000)

    var documents: RepositoryDocuments
    /// What each role's documents are signed with: names of keys.
    var signers: [RoleName: [String]] = [:]
    /// What is served, by path.
    var files: [String: [UInt8]] = [:]

    init() {
        var plans: [RoleName: RepositoryDocuments.RolePlan] = [:]
        for role in RoleName.topLevel {
            plans[role] = RepositoryDocuments.RolePlan(keys: [Self.key("\(role)")], days: 30)
            signers[role] = ["\(role)"]
        }
        documents = RepositoryDocuments(plans: plans, at: Self.now)
        publish(RoleName.topLevel)
    }

    static func key(_ name: String) -> KeyRecord {
        KeyRecord(ed25519: Array(name.utf8), by: ScriptedCryptography())
    }

    /// The bytes of a document with the signatures of keys of these names.
    static func bytes(_ document: RoleDocument, signedBy names: [String]) -> [UInt8] {
        var signed = document
        for name in names {
            let key = key(name)
            let material = Hexadecimal.encode(Array(name.utf8))
            signed.add(
                RoleDocument.Signature(
                    keyID: key.keyID, ScriptedCryptography.signature(of: document.payload, by: material)))
        }
        return signed.bytes
    }

    func document(_ role: RoleName) -> RoleDocument {
        switch role {
        case .root: documents.root
        case .timestamp: documents.timestamp
        case .snapshot: documents.snapshot
        default: documents.targets
        }
    }

    /// Serves the present documents of these roles, signed.
    mutating func publish(_ roles: [RoleName]) {
        for role in roles {
            let document = document(role)
            let path = role.fileName(version: role == .timestamp ? nil : document.version)
            files[path] = Self.bytes(document, signedBy: signers[role] ?? [])
        }
    }

    /// Serves a delegated role, and says so in the snapshot; publish that afterwards.
    mutating func delegate(_ role: RoleName, _ members: [ExactText: JSONValue], signedBy name: String, days: Int64 = 30)
    {
        let document = RoleDocument(role, expires: Self.now.after(days: days), members)
        files[role.fileName(version: 1)] = Self.bytes(document, signedBy: [name])
        guard case .object(var meta) = documents.snapshot.members["meta"] else { return }
        meta[ExactText("\(role).json")] = .object(["version": .integer(1)])
        documents.snapshot.members["meta"] = .object(meta)
    }

    /// Delegations as metadata holds them. Each is: name, key, patterns, whether terminating.
    static func delegations(_ roles: [(String, String, [String], Bool)]) -> JSONValue {
        var keys: [ExactText: JSONValue] = [:]
        for (_, name, _, _) in roles { keys[key(name).keyID] = key(name).json }
        return .object([
            "keys": .object(keys),
            "roles": .array(
                roles.map { name, signer, patterns, terminating in
                    .object([
                        "name": .text(name), "keyids": .array([.text(key(signer).keyID)]), "threshold": .integer(1),
                        "terminating": .boolean(terminating), "paths": .array(patterns.map { .text($0) }),
                    ])
                }),
        ])
    }

    static func target(_ length: Int64) -> JSONValue {
        .object(["length": .integer(length), "hashes": .object(["sha256": .text(String(repeating: "0a", count: 32))])])
    }
}

/// A client in memory: carries out what the workflow asks for.
struct ScriptedClient {
    var workflow: TrustWorkflow<ScriptedCryptography>
    var stored: [RoleName: [UInt8]] = [:]
    /// What was asked of the repository, in order.
    var requests: [String] = []

    /// Trusts the repository's root of version 1.
    init(_ repository: ScriptedRepository, limits: TrustLimits = TrustLimits()) {
        workflow = TrustWorkflow(cryptography: ScriptedCryptography(), limits: limits)
        stored[.root] = repository.files["1.root.json"]
    }

    typealias Effect = TrustWorkflow<ScriptedCryptography>.Effect

    /// The last effect, which is no question.
    mutating func run(_ first: TrustWorkflow<ScriptedCryptography>.Event, _ repository: ScriptedRepository) -> Effect {
        var event = first
        while true {
            var answer: TrustWorkflow<ScriptedCryptography>.Event?
            for effect in workflow.handle(event) {
                switch effect {
                case .store(let role, let bytes): stored[role] = bytes
                case .readStored(let role): answer = .stored(stored[role])
                case .fetch(let file):
                    requests.append(file.path)
                    if let bytes = repository.files[file.path] {
                        // A shell hands over no more than was asked for.
                        if bytes.count > file.maximum { return .failed(TrustError(.tooLarge, file.path)) }
                        answer = .fetched(bytes)
                    } else {
                        answer = .unavailable
                    }
                default: return effect
                }
            }
            guard let answer else { return .failed(TrustError(.malformed, "no end")) }
            event = answer
        }
    }

    /// Nil where it succeeds.
    mutating func refresh(
        _ repository: ScriptedRepository, at now: MetadataTime = ScriptedRepository.now,
        from source: TrustWorkflow<ScriptedCryptography>.Source = .repository
    ) -> TrustError.Code? {
        requests = []
        switch run(.refreshRequested(now: now, from: source), repository) {
        case .refreshed: return nil
        case .failed(let error): return error.code
        default: return .malformed
        }
    }

    mutating func search(_ path: ExactText, _ repository: ScriptedRepository) -> Effect {
        requests = []
        return run(.searchRequested(path), repository)
    }

    func version(_ role: RoleName) -> Int64? {
        stored[role].flatMap { try? SignedMetadata($0, of: role) }?.header.version
    }
}
