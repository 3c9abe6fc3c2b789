package import FleetModel
import Synchronization

/// A store for tests and trials: as durable as the ``Medium`` that it is opened on, and as conditional as any.
package final class InMemoryFleetStore: FleetStore {
    /// What outlives a store that is closed: the stand-in for the file.
    package final class Medium: Sendable {
        fileprivate let fleet: Mutex<StoredFleet>

        package init(_ fleet: StoredFleet = StoredFleet()) { self.fleet = Mutex(fleet) }
    }

    private let medium: Medium
    private let isClosed = Mutex(false)

    package init(on medium: Medium = Medium()) { self.medium = medium }

    package func load() async throws(FleetStoreError) -> StoredFleet {
        try checkOpen()
        return medium.fleet.withLock { $0 }
    }

    package func beginTerm() async throws(FleetStoreError) -> StoredFleet {
        try checkOpen()
        return medium.fleet.withLock { fleet in
            fleet.term += 1
            fleet.revision += 1
            return fleet
        }
    }

    package func raiseTerm(to term: UInt64) async throws(FleetStoreError) {
        try checkOpen()
        medium.fleet.withLock {
            $0.term = max($0.term, term)
            $0.nextGrant = max($0.nextGrant, StoredFleet.firstGrant(above: term))
        }
    }

    package func commit(_ transaction: StoreTransaction) async -> CommitOutcome {
        guard !isClosed.withLock({ $0 }) else { return .unknown("the store is closed") }
        return medium.fleet.withLock { fleet in
            if let conflict = fleet.conflict(with: transaction) { return .conflict(conflict) }
            fleet.apply(transaction)
            return .committed(revision: fleet.revision)
        }
    }

    package func close() async { isClosed.withLock { $0 = true } }

    private func checkOpen() throws(FleetStoreError) {
        if isClosed.withLock({ $0 }) { throw FleetStoreError(.closed, "the store is closed") }
    }
}

extension StoredFleet {
    /// Carries out a transaction that does not conflict. O(grants).
    fileprivate mutating func apply(_ transaction: StoreTransaction) {
        var byGrant = Dictionary(uniqueKeysWithValues: grants.map { ($0.grant, $0) })
        for grant in transaction.upserts { byGrant[grant.grant] = grant }
        for grant in transaction.removals { byGrant[grant] = nil }
        grants = byGrant.values.sorted { $0.grant < $1.grant }
        nextGrant = transaction.nextGrant
        if let rules = transaction.rules { self.rules = rules }
        if let orders = transaction.orders { self.orders = orders }
        if let write = transaction.rollouts { rollouts.apply(write) }
        revision += 1
    }
}
