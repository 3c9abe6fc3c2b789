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
        let found = findProspects(decision.found..<end, now, &decision.memo)
        let unchanged = decision.plan.add(found.prospects, reservations: found.reservations, pool: pool, now: now)
        for index in unchanged where instances.standing(found.places[index]).hasShortfall {
            lacksNothing(at: found.places[index])
        }
        decision.amounts += found.prospects.lazy.map(\.amount.memory)
        decision.places += found.places
        decision.found = end
    }

    private mutating func decidePart(of decision: inout DecisionInParts, _ now: MonotonicTime) -> [ManagerEffect] {
        let next = decision.plan.next(configuration.sliceSize, on: pool)
        var effects = lackWarmSessions(at: next.withoutRoom.map { decision.places[$0] }, now)
        let turns = next.turns.map { decision.places[$0] }
        let (subjects, places) = attentiveSubjects(turns, now, &decision.memo, inStep: true)
        let changed = grants.takeChanges()
        let (actions, decided) = decision.plan.decide(subjects, pool: &pool, changed: changed, now: now)
        // Whoever comes before the first that is not decided has had its turn.
        let passed = decided < places.count ? turns.firstIndex(of: places[decided]) : nil
        decision.plan.pass(passed ?? turns.count)
        effects += carryOut(actions, for: Array(places.prefix(decided)), now: now)
        return effects
    }

    /// Notes that instances which held nothing when they were found want a warm session, for which no device has room: those that
    /// would still be found. What a waiting program lacks is its request's to say.
    mutating func lackWarmSessions(at places: [Int], _ now: MonotonicTime) -> [ManagerEffect] {
        guard !places.isEmpty else { return [] }
        let waiting = waitingPlaces
        var effects: [ManagerEffect] = []
        for place in places where !waiting.contains(place) {
            let standing = instances.standing(place)
            guard let slot = standing.slot, standing.grantCount == 0, !standing.lacksWarmSession,
                mayBeSubject(standing, forecasts.onset(of: slot), now)
            else { continue }
            effects += contend(at: place, .warmSession, now: now)
        }
        return effects
    }
}
