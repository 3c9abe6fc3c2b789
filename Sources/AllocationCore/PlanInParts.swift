package import FleetModel

/// A plan for a fleet that is too large to be decided at once: the order is found first, and then the instances are decided
/// in parts of it, with other events in between.
///
/// Each part is decided on the pool and the holdings as they are by then, and carried out before the next. So nothing is
/// decided on what is no longer true, but for two things: the order, and whose unused reservations could be taken; of
/// these the caller says which have changed. What is held back for those who wait beside a device stays promised until
/// the plan is finished.
package struct PlanInParts: Sendable {
    private let planner: AllocationPlanner
    private var draft: PlanDraft
    /// In the subjects given, by turn.
    private let order: [Int]
    private var turn = 0

    /// - Parameters:
    ///   - subjects: of the whole fleet, as for ``AllocationPlanner/plan(_:pool:price:limits:now:)``.
    ///   - limits: on what is held ahead of demand, with all that is held counted.
    package init(
        of subjects: [AllocationSubject], by planner: AllocationPlanner, pool: Pool, price: IdlePrice,
        limits: AllocationLimits, now: MonotonicTime
    ) {
        self.planner = planner
        let turns = planner.servingOrder(subjects)
        draft = PlanDraft(
            planner: planner, others: subjects.filter { $0.holding?.level == .reserved }, pool: pool, price: price,
            limits: limits, now: now)
        for turn in turns.reversed() { draft.takeBackExcess(of: subjects[turn.index]) }
        order = turns.map(\.index)
        _ = draft.pause()
    }

    package var isDecided: Bool { turn == order.count }

    /// Whose turn it is next: at most `count` indices of the subjects given.
    package mutating func next(_ count: Int) -> [Int] {
        let end = min(turn + count, order.count)
        defer { turn = end }
        return Array(order[turn..<end])
    }

    /// Decides one part.
    /// - Parameters:
    ///   - subjects: whose turn it is, as they are now, in the order of their turns.
    ///   - pool: as it is now; with what is decided counted, as in ``AllocationPlan/pool``.
    ///   - changed: grants that have changed hands or charge since the part before.
    /// - Returns: what is to be done.
    package mutating func decide(
        _ subjects: [AllocationSubject], pool: inout Pool, changed: [GrantID], now: MonotonicTime
    ) -> [AllocationAction] {
        draft.resume(on: &pool, without: changed, now: now)
        for subject in subjects { draft.decide(subject, planner.demand(of: subject)) }
        let (actions, left) = draft.pause()
        pool = left
        return actions
    }

    /// Frees what was held back, once every part is decided.
    /// - Returns: the devices on which it was.
    package mutating func finish(_ pool: inout Pool) -> [DeviceID] { draft.releaseHeldBack(in: &pool) }
}
