/// The client's workflow (section 5 of the specification) as a state machine: which file to read or fetch next, what to
/// keep, and when to stop. It reads no clock, no file and no network.
///
/// Each event gives effects in the order in which they are to be carried out. Among them is at most one question,
/// ``Effect/readStored(_:)`` or ``Effect/fetch(_:)``, and its answer is the next event. ``Event/refreshRequested(now:from:)``
/// is allowed at any time and starts over from the stored root; a search only after a refresh. An answer that was not
/// asked for is a mistake of the shell.
///
/// The time of the refresh holds for the searches after it (5.1: a fixed update start time).
package struct TrustWorkflow<Cryptography: TrustCryptography>: Sendable {
    /// Where metadata comes from.
    package enum Source: Hashable, Sendable {
        case repository
        /// Nothing but what an earlier refresh stored, for as long as it has not expired.
        case storage
    }

    package enum Event: Hashable, Sendable {
        case refreshRequested(now: MetadataTime, from: Source)
        case searchRequested(ExactText)
        /// The stored file; nil where there is none.
        case stored([UInt8]?)
        case fetched([UInt8])
        /// The repository answers that it does not have the file.
        case unavailable
    }

    package enum Effect: Hashable, Sendable {
        /// Read what is stored of this role.
        case readStored(RoleName)
        case fetch(RemoteFile)
        /// Keep the bytes, as they are, in the place of what was stored of the role.
        case store(RoleName, [UInt8])
        /// Everything is up to date.
        case refreshed
        case found(TargetFile)
        /// No role that may speak of this path has it.
        case notFound
        case failed(TrustError)
    }

    /// A file of the repository's metadata.
    package struct RemoteFile: Hashable, Sendable {
        /// Relative to the metadata's URL.
        package let path: String
        /// In bytes.
        package let maximum: Int
    }

    /// A targets role whose metadata is wanted, and who delegates to it.
    struct Visit: Hashable {
        let role: RoleName
        let delegator: RoleName
    }

    /// A walk through the delegations, depth first (5.6.7).
    struct Search {
        let path: ExactText
        /// The next one last.
        var waiting: [Visit]
        var visited: Set<RoleName> = []
    }

    enum State {
        /// No refresh, or one that failed.
        case idle
        case readingRoot
        case fetchingRoot(versions: Int)
        case readingTimestamp
        case fetchingTimestamp
        case readingSnapshot
        case fetchingSnapshot
        case readingTargets(Visit, Search?)
        case fetchingTargets(Visit, Search?)
        case ready
    }

    let cryptography: Cryptography
    let limits: TrustLimits
    var state = State.idle
    /// What this event's bytes are to be stored as, whatever follows: what was taken in once must not be forgotten.
    private var kept: [Effect] = []
    var now = MetadataTime(secondsSinceEpoch: 0)
    var source = Source.repository
    var trusted: TrustedMetadata<Cryptography>?

    package init(cryptography: Cryptography, limits: TrustLimits = TrustLimits()) {
        self.cryptography = cryptography
        self.limits = limits
    }

    /// The root in force, after a refresh.
    package var root: RootMetadata? { trusted?.root }
    /// The top-level targets in force, after a refresh.
    package var targets: TargetsMetadata? { trusted?.targets(.targets, under: .root) }
    package var snapshot: SnapshotMetadata? { trusted?.snapshot }
    package var timestamp: TimestampMetadata? { trusted?.timestamp }

    package mutating func handle(_ event: Event) -> [Effect] {
        kept = []
        do {
            let next = try transition(event)
            return kept + next
        } catch {
            state = .idle
            return kept + [.failed(error)]
        }
    }

    private mutating func transition(_ event: Event) throws(TrustError) -> [Effect] {
        switch (state, event) {
        case (_, .refreshRequested(let now, let source)):
            self.now = now
            self.source = source
            trusted = nil
            state = .readingRoot
            return [.readStored(.root)]
        case (.ready, .searchRequested(let path)):
            return try advance(Search(path: path, waiting: [Visit(role: .targets, delegator: .root)]))
        case (.readingRoot, .stored(let bytes)):
            return try startFromRoot(bytes)
        case (.fetchingRoot(let versions), .fetched(let bytes)):
            try withTrusted { trusted throws(TrustError) in try trusted.updateRoot(bytes) }
            kept.append(.store(.root, bytes))
            return try fetchRoot(versions: versions + 1)
        case (.fetchingRoot, .unavailable):
            return try endRoots()
        case (.readingTimestamp, .stored(let bytes)):
            return try takeStoredTimestamp(bytes)
        case (.fetchingTimestamp, .fetched(let bytes)):
            let now = now
            let isNewer = try withTrusted { trusted throws(TrustError) in
                try trusted.updateTimestamp(bytes, .repository, at: now)
            }
            if isNewer { kept.append(.store(.timestamp, bytes)) }
            return try endTimestamp()
        case (.readingSnapshot, .stored(let bytes)):
            return try takeStoredSnapshot(bytes)
        case (.fetchingSnapshot, .fetched(let bytes)):
            let now = now
            try withTrusted { trusted throws(TrustError) in try trusted.updateSnapshot(bytes, .repository, at: now) }
            kept.append(.store(.snapshot, bytes))
            return readTargets(Visit(role: .targets, delegator: .root), nil)
        case (.readingTargets(let visit, let search), .stored(let bytes)):
            return try takeStoredTargets(bytes, visit, search)
        case (.fetchingTargets(let visit, let search), .fetched(let bytes)):
            try takeTargets(bytes, visit)
            kept.append(.store(visit.role, bytes))
            return try endTargets(search)
        case (.fetchingTimestamp, .unavailable): throw missing(.timestamp)
        case (.fetchingSnapshot, .unavailable): throw missing(.snapshot)
        case (.fetchingTargets(let visit, _), .unavailable): throw missing(visit.role)
        case (.idle, .searchRequested): throw TrustError(.notInitialised, "a search without a refresh")
        default:
            assertionFailure("\(event) in \(state)")
            throw TrustError(.malformed, "an answer that was not asked for")
        }
    }

    private func missing(_ role: RoleName) -> TrustError {
        TrustError(.missing, "the repository does not have the announced metadata of \(role)")
    }

    mutating func withTrusted<Result>(
        _ body: (inout TrustedMetadata<Cryptography>) throws(TrustError) -> Result
    ) throws(TrustError) -> Result {
        guard var value = trusted else { throw TrustError(.notInitialised, "there is no root") }
        // Taken out meanwhile, so that nothing is copied where it changes.
        trusted = nil
        defer { trusted = value }
        return try body(&value)
    }
}
