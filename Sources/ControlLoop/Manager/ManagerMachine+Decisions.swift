import AllocationCore
import FleetModel
import ForecastCore
import SessionCore

/// What to prepare for whom, and the requests that were not foreseen.
extension ManagerMachine {
    /// Step 3: orders and requests that wait come first, then each instance by what is expected of it.
    mutating func servePending(_ now: MonotonicTime) -> [ManagerEffect] {
        refreshOrders(now)
        if !sets.isEmpty { largestDevices = pool.greatestMemories(InstanceDescription.maximumGPUs) }
        let effects = keepMaintenance(now)
        return effects + serveWaiting(now) + takeForWaiting(now) + releaseSurplus(now)
    }

    /// Decides what is prepared for whom, or begins to.
    mutating func decideReadiness(_ now: MonotonicTime) -> [ManagerEffect] {
        if mode == .active { idlePrice.advance(pool, elapsed: (now - lastAccount).inSeconds) }
        guard isDecidedAtOnce else {
            let plan = PlanInParts(
                by: actingPlanner, price: idlePrice, quotas: rules.quotas, closesDevices: !closingDevices(now).isEmpty)
            stepPart = .decision(DecisionInParts(plan: plan))
            grants.followChanges()
            return []
        }
        let (subjects, places) = attentiveSubjects(now, inStep: true)
        pool.expect(slices: subjects.lazy.map(\.amount.memory))
        let plan = actingPlanner.plan(
            subjects, pool: pool, price: idlePrice, limits: allocationLimits(now), now: now)
        pool = plan.pool
        awaitingRoom.removeAll(keepingCapacity: true)
        return carryOut(plan.actions, for: places, now: now) + endDecision(now)
    }

    /// What is decided once the plan is carried out.
    mutating func endDecision(_ now: MonotonicTime) -> [ManagerEffect] {
        stepPart = .standbys(nil)
        return mode == .forecastOnly ? rehearse(now) : []
    }

    /// The planner whose decisions are carried out.
    var actingPlanner: AllocationPlanner { mode == .active ? planner : reactivePlanner }

    /// - Parameter places: of the instances that were decided; those that nothing is short of lack nothing any longer.
    mutating func carryOut(
        _ actions: [AllocationAction], for places: [Int], now: MonotonicTime
    ) -> [ManagerEffect] {
        var effects: [ManagerEffect] = []
        var contended: Set<Int> = []
        for action in actions {
            guard case .contend(let instance, let contention) = action else {
                effects += carryOut(action, now: now)
                continue
            }
            guard let place = instanceIndex[instance] else { continue }
            contended.insert(place)
            if case .waitingForPreemption(let awaited) = contention.reason {
                awaitingRoom[instance] = grants.read(awaited) { $0.pointee.stored.device }
            }
            effects += contend(at: place, contention, now: now)
        }
        // Most lack nothing, and their records are left where they are.
        for place in places where instances.standing(place).hasShortfall && !contended.contains(place) {
            lacksNothing(at: place)
        }
        return effects
    }

    /// Forgets what an instance lacked.
    mutating func lacksNothing(at place: Int) { instances.change(place) { $0.shortfall = nil } }

    /// Of what was prepared for several programs of an instance, one is kept by what is expected of it; the others go
    /// when they have not been used for the grace period.
    private mutating func releaseSurplus(_ now: MonotonicTime) -> [ManagerEffect] {
        var effects: [ManagerEffect] = []
        let places =
            configuration.bugs.contains(.releaseAttached) ? Array(instances.indices) : grants.placesOfSeveral.sorted()
        for index in places {
            guard instances.standing(index).grantCount > 0, let instance = instances[index] else { continue }
            let idle = instance.grants.filter { id in
                guard let grant = grants[id] else { return false }
                return !grant.lifecycle.isAttached && !grant.lifecycle.isReleasing && grant.request == nil
            }
            if configuration.bugs.contains(.releaseAttached) {
                for id in instance.grants { effects += release(id, .graceEnded, now: now) }
            }
            let kept = [preparing(instance), standby(of: instance)]
            for id in idle where !kept.contains(id) {
                guard let since = grants[id]?.unusedSince, now - since > instance.priority.grace else { continue }
                effects += release(id, .graceEnded, now: now)
            }
        }
        return effects
    }

    /// Step 4, beside the forecaster's scores: what was held, and what of it was used.
    mutating func keepAccounts(_ now: MonotonicTime) {
        let elapsed = (now - lastAccount).inSeconds
        lastAccount = now
        for grant in grants.standings where grant.charge == .slice || grant.charge == .lowering {
            totals.reservedSeconds += elapsed
            if grant.isAttached {
                totals.usedSeconds += elapsed
            } else {
                totals.reservedIdleSeconds += elapsed
            }
        }
        noteAttached(now)
        for held in rehearsal.holdings.values where held.level == .reserved { totals.rehearsedIdleSeconds += elapsed }
    }

    /// Of sessions that were attached without a word of their agent, the time counts from now.
    private mutating func noteAttached(_ now: MonotonicTime) {
        for grant in grants.standings where grant.isNewlyAttached { grants[grant.grant]?.attachedSince = now }
    }

    /// Each session that ends counts a quarter, so that the mean follows what programs do now.
    mutating func sessionLasted(_ grant: GrantRecord, _ now: MonotonicTime) {
        guard let since = grant.attachedSince else { return }
        let length = now - since
        usualSession = usualSession == .zero ? length : usualSession + (length - usualSession) / 4
    }

    // MARK: Compute

    /// Says anew what the tenants of each of these GPU servers' devices are expected to use of its compute together.
    mutating func expectCompute(of servers: [GPUServerID]) {
        for server in servers {
            let sums = expectedCompute(on: server)
            for device in self.servers[server]?.devices ?? [] {
                pool.expect(MilliShare(Int32(clamping: sums[device.id.index] ?? 0)), on: device.id)
            }
        }
    }

    /// Says anew how many warm sessions these GPU servers' devices may carry.
    mutating func limitWarmSessions(on servers: [GPUServerID]) {
        for server in servers {
            let most = maximumWarm(on: server)
            for device in self.servers[server]?.devices ?? [] { pool.setMaximumWarm(most, on: device.id) }
        }
    }

    /// What of a host's memory the workers of warm sessions may take: they wait for what may not come.
    private static let warmShareOfHost = 0.5

    /// How many warm sessions each device of a GPU server may carry by the memory of its host, where that is known, and what
    /// the worker of one was measured to take; at least one.
    private func maximumWarm(on server: GPUServerID) -> Int {
        guard let record = servers[server], let memory = record.host.memory, !record.devices.isEmpty,
            let worker = ladder.warmHostMemory, worker > .zero
        else { return pool.maximumWarmPerDevice }
        let workers = Self.warmShareOfHost * Double(memory.rawValue) / Double(worker.rawValue)
        let most = min(workers / Double(record.devices.count), Double(pool.maximumWarmPerDevice))
        return max(Int(most), 1)
    }

    /// Says anew how much of these GPU servers' devices' compute may be promised.
    mutating func limitCompute(on servers: [GPUServerID]) {
        for server in servers {
            let share = promisableCompute(on: server)
            for device in self.servers[server]?.devices ?? [] where !device.isHostProcessor {
                pool.setCompute(share, on: device.id)
            }
        }
    }

    /// How much of each device of a GPU server may be promised by the processors of its host: of those that are not these
    /// processors.
    func promisableCompute(on server: GPUServerID) -> MilliShare {
        guard let record = servers[server], let processors = record.host.processors else { return .wholeDevice }
        return record.processorNeed.promisable(of: record.devices.count { !$0.isHostProcessor }, with: processors)
    }

    /// By a device's index, in thousandths.
    private func expectedCompute(on server: GPUServerID) -> [Int: Int64] {
        var sums: [Int: Int64] = [:]
        for id in grants.grants(on: server) {
            guard let grant = grants.standing(id), grant.charge == .slice || grant.charge == .lowering else { continue }
            let instance = grant.place.map { instances.standing($0) }
            let forecast = instance?.slot.flatMap { forecasts.promisedCompute(of: $0) }
            var expected = forecast ?? .wholeDevice
            // What is set aside by order is promised in full, and so is what nothing is forecast of.
            if forecast == nil || instance?.isReserved == true {
                let slice = grants.read(id) { $0.pointee.charge.slice.compute } ?? .zero
                expected = forecast.map { max($0, slice) } ?? slice
            }
            sums[grant.deviceIndex, default: 0] += Int64(expected.rawValue)
        }
        return sums
    }

    // MARK: Actions

    /// - Parameter waiting: the program's request that it is for; nil for what is foreseen.
    mutating func carryOut(
        _ action: AllocationAction, for waiting: WaitingRequest? = nil, now: MonotonicTime
    ) -> [ManagerEffect] {
        switch action {
        case .openWarm(let instance, let device):
            guard let version = try? sharedVersion(instance, on: device) else {
                pool.closeWarm(on: device)
                return contend(
                    instance, Contention(reason: .notStaged, wanted: .warm, slice: .zero), now: now)
            }
            begin(instance, on: device, slice: nil, version: version, now: now)
            return []
        case .reserve(_, _, let slice, let existing?):
            raise(existing, to: slice, now: now)
            if let waiting { claim(existing, for: waiting) }
            return []
        case .reserve(let instance, let device, let slice, nil):
            guard let version = try? sharedVersion(instance, on: device) else {
                pool.free(slice, on: device)
                return contend(
                    instance, Contention(reason: .notStaged, wanted: .reserved, slice: slice), now: now)
            }
            let id = begin(instance, on: device, slice: slice, version: version, now: now)
            if let id, let waiting { claim(id, for: waiting) }
            return []
        case .lower(_, let grant, let reason):
            return lower(grant, reason, now: now)
        case .release(_, let grant, let reason):
            return release(grant, reason, now: now)
        case .contend(let instance, let contention):
            return contend(instance, contention, now: now)
        }
    }

    /// Contention is recorded when it begins and when its kind changes, not every period that it lasts.
    mutating func contend(
        _ instance: InstanceID, _ contention: Contention, now: MonotonicTime
    ) -> [ManagerEffect] {
        guard let place = instanceIndex[instance] else { return [] }
        return contend(at: place, contention, now: now)
    }

    mutating func contend(
        at place: Int, _ contention: Contention, now: MonotonicTime
    ) -> [ManagerEffect] {
        let known = instances.change(place) { record in
            defer { record.shortfall = contention }
            return (instance: record.description.id, wanted: record.shortfall?.wanted)
        }
        guard let known, known.wanted != contention.wanted else { return [] }
        totals.contention += 1
        let instance = known.instance
        return [
            .record(
                FleetEvent(at: now, kind: .contention, instance: instance, detail: describe(contention, of: instance)))
        ]
    }
}
