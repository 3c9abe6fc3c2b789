package import InterfaceCore

/// A repository whose metadata was checked at one moment: what is found in it is what its owners signed.
package struct VerifiedRepository: Sendable {
    private let client: TrustClient
    private let mirror: RepositoryMirror
    private var workflow: TrustWorkflow<SwiftCryptography>

    init(client: TrustClient, mirror: RepositoryMirror) {
        self.client = client
        self.mirror = mirror
        workflow = TrustWorkflow(cryptography: SwiftCryptography(), limits: client.limits)
    }

    /// The top-level targets role's metadata.
    package var targets: TargetsMetadata? { workflow.targets }
    /// The versions in force of the four top-level roles.
    package var versions: [RoleName: Int64] {
        var versions: [RoleName: Int64] = [:]
        versions[.root] = workflow.root?.header.version
        versions[.timestamp] = workflow.timestamp?.header.version
        versions[.snapshot] = workflow.snapshot?.header.version
        versions[.targets] = workflow.targets?.header.version
        return versions
    }

    /// When each of the four top-level roles' metadata expires.
    package var expiries: [RoleName: MetadataTime] {
        var expiries: [RoleName: MetadataTime] = [:]
        expiries[.root] = workflow.root?.header.expires
        expiries[.timestamp] = workflow.timestamp?.header.expires
        expiries[.snapshot] = workflow.snapshot?.header.expires
        expiries[.targets] = workflow.targets?.header.expires
        return expiries
    }

    /// Whether the names of targets' files hold their digests.
    var isConsistent: Bool { workflow.root?.isConsistent ?? false }

    /// The mirror that answered, and then the others.
    var allMirrors: [RepositoryMirror] { [mirror] + client.mirrors.filter { $0 != mirror } }

    /// Where files are, at a URL or in a folder.
    func source(at base: String) -> any RepositorySource { client.source(base) }

    mutating func start(at now: MetadataTime, from source: TrustWorkflow<SwiftCryptography>.Source) async throws {
        _ = try await run(.refreshRequested(now: now, from: source))
    }

    /// Looks for a target, through the delegations that may speak of its path. Nil where none has it.
    package mutating func find(_ path: ExactText) async throws -> TargetFile? {
        try await run(.searchRequested(path))
    }

    /// Carries out effects until the workflow has come to an end.
    private mutating func run(
        _ first: TrustWorkflow<SwiftCryptography>.Event
    ) async throws -> TargetFile? {
        let place = client.place
        let source = client.source(mirror.metadata)
        let end = ContinuousClock.now + client.transfer.refresh
        var event = first
        while true {
            guard ContinuousClock.now < end else {
                throw TrustError(.unreachable, "the refresh takes longer than \(client.transfer.refresh)")
            }
            var answer: TrustWorkflow<SwiftCryptography>.Event?
            for effect in workflow.handle(event) {
                switch effect {
                case .store(let role, let bytes): try place.write(bytes, role)
                case .readStored(let role): answer = .stored(try place.read(role))
                case .fetch(let file): answer = try await fetch(file, from: source, until: end)
                case .refreshed, .notFound: return nil
                case .found(let target): return target
                case .failed(let error): throw error
                }
            }
            guard let answer else { throw TrustError(.malformed, "the workflow stopped without an end") }
            event = answer
        }
    }

    private func fetch(
        _ file: TrustWorkflow<SwiftCryptography>.RemoteFile, from source: any RepositorySource,
        until end: ContinuousClock.Instant
    ) async throws -> TrustWorkflow<SwiftCryptography>.Event {
        do {
            return .fetched(try await source.read(file.path, maximum: file.maximum, until: end))
        } catch let error as TrustError where error.code == .missing {
            return .unavailable
        }
    }
}

extension VerifiedRepository {
    /// Downloads a target into a folder, under its path percent-encoded as one name, and gives the file's path. Where
    /// the file is there with these bytes already, nothing is downloaded; where an earlier download broke off, this one
    /// goes on. The other mirrors are asked where the one of the refresh fails.
    package func download(_ target: TargetFile, to folder: String) async throws -> String {
        let name = PercentEncoding.encode(target.path.text)
        do {
            let file = "\(folder)/\(name)"
            if try Self.isThere(target, at: file) { return file }
            guard let path = target.remotePath(isConsistent: isConsistent) else {
                throw TrustError(.mismatch, "\(target.path) has no digest that can be checked, or no possible path")
            }
            let incoming = "\(folder)/.incoming"
            try Folder.create(incoming)
            let partial = try PartialFile(target, in: incoming)
            try await fetch(path, of: target, into: partial)
            try partial.commit(to: name, in: folder)
            return file
        } catch let error as StoreError {
            throw TrustError(.storage, error.message)
        }
    }

    private static func isThere(_ target: TargetFile, at path: String) throws -> Bool {
        guard let file = try? StoredFile(path), file.size == target.length else { return false }
        var digests = TargetDigests(target)
        try file.read { digests.update($0) }
        return digests.match
    }

    private func fetch(_ path: String, of target: TargetFile, into partial: PartialFile) async throws {
        var failure = TrustError(.unreachable, "no mirror is named")
        let end = ContinuousClock.now + client.transfer.download
        for mirror in allMirrors {
            let source = client.source(mirror.targets)
            // What an earlier download left may be what is wrong: then once more from the front.
            for isLast in [partial.size == 0, true] {
                do {
                    try await fetch(path, of: target, into: partial, from: source, until: end)
                    if partial.isWhole { return }
                    failure = TrustError(.mismatch, "\(target.path): not the bytes that are announced")
                    try partial.restart()
                } catch let error as TrustError {
                    failure = error
                    if error.code == .tooLarge { try partial.restart() }
                    break
                }
                if isLast { break }
            }
        }
        throw failure
    }

    private func fetch(
        _ path: String, of target: TargetFile, into partial: PartialFile, from source: any RepositorySource,
        until end: ContinuousClock.Instant
    ) async throws {
        if partial.size == target.length, partial.isWhole { return }
        try await source.read(path, from: partial.size, maximum: target.length) { piece in
            switch piece {
            case .start(let offset):
                if offset == 0, partial.size > 0 { try partial.restart() }
            case .bytes(let bytes):
                try partial.write(bytes)
                guard ContinuousClock.now < end else {
                    throw TrustError(.unreachable, "\(path) takes longer than \(client.transfer.download)")
                }
            }
        }
    }
}
