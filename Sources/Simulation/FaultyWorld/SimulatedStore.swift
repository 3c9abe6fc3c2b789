import FleetModel

/// The manager's durable state: what has been committed here survives every crash.
struct SimulatedStore: Sendable {
    private(set) var fleet = StoredFleet()

    /// What a manager does first: it raises the term, so that any before it can commit nothing more.
    mutating func beginTerm() -> StoredFleet {
        fleet.term += 1
        fleet.revision += 1
        return fleet
    }

    /// Commits whole, or refuses.
    mutating func commit(_ transaction: StoreTransaction) -> CommitOutcome {
        guard transaction.term == fleet.term, transaction.expectedRevision == fleet.revision else {
            return .conflict(StoreConflict(term: fleet.term, revision: fleet.revision))
        }
        let replaced = Set(transaction.removals).union(transaction.upserts.map(\.grant))
        fleet.grants.removeAll { replaced.contains($0.grant) }
        fleet.grants.append(contentsOf: transaction.upserts)
        fleet.grants.sort { $0.grant < $1.grant }
        fleet.nextGrant = transaction.nextGrant
        if let rules = transaction.rules { fleet.rules = rules }
        if let orders = transaction.orders { fleet.orders = orders }
        if let write = transaction.rollouts { fleet.rollouts.apply(write) }
        fleet.revision += 1
        return .committed(revision: fleet.revision)
    }

    func grant(_ id: GrantID) -> StoredGrant? { fleet.grants.first { $0.grant == id } }
}
