import AllocationCore
import FleetModel
import ForecastCore
import SessionCore

/// Instances as the planner sees them.
extension ManagerMachine {
    /// What several instances of one decision have in common, so that it is found out once. Whether a session can be opened is
    /// asked again when it is.
    struct SubjectMemo: Sendable {
        private var versions: [AgentID: InterfaceVersion?] = [:]
        /// The last that was asked for: an agent's instances lie side by side.
        private var last: (agent: AgentID, version: InterfaceVersion?)?
        /// The last agent of which it was asked what one of its instances finds that holds nothing.
        private var lastWithoutHolding: (agent: AgentID, isStaged: Bool, costs: LadderCosts)?
        /// The version in which ``onDevice`` and ``anywhere`` were found.
        private var pricedVersion: InterfaceVersion?
        private var onDevice: [DeviceID: LadderCosts] = [:]
        private var anywhere: LadderCosts?

        /// The version that the instances of an agent share with some GPU server; nil for none.
        mutating func sharedVersion(
            _ agent: AgentID, _ find: (AgentID) -> InterfaceVersion?
        ) -> InterfaceVersion? {
            if let last, last.agent == agent { return last.version }
            let version = versions[agent] ?? find(agent)
            versions[agent] = .some(version)
            last = (agent, version)
            return version
        }

        /// Whether the instances of an agent share a version with some GPU server, and what the steps take for one that holds
        /// nothing. Of the same agent asked again nothing is counted or compared but its name.
        mutating func withoutHolding(
            _ agent: AgentID, _ find: (inout Self) -> (isStaged: Bool, costs: LadderCosts)
        ) -> (isStaged: Bool, costs: LadderCosts) {
            if let last = lastWithoutHolding, last.agent == agent { return (last.isStaged, last.costs) }
            let found = find(&self)
            lastWithoutHolding = (agent, found.isStaged, found.costs)
            return found
        }

        /// What the steps take in a version on a device; nil for any.
        mutating func costs(
            _ version: InterfaceVersion?, _ device: DeviceID?, _ find: () -> LadderCosts
        ) -> LadderCosts {
            if pricedVersion != version {
                pricedVersion = version
                onDevice = [:]
                anywhere = nil
            }
            guard let device else {
                let costs = anywhere ?? find()
                anywhere = costs
                return costs
            }
            if let known = onDevice[device] { return known }
            let costs = find()
            onDevice[device] = costs
            return costs
        }
    }

    /// Finds out how much each instance of a slice wants should demand come, where the plan will ask: while what its forecast
    /// was made from is at hand, and not for the whole fleet when the plan is made.
    mutating func keepAmounts(_ slice: Range<Int>, _ now: MonotonicTime) {
        for place in slice {
            let standing = instances.standing(place)
            guard let slot = standing.slot, mayBeSubject(standing, forecasts.onset(of: slot), now),
                standing.grantCount != 1 || !grants.areAllAttached(ofInstanceAt: place),
                forecasts.needsAmounts(of: slot, serviceLevel: standing.serviceLevel, at: now)
            else { continue }
            let amounts = burstAmounts(slot, serviceLevel: standing.serviceLevel)
            forecasts.keep(amounts, of: slot, serviceLevel: standing.serviceLevel, at: now)
        }
    }

    func burstAmounts(_ slot: ForecastSlot, serviceLevel: Double) -> BurstAmounts {
        forecaster.burstAmounts(
            slot, serviceLevel: serviceLevel, highestLevel: AllocationSubject.highestServiceLevel)
    }

    /// Of the instances whose programs wait, and of the others of their sets: what is prepared for these would be in their way.
    var waitingPlaces: Set<Int> {
        var places: Set<Int> = []
        for waiting in requests {
            guard let place = instanceIndex[waiting.instance] else { continue }
            places.insert(place)
            places.formUnion(placesOfSet(at: place))
        }
        return places
    }

    /// Whether a plan could do anything for an instance: most of a large, idle fleet is told by this.
    func mayBeSubject(
        _ standing: InstanceTable.Standing, _ onset: InlineArray<3, Float>, _ now: MonotonicTime
    ) -> Bool {
        guard !standing.isGone else { return false }
        guard standing.grantCount == 0 else { return true }
        return !standing.isAgentAway && !isPaused(standing, now)
            && (standing.isReserved || AllocationConfiguration.deservesAttention(onset: onset, holding: nil))
    }

    /// The instances for which a plan could do anything, in the order of their places. O(instances), of which those that
    /// hold nothing and are not expected to want anything cost a comparison.
    /// - Returns: what the planner is to see, and their places, in the same order.
    mutating func attentiveSubjects(
        _ now: MonotonicTime, inStep: Bool = false
    ) -> (subjects: [AllocationSubject], places: [Int]) {
        var memo = SubjectMemo()
        return attentiveSubjects(instances.indices, now, &memo, inStep: inStep)
    }

    /// - Parameters:
    ///   - inStep: by the amounts that the steps have kept, and not as they are between steps.
    ///   - withIdle: also those for which the plan will do nothing, for who asks why.
    mutating func attentiveSubjects(
        _ places: some Sequence<Int>, _ now: MonotonicTime, _ memo: inout SubjectMemo, inStep: Bool = false,
        withIdle: Bool = false
    ) -> (subjects: [AllocationSubject], places: [Int]) {
        let found = findSubjects(attentivePlaces(places, now), now, &memo, inStep: inStep, withIdle: withIdle)
        for place in found.idle { lacksNothing(at: place) }
        for place in found.wanted { grants.noteWanted(at: place, now) }
        return (found.subjects, found.places)
    }

    /// Those of the places of which a plan may decide: what is open for an instance whose program waits is wanted, whatever
    /// is forecast, and its request decides.
    mutating func attentivePlaces(_ places: some Sequence<Int>, _ now: MonotonicTime) -> [Int] {
        let waiting = waitingPlaces
        let places = places.filter { waiting.isEmpty || !waiting.contains($0) }
        for place in places where instances.standing(place).hasLostSession { noticeRecovered(at: place, now) }
        return places
    }

    /// What a pass over instances has found.
    private struct FoundSubjects {
        var subjects: [AllocationSubject] = []
        /// Theirs.
        var places: [Int] = []
        /// Where in the grants' table what is wanted as it is.
        var wanted: [Int] = []
        /// Places of instances that lack nothing any longer, and are not among the subjects.
        var idle: [Int] = []
    }

    /// It changes nothing: a method that changed the machine could not call others without copying it for each.
    private func findSubjects(
        _ places: [Int], _ now: MonotonicTime, _ memo: inout SubjectMemo, inStep: Bool, withIdle: Bool
    ) -> FoundSubjects {
        var found = FoundSubjects()
        let planner = actingPlanner
        for place in places {
            let standing = instances.standing(place)
            guard standing.slot != nil else { continue }
            var isFound = false
            if deservesALook(standing, at: place, now, withIdle: withIdle) {
                instances.read(place) { instance in
                    guard
                        let (subject, wanted) = subject(
                            instance, standing, now, &memo, planner, inStep: inStep, withIdle: withIdle)
                    else { return }
                    if let wanted { found.wanted.append(wanted) }
                    found.subjects.append(subject)
                    found.places.append(place)
                    isFound = true
                }
            }
            if !isFound, isFreedOfShortfall(standing, now) { found.idle.append(place) }
        }
        return found
    }

    /// Whether a plan could do anything for an instance, by what lies beside the records: most are told by that, those of
    /// which programs have all that they hold among them.
    func deservesALook(
        _ standing: InstanceTable.Standing, at place: Int, _ now: MonotonicTime, withIdle: Bool = false
    ) -> Bool {
        guard let slot = standing.slot, mayBeSubject(standing, forecasts.onset(of: slot), now) else { return false }
        return withIdle || !lostServers.isEmpty || !grants.areAllAttached(ofInstanceAt: place)
    }

    /// Whether an instance for which a plan does nothing lacked something, and does not any longer: one that holds nothing
    /// and is only paused does.
    func isFreedOfShortfall(_ standing: InstanceTable.Standing, _ now: MonotonicTime) -> Bool {
        standing.hasShortfall && (standing.grantCount > 0 || !isPaused(standing, now))
    }

    /// One instance for the planner, and where in the grants' table what it holds is, if that is wanted as it is; nil where the
    /// plan does nothing for it.
    func subject(
        _ instance: UnsafePointer<InstanceRecord>, _ standing: InstanceTable.Standing, _ now: MonotonicTime,
        _ memo: inout SubjectMemo, _ planner: AllocationPlanner, inStep: Bool, withIdle: Bool = false
    ) -> (subject: AllocationSubject, wanted: Int?)? {
        let onset = forecasts.onset(of: instance.pointee.slot).unless(isFading(standing, now))
        let held = holder(instance).flatMap { holding($0) }
        guard withIdle || !isIdle(instance, held, onset: onset, &memo, planner) else { return nil }
        let kept =
            inStep
            ? forecasts.amounts(of: instance.pointee.slot, serviceLevel: standing.serviceLevel, at: now) : nil
        var subject = makeSubject(instance, onset: onset, amounts: kept, holding: held, &memo)
        guard let held, planner.wantedReadiness(of: subject.prospect, pool: pool, price: idlePrice) >= held.level
        else { return (subject, nil) }
        subject.holding?.unusedSince = now
        return (subject, grants.place(of: held.grant))
    }

    /// Whether sessions of this instance fail to open, so that the next is not tried yet.
    func isPaused(_ instance: InstanceRecord, _ now: MonotonicTime) -> Bool {
        withUnsafePointer(to: instance) { isPaused(InstanceTable.Standing($0), now) }
    }

    func isPaused(_ standing: InstanceTable.Standing, _ now: MonotonicTime) -> Bool {
        standing.pausedUntil.map { now < $0 } ?? false
    }

    /// Whether the newest telemetry may still show a session that has ended since: for two periods after its end.
    func isFading(_ instance: InstanceRecord, _ now: MonotonicTime) -> Bool {
        withUnsafePointer(to: instance) { isFading(InstanceTable.Standing($0), now) }
    }

    func isFading(_ standing: InstanceTable.Standing, _ now: MonotonicTime) -> Bool {
        guard let ended = standing.sessionEnded else { return false }
        return now - ended < configuration.period * 2
    }

    /// Whether the plan does nothing for an instance, whatever it would need: a program has its session, or it holds nothing
    /// and its demand is too improbable even for the least amount and a forecast that is certain.
    private func isIdle(
        _ instance: UnsafePointer<InstanceRecord>, _ holding: Holding?, onset: InlineArray<3, Float>,
        _ memo: inout SubjectMemo, _ planner: AllocationPlanner
    ) -> Bool {
        if let holding { return holding.level == .attached }
        guard instance.pointee.lostSession == nil, instance.pointee.order == .none, orders.maintenance.isEmpty
        else { return false }
        let version = sharedVersion(of: instance.pointee.agent, &memo)
        return planner.isBelowEveryBar(
            onset, weight: instance.pointee.priority.weight, costs: costs(version: version, device: nil, &memo),
            least: configuration.minimumMemory, pool: pool, price: idlePrice)
    }

    func sharedVersion(of agent: AgentID, _ memo: inout SubjectMemo) -> InterfaceVersion? {
        memo.sharedVersion(agent) { try? sharedVersion($0) }
    }

    func costs(version: InterfaceVersion?, device: DeviceID?, _ memo: inout SubjectMemo) -> LadderCosts {
        memo.costs(version, device) { costs(version: version, device: device) }
    }

    /// One instance for the planner, with the grant that is being prepared for it or, failing that, one in use.
    func subject(_ instance: InstanceRecord, onset: InlineArray<3, Float>) -> AllocationSubject {
        var memo = SubjectMemo()
        return withUnsafePointer(to: instance) { instance in
            makeSubject(instance, onset: onset, holding: holder(instance).flatMap { holding($0) }, &memo)
        }
    }

    /// - Parameter amounts: nil where they are to be found out.
    private func makeSubject(
        _ instance: UnsafePointer<InstanceRecord>, onset: InlineArray<3, Float>, amounts: BurstAmounts? = nil,
        holding: Holding?, _ memo: inout SubjectMemo
    ) -> AllocationSubject {
        let (id, tenant) = (instance.pointee.description.id, instance.pointee.description.tenant)
        let (priority, order) = (instance.pointee.priority, instance.pointee.order)
        let amounts = amounts ?? burstAmounts(instance.pointee.slot, serviceLevel: priority.serviceLevel)
        let version = sharedVersion(of: instance.pointee.agent, &memo)
        let costs = costs(version: version, device: holding?.device, &memo)
        if !activeOrders.isEmpty, let slice = activeOrders[id]?.slice {
            var priority = priority
            priority.mayBeTakenFrom = false
            var subject = AllocationSubject(
                instance: id, priority: priority, onset: onset, relativeWidth: amounts.relativeWidth, amount: slice,
                holding: holding, staged: version != nil, tenant: tenant, costs: costs, order: order)
            subject.siblings = siblings(of: instance)
            return subject
        }
        var subject = AllocationSubject(
            instance: id, priority: priority, onset: onset, relativeWidth: amounts.relativeWidth,
            // The median of its bursts' peaks: a late command is late, not lost.
            amount: Slice(
                memory: memory(amounts.memory, of: instance), compute: MilliShare(covering: amounts.medianCompute)),
            amplest: memory(amounts.amplestMemory, of: instance),
            expectedCompute: forecasts.promisedCompute(of: instance.pointee.slot), holding: holding,
            staged: version != nil, tenant: tenant, costs: costs, order: order)
        // A program that has just lost its session is certain to want another.
        subject.isCertain = instance.pointee.lostSession != nil
        subject.siblings = siblings(of: instance)
        return subject
    }

    /// An amount of memory in whole MiB: no more than a device has, of a set's members as many devices as they are; and of an
    /// instance that was never seen to use a GPU, whose forecast is a prior, no more than half of one, so that a newcomer
    /// does not shut out the rest.
    private func memory(_ amount: Double, of instance: UnsafePointer<InstanceRecord>) -> Bytes {
        memory(
            amount, ofDevices: largestForSet(of: instance) ?? largestDevice, hasUsedGPU: instance.pointee.hasUsedGPU)
    }

    /// The same, of devices of which the largest has so much.
    func memory(_ amount: Double, ofDevices largest: Bytes, hasUsedGPU: Bool) -> Bytes {
        let mebibytes = Int64((min(max(amount, 0), 0x1p50) / 0x1p20).rounded(.up))
        let most = hasUsedGPU ? largest : Bytes(largest.rawValue / 2)
        return min(
            max(configuration.minimumMemory, .mebibytes(mebibytes)), max(most, configuration.minimumMemory))
    }

    /// Whether a grant's GPU server is there to answer.
    func isReachable(_ id: GrantID) -> Bool {
        grants.read(id) { serverLink($0.pointee.stored.device.server) != nil } ?? false
    }

    /// The grant of an instance that a program could still get, on a GPU server that stays.
    func preparing(_ instance: InstanceRecord) -> GrantID? {
        prepared(among: instance.grants, library: instance.library)
    }

    /// One with memory set aside before one without: what was kept for the loss of a GPU server is better than a session
    /// for which there is no room any more.
    private func prepared(among held: [GrantID], library: SemanticVersion?) -> GrantID? {
        var withoutMemory: GrantID?
        // By a loop: a closure that asks the machine copies it.
        for id in held where isPrepared(id) && isUsable(id, library: library) {
            guard held.count > 1 else { return id }
            if grants.read(id, { $0.pointee.lifecycle.goal == .reserved }) == true { return id }
            withoutMemory = withoutMemory ?? id
        }
        return withoutMemory
    }

    func isPrepared(_ id: GrantID) -> Bool {
        guard let grant = grants.standing(id) else { return false }
        return !grant.isAttached && !grant.isReleasing
    }

    /// The grant that the plan sees of an instance: what a program could get, else what one has, else what is on its
    /// way back. What is kept for the loss of a GPU server is not seen while its session is there.
    private func holder(_ instance: UnsafePointer<InstanceRecord>) -> GrantID? {
        let held = instance.pointee.grants
        guard !held.isEmpty else { return nil }
        var attached: GrantID?
        var releasing: GrantID?
        for id in held {
            guard let grant = grants.standing(id) else { continue }
            if grant.isAttached, !isLost(id) { attached = id }
            if grant.isReleasing, isReachable(id) { releasing = id }
        }
        if attached != nil, instance.pointee.priority.backup != .none { return attached }
        return prepared(among: held, library: instance.pointee.library) ?? attached ?? releasing
    }

    func holding(_ id: GrantID) -> Holding? {
        grants.read(id) { grant in
            // What is on its way back is held until it is free.
            let lifecycle = grant.pointee.lifecycle
            let charge = grant.pointee.charge
            let slice = lifecycle.goal == .reserved ? grant.pointee.stored.slice : charge.slice
            let level: Readiness = lifecycle.isAttached ? .attached : slice.memory > .zero ? .reserved : .warm
            // A session that is still coming up without memory may be raised on the way.
            let isRaisable = charge == .warm && lifecycle.goal == .warm
            return Holding(
                grant: id, device: grant.pointee.stored.device, level: level, slice: slice,
                unusedSince: grant.pointee.unusedSince,
                settled: grant.pointee.request == nil && (lifecycle.isSettled || isRaisable))
        }
    }

    /// An instance of which a program asks.
    func askingSubject(_ instance: InstanceRecord) -> AllocationSubject {
        var subject = subject(instance, onset: InlineArray(repeating: 1))
        // Its demand begins now, whatever was forecast.
        subject.expectedCompute = subject.amount.compute
        if let attached = subject.holding, attached.level == .attached, !isReachable(attached.grant) {
            // Its session went with its GPU server: what was kept for that comes first.
            subject.holding = standby(of: instance).flatMap { holding($0) }
        }
        if subject.holding?.level == .attached
            || preparing(instance).map({ grants[$0]?.request != nil || !isReachable($0) }) == true
        {
            // Another program of the instance has that one, or nobody can get it now.
            subject.holding = nil
        }
        return subject
    }

    private func isClaimed(_ id: GrantID) -> Bool {
        grants.read(id) { $0.pointee.request != nil && !$0.pointee.lifecycle.isReleasing } ?? false
    }

    func holders(besides own: Set<InstanceID>) -> [AllocationSubject] {
        var holders: [AllocationSubject] = []
        for index in instances.indices where instances[index]?.grants.isEmpty == false {
            guard let record = instances[index], !own.contains(record.description.id) else { continue }
            let subject = subject(record, onset: forecasts.onset(of: record.slot))
            // What is set aside for a program that waits is neither to be had nor coming free.
            if let id = subject.holding?.grant, isClaimed(id) { continue }
            holders.append(subject)
        }
        return holders
    }
}

extension InlineArray where count == 3, Element == Float {
    /// These onset probabilities; while a session's end still shows as demand, only the longest horizon's.
    func unless(_ isFading: Bool) -> Self {
        isFading ? [0, 0, self[2]] : self
    }
}
