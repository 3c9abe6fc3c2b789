import AllocationCore
import FleetModel

/// The decision of one step over a fleet of more than one slice, while it is under way: other events are handled between its
/// parts, so that a request that was not foreseen is served at once at any size.
struct DecisionInParts: Sendable {
    /// How many instances are decided in one part, or as many as are in a slice where that is fewer.
    static let partSize = 512

    /// Up to where subjects have been found.
    var found = 0
    var subjects: [AllocationSubject] = []
    /// Theirs, in the same order.
    var places: [Int] = []
    var memo = ManagerMachine.SubjectMemo()
    /// Nil until all subjects have been found.
    var plan: PlanInParts?
}

extension ManagerMachine {
    /// One part of the decision that is under way: subjects of a slice are found; or their order; or some are decided, and
    /// that is carried out.
    mutating func goOnDeciding(_ now: MonotonicTime) -> [ManagerEffect] {
        if let found = decision?.found, found < instances.count, decision?.plan == nil {
            let end = min(found + configuration.sliceSize, instances.count)
            let (subjects, places) = subjects(found..<end, now)
            decision?.subjects += subjects
            decision?.places += places
            decision?.found = end
            return [.continueStep]
        }
        guard decision?.plan != nil else {
            // The subjects are found anew when their turn comes.
            let subjects = decision?.subjects ?? []
            decision?.subjects = []
            pool.expect(slices: subjects.lazy.map(\.amount.memory))
            let plan = PlanInParts(
                of: subjects, by: actingPlanner, pool: pool, price: idlePrice, limits: allocationLimits(now), now: now)
            decision?.plan = plan
            awaitingRoom.removeAll(keepingCapacity: true)
            grants.followChanges()
            return [.continueStep]
        }
        let size = min(DecisionInParts.partSize, configuration.sliceSize)
        let turns = decision?.plan?.next(size) ?? []
        let places = decision?.places ?? []
        var effects = decide(turns.map { places[$0] }, now)
        guard decision?.plan?.isDecided != false else { return effects + [.continueStep] }
        freedDevices.formUnion(decision?.plan?.finish(&pool) ?? [])
        decision = nil
        grants.endChanges()
        effects += endDecision(now)
        return effects + endStep(now)
    }

    private mutating func subjects(
        _ places: some Sequence<Int>, _ now: MonotonicTime
    ) -> (subjects: [AllocationSubject], places: [Int]) {
        // Taken out while it is filled: a second reference would copy it.
        var memo = SubjectMemo()
        if let kept = decision?.memo { memo = kept }
        decision?.memo = SubjectMemo()
        defer { decision?.memo = memo }
        return attentiveSubjects(places, now, &memo, inStep: true)
    }

    private mutating func decide(_ places: [Int], _ now: MonotonicTime) -> [ManagerEffect] {
        let (subjects, places) = subjects(places, now)
        let changed = grants.takeChanges()
        let actions = decision?.plan?.decide(subjects, pool: &pool, changed: changed, now: now) ?? []
        return carryOut(actions, for: places, now: now)
    }
}
