import AllocationCore
import FleetModel
import ForecastCore

/// Instances as a plan in parts first sees them: most of a large fleet stay as they are, which is told by figures that lie
/// side by side, without a look at their grants' records and without an ``AllocationSubject`` for each.
extension ManagerMachine {
    /// What a pass over a slice has found.
    struct FoundProspects {
        var prospects: [AllocationProspect] = []
        /// Theirs.
        var places: [Int] = []
        /// Those that have memory set aside, by their indices.
        var reservations: [(index: Int, subject: AllocationSubject)] = []
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

    /// Whether an instance is one of most: it holds nothing, or a warm session that could be of use, and nothing is special
    /// about it.
    private func isSeenByFigures(_ standing: InstanceTable.Standing, at place: Int) -> Bool {
        guard standing.isPlain, !standing.hasLostSession, activeOrders.isEmpty else { return false }
        guard standing.grantCount > 0 else { return true }
        guard standing.grantCount == 1, lostServers.isEmpty, closedServers.isEmpty, rollouts.outdated.isEmpty,
            let grant = grants.onlyGrant(ofInstanceAt: place)
        else { return false }
        return grants.standings[grant].isWarm
    }

    /// - Returns: whether a plan could do anything for it.
    private func noteFigures(
        _ instance: UnsafePointer<InstanceRecord>, _ standing: InstanceTable.Standing, at place: Int,
        _ now: MonotonicTime, _ memo: inout SubjectMemo, _ planner: AllocationPlanner, _ found: inout FoundProspects
    ) -> Bool {
        let slot = instance.pointee.slot
        let onset = forecasts.onset(of: slot).unless(isFading(standing, now))
        let grant = standing.grantCount > 0 ? grants.onlyGrant(ofInstanceAt: place) : nil
        let session = grant.flatMap { grant in
            grants.read(at: grant) { (device: $0.pointee.stored.device, unusedSince: $0.pointee.unusedSince) }
        }
        var (isStaged, costs) = memo.withoutHolding(instance.pointee.agent) { memo in
            let version = sharedVersion(of: instance.pointee.agent, &memo)
            return (version != nil, self.costs(version: version, device: nil, &memo))
        }
        if let session {
            let version = sharedVersion(of: instance.pointee.agent, &memo)
            costs = self.costs(version: version, device: session.device, &memo)
        }
        if session == nil, orders.maintenance.isEmpty,
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
            costs: costs,
            held: session.map { .init(level: .warm, memory: .zero, unusedSince: $0.unusedSince, isSettled: true) })
        if let grant, planner.wantedReadiness(of: prospect, pool: pool, price: idlePrice) >= .warm {
            found.wanted.append(grant)
            prospect.held?.unusedSince = now
        }
        found.prospects.append(prospect)
        return true
    }

    /// The same of one that is not told by figures alone.
    private func noteSubject(
        _ instance: UnsafePointer<InstanceRecord>, _ standing: InstanceTable.Standing, _ now: MonotonicTime,
        _ memo: inout SubjectMemo, _ planner: AllocationPlanner, _ found: inout FoundProspects
    ) -> Bool {
        guard let (subject, isWanted) = subject(instance, standing, now, &memo, planner, inStep: true)
        else { return false }
        if isWanted, let grant = subject.holding.flatMap({ grants.place(of: $0.grant) }) { found.wanted.append(grant) }
        if subject.holding?.level == .reserved {
            found.reservations.append((index: found.prospects.count, subject: subject))
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
                let isWanted = recorded?.isWanted ?? false
                precondition(found.wanted.isEmpty != isWanted, "a holding that is wanted by one and not by the other")
            }
        }
    }
}
