/// What a manager keeps durably: enough to come back without losing a grant or giving one twice.
package struct StoredFleet: Hashable, Sendable {
    /// The term of the last manager that started on this store.
    package var term: UInt64
    /// Grows by one with each committed transaction; a commit names the one it builds on.
    package var revision: UInt64
    /// The next grant id to be given.
    package var nextGrant: UInt64
    /// Ascending by grant.
    package var grants: [StoredGrant]
    /// What an operator has set of classes, rules and quotas.
    package var rules: ClassRules
    /// What operators have ordered beside.
    package var orders: OperatorOrders
    package var rollouts: StoredRollouts

    /// From where on a manager numbers its grants that has lost its state, and heard of a later term than its own: no manager of
    /// that term or one before has come so far. Agents and GPU servers may still hold what those have granted.
    package static func firstGrant(above term: UInt64) -> UInt64 {
        let (number, overflow) = (term &+ 1).multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? UInt64(Int64.max) : min(number, UInt64(Int64.max))
    }

    package init(
        term: UInt64 = 0, revision: UInt64 = 0, nextGrant: UInt64 = 1, grants: [StoredGrant] = [],
        rules: ClassRules = ClassRules(), orders: OperatorOrders = OperatorOrders(),
        rollouts: StoredRollouts = StoredRollouts()
    ) {
        self.orders = orders
        self.rollouts = rollouts
        self.rules = rules
        self.term = term
        self.revision = revision
        self.nextGrant = nextGrant
        self.grants = grants
    }
}

/// A grant as it is kept: who, where, how much, and under which ticket and version. Level changes of a grant that
/// keeps its slice and device are not stored: the GPU server knows them.
package struct StoredGrant: Hashable, Sendable, Codable {
    package var grant: GrantID
    package var instance: InstanceDescription
    package var agent: AgentID
    package var device: DeviceID
    /// The most that the grant may hold on the device. A warm grant has no memory.
    package var slice: Slice
    /// The epoch under which the slice was granted.
    package var epoch: Epoch
    package var ticket: SessionTicket
    package var version: InterfaceVersion

    package init(
        grant: GrantID, instance: InstanceDescription, agent: AgentID, device: DeviceID, slice: Slice, epoch: Epoch,
        ticket: SessionTicket, version: InterfaceVersion
    ) {
        self.grant = grant
        self.instance = instance
        self.agent = agent
        self.device = device
        self.slice = slice
        self.epoch = epoch
        self.ticket = ticket
        self.version = version
    }
}

/// One conditional commit: it takes effect whole if the store is at `expectedRevision`, and not at all otherwise.
package struct StoreTransaction: Hashable, Sendable {
    package var expectedRevision: UInt64
    /// The term of the writing manager; a store that has seen a greater one refuses.
    package var term: UInt64
    package var nextGrant: UInt64
    /// Grants added or replaced.
    package var upserts: [StoredGrant]
    /// Grants that are over.
    package var removals: [GrantID]
    /// What takes the place of the classes, rules and quotas that are stored; nil leaves them.
    package var rules: ClassRules?
    /// What takes the place of the orders that are stored; nil leaves them.
    package var orders: OperatorOrders?
    /// What changes of the rollouts that are stored; nil leaves them.
    package var rollouts: RolloutWrite?

    package init(
        expectedRevision: UInt64, term: UInt64, nextGrant: UInt64, upserts: [StoredGrant], removals: [GrantID],
        rules: ClassRules? = nil, orders: OperatorOrders? = nil, rollouts: RolloutWrite? = nil
    ) {
        self.rollouts = rollouts
        self.rules = rules
        self.orders = orders
        self.expectedRevision = expectedRevision
        self.term = term
        self.nextGrant = nextGrant
        self.upserts = upserts
        self.removals = removals
    }
}

/// What became of a commit.
package enum CommitOutcome: Hashable, Sendable {
    /// Durable; the store is now at this revision.
    case committed(revision: UInt64)
    /// Another writer was there: nothing was written. Whoever gets this is no longer the manager.
    case conflict(StoreConflict)
    /// Whether it was written is not known, for example because the disk is full or the reply was lost.
    case unknown(String)
}

/// What a store holds where a transaction expected something else.
package struct StoreConflict: Hashable, Sendable {
    package var term: UInt64
    package var revision: UInt64

    package init(term: UInt64, revision: UInt64) {
        self.term = term
        self.revision = revision
    }
}
