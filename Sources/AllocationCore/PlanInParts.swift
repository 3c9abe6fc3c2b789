package import FleetModel

/// Memory that is set aside for an instance and that no program uses, as a plan in parts takes it in.
package struct UnusedReservation: Sendable {
    /// The instance's, among the prospects.
    package var index: Int
    package var holding: Holding
    package var mayBeTakenFrom: Bool
    /// The subject; nil where neither its class nor its tenant may have too much.
    package var subject: AllocationSubject?

    package init(index: Int, holding: Holding, mayBeTakenFrom: Bool, subject: AllocationSubject? = nil) {
        self.index = index
        self.holding = holding
        self.mayBeTakenFrom = mayBeTakenFrom
        self.subject = subject
    }

    /// Nil where a subject has none.
    package init?(of subject: AllocationSubject, index: Int) {
        guard let holding = subject.holding, holding.level == .reserved else { return nil }
        self.init(index: index, holding: holding, mayBeTakenFrom: subject.priority.mayBeTakenFrom, subject: subject)
    }
}

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
    /// How many that want a warm session and get none end a part.
    private static let refusalsInPart = 2_048

    private let planner: AllocationPlanner
    private let price: IdlePrice
    private let quotas: [TenantID: Double]
    /// Whether ``AllocationLimits/closing`` will name some: what an amount costs is then another than now.
    private let closesDevices: Bool
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
    /// - Parameters:
    ///   - price: of idle device-seconds, as ``AllocationPlanner/plan(_:pool:price:limits:now:)``.
    ///   - quotas: of tenants, as ``AllocationLimits/quotas``.
    ///   - closesDevices: whether there will be devices on which nothing is placed ahead of demand.
    package init(
        by planner: AllocationPlanner, price: IdlePrice, quotas: [TenantID: Double] = [:], closesDevices: Bool = false
    ) {
        self.planner = planner
        self.price = price
        self.quotas = quotas
        self.closesDevices = closesDevices
        unused = UnusedReservations(maximumSearches: planner.configuration.maximumPreemptionSearches)
    }

    /// Takes in a part of the fleet, before anything is decided. O(prospects log fleet)
    ///
    /// - Parameters:
    ///   - reservations: of those of the prospects that have some, in their order.
    ///   - pool: as it is now; what decides is how large it is.
    /// - Returns: the indices of those that are to stay as they are: they have no turn, and what they hold unused may be
    ///   taken for others.
    package mutating func add(
        _ prospects: [AllocationProspect], reservations: [UnusedReservation], pool: Pool,
        now: MonotonicTime
    ) -> [Int] {
        var turns: [ServingTurn] = []
        var unchanged: [Int] = []
        var left = reservations[...]
        for (index, prospect) in prospects.enumerated() {
            let demand = planner.demand(of: prospect)
            var limited: AllocationSubject?
            if let reserved = left.first, reserved.index == index {
                left = left.dropFirst()
                if reserved.mayBeTakenFrom {
                    unused.add(reserved.holding, of: prospect.instance, weight: prospect.weight, demand)
                }
                limited = reserved.subject.flatMap { isLimited($0) ? $0 : nil }
            }
            let attention =
                limited != nil || closesDevices
                ? .full : planner.attention(to: prospect, demand, pool: pool, price: price, now: now)
            guard attention != .none else {
                unchanged.append(index)
                continue
            }
            let turn = ServingTurn(prospect, demand, count + index, attention)
            turns.append(turn)
            if let limited { self.limited.append((turn, limited)) }
        }
        count += prospects.count
        order.add(turns)
        return unchanged
    }

    /// Whether a subject holds an unused reservation of which its class or its tenant may have too much.
    private func isLimited(_ subject: AllocationSubject) -> Bool {
        subject.holding?.level == .reserved
            && (subject.priority.idleBudget < 1 || subject.tenant.map { quotas[$0] != nil } == true)
    }

    /// Ends taking in.
    /// - Parameter limits: on what is held ahead of demand, with all that is held counted.
    package mutating func begin(on pool: Pool, limits: AllocationLimits, now: MonotonicTime) {
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

    /// Whether ``begin(on:limits:now:)`` was called.
    package var hasBegun: Bool { draft != nil }
    package var isDecided: Bool { hasBegun && told.isEmpty && order.isEmpty }

    /// Whose turn it is next, on the pool as it is now: at most `count` subjects, by their indices in the order in which they
    /// were added, which are told again until ``pass(_:)``; and those before them for which there is nothing to decide: no
    /// device has room for the warm session that they want, in a pool that has devices.
    package mutating func next(_ count: Int, on pool: Pool) -> (turns: [Int], withoutRoom: [Int]) {
        var withoutRoom: [Int] = []
        let isFull = pool.hasAvailableDevice && !pool.hasRoomForWarmSession
        while told.count < count, withoutRoom.count < Self.refusalsInPart, let turn = order.popFirst() {
            // Those that come later have to wait for what is decided before.
            if isFull, told.isEmpty, turn.attention == .forWarmSession {
                withoutRoom.append(turn.index)
            } else {
                told.append(turn)
            }
        }
        return (told.prefix(count).map(\.index), withoutRoom)
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
            draft.decide(subjects[decided], planner.demand(of: subjects[decided].prospect))
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
