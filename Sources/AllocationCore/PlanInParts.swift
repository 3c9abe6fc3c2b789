package import FleetModel

/// A plan for a fleet that is too large to be decided at once: its instances are taken in part by part, and then decided in
/// serving order, in parts again, with other events in between. No part takes longer for there being more of them.
///
/// Each part is decided on the pool and the holdings as they are by then, and carried out before the next. So nothing is
/// decided on what is no longer true, but for two things: the order, and whose unused reservations could be taken; of
/// these the caller says which have changed. What is held back for those who wait beside a device stays promised until
/// the plan is finished.
package struct PlanInParts: Sendable {
    /// How many searches for reservations that could be taken end a part: each may look at every device.
    private static let searchesInPart = 4

    private let planner: AllocationPlanner
    private var order = ServingOrder()
    /// Turns that were told, and are not decided yet.
    private var told: [ServingTurn] = []
    private var count = 0
    private var unused: UnusedReservations
    /// Reservations of which a class or a tenant may have too much.
    private var limited: [(turn: ServingTurn, subject: AllocationSubject)] = []
    /// Nil until all are taken in.
    private var draft: PlanDraft?

    /// A plan of nobody yet.
    package init(by planner: AllocationPlanner) {
        self.planner = planner
        unused = UnusedReservations(maximumSearches: planner.configuration.maximumPreemptionSearches)
    }

    /// Takes in a part of the fleet, before anything is decided. O(subjects log fleet)
    ///
    /// - Parameter quotas: of tenants, as ``AllocationLimits/quotas``.
    package mutating func add(_ subjects: [AllocationSubject], quotas: [TenantID: Double] = [:]) {
        var turns: [ServingTurn] = []
        turns.reserveCapacity(subjects.count)
        for subject in subjects {
            let turn = ServingTurn(subject, planner.demand(of: subject), count)
            count += 1
            turns.append(turn)
            unused.add(subject, turn.demand)
            if subject.holding?.level == .reserved,
                subject.priority.idleBudget < 1 || subject.tenant.map({ quotas[$0] != nil }) == true
            {
                limited.append((turn, subject))
            }
        }
        order.add(turns)
    }

    /// Ends taking in.
    /// - Parameter limits: on what is held ahead of demand, with all that is held counted.
    package mutating func begin(
        on pool: Pool, price: IdlePrice, limits: AllocationLimits, now: MonotonicTime
    ) {
        var draft = PlanDraft(
            planner: planner, pool: pool, price: price, limits: limits, now: now, unused: unused)
        unused = UnusedReservations(maximumSearches: 0)
        // Those that come last are the first to lose.
        let excessive = limited.filter { draft.isBeyondLimit($0.subject) }
        for (_, subject) in excessive.sorted(by: { $1.turn.precedes($0.turn) }) { draft.takeBackExcess(of: subject) }
        limited = []
        _ = draft.pause()
        self.draft = draft
    }

    /// Whether ``begin(on:price:limits:now:)`` was called.
    package var hasBegun: Bool { draft != nil }
    package var isDecided: Bool { hasBegun && told.isEmpty && order.isEmpty }

    /// Whose turn it is next: at most `count` indices of the subjects in the order in which they were added. They are told
    /// again until ``pass(_:)``.
    package mutating func next(_ count: Int) -> [Int] {
        while told.count < count, let turn = order.popFirst() { told.append(turn) }
        return told.prefix(count).map(\.index)
    }

    /// Decides one part.
    /// - Parameters:
    ///   - subjects: whose turn it is, as they are now, in the order of their turns; without those for whom nothing is to
    ///     be done any longer.
    ///   - pool: as it is now; with what is decided counted, as in ``AllocationPlan/pool``.
    ///   - changed: grants that have changed hands or charge since the part before.
    /// - Returns: what is to be done, and how many of the subjects are decided: where room was searched for often, the
    ///   others' turn comes again.
    package mutating func decide(
        _ subjects: [AllocationSubject], pool: inout Pool, changed: [GrantID], now: MonotonicTime
    ) -> (actions: [AllocationAction], decided: Int) {
        // Taken out while it changes: a second reference would copy what it holds.
        guard var draft = draft.take() else { return ([], 0) }
        draft.resume(on: &pool, without: changed, now: now)
        let searches = draft.searches
        var decided = 0
        while decided < subjects.count, draft.searches - searches < Self.searchesInPart {
            draft.decide(subjects[decided], planner.demand(of: subjects[decided]))
            decided += 1
        }
        let (actions, left) = draft.pause()
        pool = left
        self.draft = draft
        return (actions, decided)
    }

    /// Notes that the first `turns` of those told last are decided.
    package mutating func pass(_ turns: Int) { told.removeFirst(min(turns, told.count)) }

    /// Frees what was held back, once every part is decided.
    /// - Returns: the devices on which it was.
    package mutating func finish(_ pool: inout Pool) -> [DeviceID] { draft?.releaseHeldBack(in: &pool) ?? [] }
}
