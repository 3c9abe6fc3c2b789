import AllocationCore
import FleetModel

/// The decision of one step over a fleet of more than one slice, while it is under way: other events are handled between its
/// parts, so that a request that was not foreseen is served at once at any size.
struct DecisionInParts: Sendable {
    /// Up to where subjects have been found.
    var found = 0
    /// The subjects' places, in the order in which they were found. They themselves are found anew when their turn comes.
    var places: [Int] = []
    /// Their amounts, in the same order.
    var amounts: [Bytes] = []
    var memo = ManagerMachine.SubjectMemo()
    var plan: PlanInParts
}

extension ManagerMachine {
    /// One part of a decision: subjects of a slice are found; or some are decided, and that is carried out.
    mutating func goOn(with decision: consuming DecisionInParts, _ now: MonotonicTime) -> [ManagerEffect] {
        var effects: [ManagerEffect] = []
        if decision.found < instances.count {
            findSubjects(of: &decision, now)
        } else if !decision.plan.hasBegun {
            pool.expect(slices: decision.amounts)
            decision.plan.begin(on: pool, limits: allocationLimits(now), now: now)
            awaitingRoom.removeAll(keepingCapacity: true)
        } else {
            effects = decidePart(of: &decision, now)
        }
        guard decision.plan.isDecided else {
            stepPart = .decision(decision)
            return effects
        }
        freedDevices.formUnion(decision.plan.finish(&pool))
        grants.endChanges()
        return effects + endDecision(now)
    }

    private mutating func findSubjects(of decision: inout DecisionInParts, _ now: MonotonicTime) {
        let end = min(decision.found + configuration.sliceSize, instances.count)
        let (subjects, places) = attentiveSubjects(decision.found..<end, now, &decision.memo, inStep: true)
        for index in decision.plan.add(subjects, pool: pool, now: now)
        where instances.standing(places[index]).hasShortfall {
            lacksNothing(at: places[index])
        }
        decision.amounts += subjects.lazy.map(\.amount.memory)
        decision.places += places
        decision.found = end
    }

    private mutating func decidePart(of decision: inout DecisionInParts, _ now: MonotonicTime) -> [ManagerEffect] {
        let next = decision.plan.next(configuration.sliceSize, on: pool)
        var effects: [ManagerEffect] = []
        for index in next.withoutRoom { effects += lacksWarmSession(at: decision.places[index], now) }
        let turns = next.turns.map { decision.places[$0] }
        let (subjects, places) = attentiveSubjects(turns, now, &decision.memo, inStep: true)
        let changed = grants.takeChanges()
        let (actions, decided) = decision.plan.decide(subjects, pool: &pool, changed: changed, now: now)
        // Whoever comes before the first that is not decided has had its turn.
        let passed = decided < places.count ? turns.firstIndex(of: places[decided]) : nil
        decision.plan.pass(passed ?? turns.count)
        return effects + carryOut(actions, for: Array(places.prefix(decided)), now: now)
    }

    /// Notes that an instance which holds nothing wants a warm session, for which no device has room.
    private mutating func lacksWarmSession(at place: Int, _ now: MonotonicTime) -> [ManagerEffect] {
        let standing = instances.standing(place)
        guard standing.slot != nil, standing.grantCount == 0, !standing.lacksWarmSession else { return [] }
        return contend(at: place, .warmSession, now: now)
    }
}
