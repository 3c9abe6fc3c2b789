import AllocationCore
import FleetModel

/// What a manager that only records would hold, if it acted: its steps are carried out at once, beside what is really
/// held.
struct Rehearsal: Sendable {
    /// At ``Readiness/warm`` or ``Readiness/reserved``.
    private(set) var holdings: [InstanceID: Holding] = [:]
    /// No grant of the store ever has such a number.
    private var next: UInt64 = 1 << 63

    /// The pool with what would be held beside what is; what has no room there any more would have been taken for those
    /// who really use it, and is dropped. O(holdings)
    mutating func pool(beside real: Pool) -> Pool {
        var pool = real
        for instance in holdings.keys.sorted() {
            guard let held = holdings[instance] else { continue }
            do {
                if held.level == .warm {
                    try pool.openWarm(on: held.device)
                } else {
                    try pool.reserve(held.slice, on: held.device)
                }
            } catch {
                holdings[instance] = nil
            }
        }
        return pool
    }

    mutating func forget(_ instance: InstanceID) { holdings[instance] = nil }

    mutating func touch(_ instance: InstanceID, at now: MonotonicTime) { holdings[instance]?.unusedSince = now }

    /// Carries out one step in thought.
    /// - Returns: what was done, in words; nil for a step that is none.
    mutating func carryOut(_ action: AllocationAction, now: MonotonicTime) -> String? {
        switch action {
        case .openWarm(let instance, let device):
            hold(instance, on: device, .warm, .zero, now)
            return "would open a warm session on \(device)"
        case .reserve(let instance, let device, let slice, let existing):
            hold(instance, on: device, .reserved, slice, now)
            let verb = existing == nil ? "reserve" : "raise to"
            return "would \(verb) \(slice.memory.rawValue >> 20) MiB on \(device)"
        case .lower(let instance, _, _):
            guard let held = holdings[instance] else { return nil }
            hold(instance, on: held.device, .warm, .zero, now)
            return "would give its reservation on \(held.device) back and keep a warm session"
        case .release(let instance, _, let reason):
            guard let held = holdings.removeValue(forKey: instance) else { return nil }
            return "would give back what it has on \(held.device): \(reason.rawValue)"
        case .contend:
            return nil
        }
    }

    private mutating func hold(
        _ instance: InstanceID, on device: DeviceID, _ level: Readiness, _ slice: Slice, _ now: MonotonicTime
    ) {
        next += 1
        holdings[instance] = Holding(
            grant: GrantID(rawValue: next), device: device, level: level, slice: slice, unusedSince: now, settled: true)
    }
}

extension ManagerMachine {
    /// Decides what would be prepared ahead of demand, and records it. O(instances)
    mutating func rehearse(_ now: MonotonicTime) -> [ManagerEffect] {
        var rehearsed = rehearsal.pool(beside: pool)
        idlePrice.advance(rehearsed, elapsed: (now - lastAccount).inSeconds)
        let subjects = rehearsedSubjects(rehearsed, now)
        var limits = AllocationLimits.counting(subjects, quotas: rules.quotas)
        limits.closing = closingDevices(now)
        let plan = planner.plan(subjects, pool: rehearsed, price: idlePrice, limits: limits, now: now)
        rehearsed = plan.pool
        var effects: [ManagerEffect] = []
        var contended: Set<InstanceID> = []
        for action in plan.actions {
            if case .contend(let instance, let contention) = action {
                contended.insert(instance)
                effects += contend(instance, contention, now: now)
            }
            guard let words = rehearsal.carryOut(action, now: now) else { continue }
            totals.rehearsedSteps += 1
            effects.append(
                .record(FleetEvent(at: now, kind: .rehearsed, instance: action.instance, detail: words)))
        }
        for subject in subjects where !contended.contains(subject.instance) {
            if let place = instanceIndex[subject.instance] { lacksNothing(at: place) }
        }
        return effects
    }

    /// The instances as they would be, if the manager acted: with what they would hold. What is really held, or set aside
    /// by order, is decided by the manager's own plan.
    mutating func rehearsedSubjects(_ rehearsed: Pool, _ now: MonotonicTime) -> [AllocationSubject] {
        var subjects: [AllocationSubject] = []
        for index in instances.indices {
            guard let record = instances[index] else { continue }
            let id = record.description.id
            guard !record.isGone, !record.order.isReserved, preparing(record) == nil else {
                rehearsal.forget(id)
                continue
            }
            let held = rehearsal.holdings[id]
            let onset = forecasts.onset(of: record.slot)
            guard !record.grants.isEmpty || AllocationConfiguration.deservesAttention(onset: onset, holding: held),
                held != nil || !isPaused(record, now)
            else { continue }
            var subject = subject(record, onset: onset.unless(isFading(record, now)))
            if subject.holding?.level != .attached { subject.holding = held }
            if subject.siblings != nil {
                let members = placesOfSet(at: index).filter { $0 != index }.compactMap { instances[$0]?.description.id }
                subject.siblings?.devices += members.compactMap { rehearsal.holdings[$0]?.device }
            }
            if let level = held?.level,
                planner.wantedReadiness(of: subject.prospect, pool: rehearsed, price: idlePrice) >= level
            {
                rehearsal.touch(id, at: now)
                subject.holding?.unusedSince = now
            }
            subjects.append(subject)
        }
        return subjects
    }

    /// Counts what a request would have found if the manager had acted.
    /// - Returns: that in words; empty for a manager that acts.
    mutating func countRehearsed(_ instance: InstanceID) -> String {
        guard mode == .forecastOnly else { return "" }
        let found = rehearsal.holdings[instance]?.level ?? .staged
        switch found {
        case .reserved: totals.rehearsedFoundReserved += 1
        case .warm: totals.rehearsedFoundWarm += 1
        default: break
        }
        rehearsal.forget(instance)
        return "; if the manager had acted: \(found)"
    }
}
