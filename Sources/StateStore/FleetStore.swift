package import FleetModel

/// Where a manager keeps what must outlive it: its term and its grants.
///
/// One manager opens it, begins a term, and commits one transaction after another, each building on the revision of
/// the one before. A second manager that begins a term on the same store takes over: everything that the first commits
/// afterwards conflicts. Implementers guarantee that
/// - ``beginTerm()`` and ``commit(_:)`` are atomic and durable before they return: what they reported survives the
///   loss of the process and of the machine's power;
/// - a transaction takes effect whole, and only if the store is at its expected revision and has seen no greater term;
/// - ``CommitOutcome/unknown(_:)`` is answered, and nothing is thrown, when it is not known whether it took effect.
///
/// The contract test suite of this target runs against each implementation.
package protocol FleetStore: Sendable {
    /// What is stored now. O(grants).
    func load() async throws(FleetStoreError) -> StoredFleet

    /// Makes the term greater by one, durably, and gives what is stored under the new term. The revision grows too, so
    /// that a transaction prepared before cannot take effect. O(grants).
    func beginTerm() async throws(FleetStoreError) -> StoredFleet

    /// Makes the term at least `term`, durably, so that the next term to begin is greater: the manager has met a GPU
    /// server that has obeyed it. Where the store has seen as great a term nothing changes.
    func raiseTerm(to term: UInt64) async throws(FleetStoreError)

    /// Commits one transaction. O(upserts + removals).
    func commit(_ transaction: StoreTransaction) async -> CommitOutcome

    /// Releases what the store holds open. Calls after it fail, with ``FleetStoreError`` or an unknown outcome.
    func close() async
}

/// Why a store cannot be opened or read.
package struct FleetStoreError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: String, Hashable, Sendable {
        /// The file cannot be opened, created, read or written.
        case unavailable
        /// What is there is not a state store, or is damaged.
        case corrupt
        /// The store was written by a later version of the program.
        case newerSchema = "newer-schema"
        /// The store was closed.
        case closed
    }
    package var code: Code
    package var message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { "state store \(code.rawValue): \(message)" }
}

extension StoredFleet {
    /// What a store that holds this must answer to `transaction` before it writes anything; nil where it may commit.
    func conflict(with transaction: StoreTransaction) -> StoreConflict? {
        StoreConflict.between(term: term, revision: revision, and: transaction)
    }
}

extension StoreConflict {
    /// The rule of conditional commits, in one place for every implementation.
    static func between(term: UInt64, revision: UInt64, and transaction: StoreTransaction) -> StoreConflict? {
        let isCurrent = transaction.term == term && transaction.expectedRevision == revision
        return isCurrent ? nil : StoreConflict(term: term, revision: revision)
    }
}
