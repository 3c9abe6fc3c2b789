import AllocationCore
import FleetModel
import ForecastCore
import SessionCore

/// Instances as a plan in parts first sees them: most of a large fleet stay as they are, which is told by figures that lie
/// side by side, without a look at their grants' records and without an ``AllocationSubject`` for each.
extension ManagerMachine {
    /// What a pass over a slice has found.
    struct FoundProspects {
        var prospects: [AllocationProspect] = []
        /// Theirs.
        var places: [Int] = []
        var reservations: [UnusedReservation] = []
        /// Where in the grants' table what is wanted as it is.
        fileprivate var wanted: [Int] = []
        /// Places of instances that lack nothing any longer, and are not among the prospects.
        fileprivate var idle: [Int] = []
    }

    /// What ``attentiveSubjects(_:_:_:inStep:withIdle:)`` finds of a slice in a step, as prospects.
    mutating func findProspects(
        _ slice: Range<Int>, _ now: MonotonicTime, _ memo: inout SubjectMemo
    ) -> FoundProspects {
        let found = prospects(at: attentivePlaces(slice, now), now, &memo)
        for place in found.idle { lacksNothing(at: place) }
        for place in found.wanted { grants.noteWanted(at: place, now) }
        return found
    }

    /// It changes nothing: a method that changed the machine could not call others without copying it for each.
    private func prospects(at places: [Int], _ now: MonotonicTime, _ memo: inout SubjectMemo) -> FoundProspects {
        var found = FoundProspects()
        found.prospects.reserveCapacity(places.count)
        found.places.reserveCapacity(places.count)
        let planner = actingPlanner
        for place in places {
            let standing = instances.standing(place)
            guard standing.slot != nil else { continue }
            let isFound =
                deservesALook(standing, at: place, now)
                && instances.read(place) { instance in
                    isSeenByFigures(standing, at: place)
                        ? noteFigures(instance, standing, at: place, now, &memo, planner, &found)
                        : noteSubject(instance, standing, now, &memo, planner, &found)
                } == true
            if isFound {
                found.places.append(place)
            } else if isFreedOfShortfall(standing, now) {
                found.idle.append(place)
            }
        }
        return found
    }

    /// Whether an instance is one of most: it holds nothing, or something that could be of use and that no program has, and
    /// nothing is special about it.
    private func isSeenByFigures(_ standing: InstanceTable.Standing, at place: Int) -> Bool {
        guard standing.isPlain, !standing.hasLostSession, activeOrders.isEmpty else { return false }
        guard standing.grantCount > 0 else { return true }
        guard standing.grantCount == 1, lostServers.isEmpty, closedServers.isEmpty, rollouts.outdated.isEmpty,
            let grant = grants.onlyGrant(ofInstanceAt: place), grants.standings[grant].isWaiting
        else { return false }
        // Of a reservation its class or its tenant may have too much: that is told by the subject.
        return grants.standings[grant].charge == .warm || !standing.isBudgeted && rules.quotas.isEmpty
    }

    /// - Returns: whether a plan could do anything for it.
    private func noteFigures(
        _ instance: UnsafePointer<InstanceRecord>, _ standing: InstanceTable.Standing, at place: Int,
        _ now: MonotonicTime, _ memo: inout SubjectMemo, _ planner: AllocationPlanner, _ found: inout FoundProspects
    ) -> Bool {
        let slot = instance.pointee.slot
        let onset = forecasts.onset(of: slot).unless(isFading(standing, now))
        let grant = standing.grantCount > 0 ? grants.onlyGrant(ofInstanceAt: place) : nil
        var held = grant.flatMap { grant in grants.read(at: grant) { Self.waitingHolding($0) } }
        func ends(on device: DeviceID?, _ memo: inout SubjectMemo) -> (isStaged: Bool, costs: LadderCosts) {
            let version = sharedVersion(of: instance.pointee.agent, &memo)
            return (version != nil, self.costs(version: version, device: device, &memo))
        }
        let (isStaged, costs) =
            if let held {
                ends(on: held.device, &memo)
            } else {
                memo.withoutHolding(instance.pointee.agent) { ends(on: nil, &$0) }
            }
        if held == nil, orders.maintenance.isEmpty,
            planner.isBelowEveryBar(
                onset, weight: standing.weight, costs: costs, least: configuration.minimumMemory, pool: pool,
                price: idlePrice)
        {
            return false
        }
        let amounts: BurstAmounts
        if let kept = forecasts.amounts(of: slot, serviceLevel: standing.serviceLevel, at: now) {
            amounts = kept
        } else {
            amounts = burstAmounts(slot, serviceLevel: standing.serviceLevel)
        }
        func memory(_ amount: Double) -> Bytes {
            self.memory(amount, ofDevices: largestDevice, hasUsedGPU: standing.hasUsedGPU)
        }
        let amount = Slice(
            memory: memory(amounts.memory), compute: MilliShare(covering: amounts.medianCompute))
        var prospect = AllocationProspect(
            instance: instance.pointee.description.id, weight: standing.weight, serviceLevel: standing.serviceLevel,
            grace: standing.grace, onset: onset, relativeWidth: amounts.relativeWidth, amount: amount,
            amplest: memory(amounts.amplestMemory),
            expectedCompute: forecasts.promisedCompute(of: slot) ?? amount.compute, staged: isStaged,
            costs: costs, held: held.map { AllocationProspect.Held($0) })
        if let grant, let level = held?.level,
            planner.wantedReadiness(of: prospect, pool: pool, price: idlePrice) >= level
        {
            found.wanted.append(grant)
            prospect.held?.unusedSince = now
            held?.unusedSince = now
        }
        if let held, held.level == .reserved {
            found.reservations.append(
                UnusedReservation(
                    index: found.prospects.count, holding: held, mayBeTakenFrom: standing.mayBeTakenFrom))
        }
        found.prospects.append(prospect)
        return true
    }

    /// What a grant that ``GrantTable/Standing/isWaiting`` is to the planner.
    private static func waitingHolding(_ grant: UnsafePointer<GrantRecord>) -> Holding {
        let isWarm = grant.pointee.charge == .warm
        return Holding(
            grant: grant.pointee.stored.grant, device: grant.pointee.stored.device, level: isWarm ? .warm : .reserved,
            slice: isWarm ? .zero : grant.pointee.stored.slice, unusedSince: grant.pointee.unusedSince,
            settled: isWarm || grant.pointee.lifecycle.isSettled)
    }

    /// The same of one that is not told by figures alone.
    private func noteSubject(
        _ instance: UnsafePointer<InstanceRecord>, _ standing: InstanceTable.Standing, _ now: MonotonicTime,
        _ memo: inout SubjectMemo, _ planner: AllocationPlanner, _ found: inout FoundProspects
    ) -> Bool {
        guard let (subject, wanted) = subject(instance, standing, now, &memo, planner, inStep: true)
        else { return false }
        if let wanted { found.wanted.append(wanted) }
        if let reservation = UnusedReservation(of: subject, index: found.prospects.count) {
            found.reservations.append(reservation)
        }
        found.prospects.append(subject.prospect)
        return true
    }

    /// Stops the program where figures tell something else of an instance than its records do. O(instances)
    func checkFigures() {
        var memo = SubjectMemo()
        let planner = actingPlanner
        for place in instances.indices {
            let standing = instances.standing(place)
            guard standing.slot != nil, isSeenByFigures(standing, at: place) else { continue }
            instances.read(place) { instance in
                var found = FoundProspects()
                _ = noteFigures(instance, standing, at: place, lastStep, &memo, planner, &found)
                let recorded = subject(instance, standing, lastStep, &memo, planner, inStep: true)
                precondition(found.prospects.first == recorded?.subject.prospect, "figures that are out of date")
                precondition(
                    found.wanted.first == recorded?.wanted, "a holding that is wanted by one and not by the other")
                let reservation = recorded.flatMap { UnusedReservation(of: $0.subject, index: 0) }
                precondition(
                    found.reservations.first?.holding == reservation?.holding
                        && found.reservations.first?.mayBeTakenFrom == reservation?.mayBeTakenFrom,
                    "a reservation that is out of date")
            }
        }
    }
}
