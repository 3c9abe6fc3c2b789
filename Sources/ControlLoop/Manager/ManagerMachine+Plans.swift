import AllocationCore
package import FleetModel
import SessionCore

/// Changes that an operator looks at before they are made.
extension ManagerMachine {
    /// What would be done at once if these changes were made: what the next decision would do with them and would not do
    /// without them. Changes nothing. O(instances), as much as two steps.
    package func plan(_ changes: [OperatorChange], at now: MonotonicTime) throws(OrderError) -> ChangePlan {
        var changed = self
        _ = try changed.change(changes, at: now)
        let without = decided(now)
        let same = Set(without)
        let shortAlready = Set(without.lazy.filter(\.isShort).map(\.instance))
        let steps = changed.decided(now).filter { step in
            step.isShort ? !shortAlready.contains(step.instance) : !same.contains(step)
        }
        return ChangePlan(changes: changes, revision: orders.revision, madeAt: wallTime(now), steps: steps)
    }

    /// Makes the changes of a plan and takes its steps, and no others, or does nothing. They are durable once
    /// ``areOrdersStored``. O(instances + steps)
    /// - Throws: ``PlanRefusal/stale(_:)`` where the settings have changed since the plan was made, or what an instance
    ///   holds that a step is about, or where a step no longer has room.
    package mutating func apply(
        _ plan: ChangePlan, at now: MonotonicTime
    ) throws(PlanRefusal) -> [ManagerEffect] {
        guard plan.revision == orders.revision else {
            throw .stale("it was made on revision \(plan.revision) of the settings, and they are at \(orders.revision)")
        }
        var changed = self
        var effects: [ManagerEffect]
        do { effects = try changed.change(plan.changes, at: now) } catch { throw .refused(error) }
        for step in plan.steps { effects += try changed.take(step, now: now) }
        self = changed
        // The settings are on their way to the store; the grants that are new follow them.
        return effects + steer(now)
    }

    /// The steps of a decision that is made now.
    private func decided(_ now: MonotonicTime) -> [PlannedStep] {
        var trial = self
        trial.refreshOrders(now)
        _ = trial.noteMaintenance(now)
        let drained = trial.leaving(now)
        let steps = drained.compactMap { id in
            trial.grants[id].map { grant in
                PlannedStep(
                    instance: grant.stored.instance.id, action: .release(id, .serverDrained),
                    holds: PlannedHolding(grant))
            }
        }
        for id in drained { _ = trial.release(id, .serverDrained, now: now) }
        let (subjects, _) = trial.attentiveSubjects(now)
        let holdings = Dictionary(
            subjects.lazy.compactMap { subject in subject.holding.map { (subject.instance, PlannedHolding($0)) } },
            uniquingKeysWith: { first, _ in first })
        let plan = trial.actingPlanner.plan(
            subjects, pool: trial.pool, price: trial.idlePrice, limits: trial.allocationLimits(now), now: now)
        return steps
            + plan.actions.map { action in
                PlannedStep(
                    instance: action.instance, action: trial.planned(action),
                    holds: holdings[action.instance] ?? trial.heldUntilReplaced(by: action.instance))
            }
    }

    /// What an instance still holds on a GPU server that is drained, or in a version that goes, until that is replaced.
    private func heldUntilReplaced(by instance: InstanceID) -> PlannedHolding? {
        record(of: instance)?.grants.lazy.compactMap { grants[$0] }.first { !$0.lifecycle.isReleasing }
            .map(PlannedHolding.init)
    }

    private func planned(_ action: AllocationAction) -> PlannedStep.Action {
        switch action {
        case .openWarm(_, let device): .openWarm(device)
        case .reserve(_, let device, let slice, let existing): .reserve(device, slice, existing: existing)
        case .lower(_, let grant, let reason): .lower(grant, reason)
        case .release(_, let grant, let reason): .release(grant, reason)
        case .contend(let instance, let contention): .short(describe(contention, of: instance))
        }
    }

    // MARK: Taking the steps

    /// Takes one step of a plan, where all that it rests on is as it was.
    private mutating func take(_ step: PlannedStep, now: MonotonicTime) throws(PlanRefusal) -> [ManagerEffect] {
        switch step.action {
        case .short(let text):
            return [.record(FleetEvent(at: now, kind: .contention, instance: step.instance, detail: text))]
        case .release(let id, let reason):
            try checkHeld(id, by: step)
            return release(id, reason, now: now)
        case .lower(let id, let reason):
            let grant = try checkHeld(id, by: step)
            try count(step) { pool throws(PoolError) in try pool.openWarm(on: grant.stored.device) }
            return lower(id, reason, now: now)
        case .openWarm(let device):
            try checkHoldsNothing(step.instance)
            try checkIsApart(step.instance, from: device)
            try count(step) { pool throws(PoolError) in try pool.openWarm(on: device) }
            return carryOut(.openWarm(step.instance, device), now: now)
        case .reserve(let device, let slice, let existing?):
            let grant = try checkHeld(existing, by: step)
            let isWarm = grant.charge == .warm
            let held = isWarm ? .zero : grant.stored.slice
            try count(step) { pool throws(PoolError) in
                try pool.reserve(
                    Slice(memory: slice.memory - held.memory, compute: .zero), on: device)
                if isWarm { pool.closeWarm(on: device) }
            }
            return carryOut(.reserve(step.instance, device, slice, existing: existing), now: now)
        case .reserve(let device, let slice, nil):
            try checkHoldsNothing(step.instance)
            try checkIsApart(step.instance, from: device)
            try count(step) { pool throws(PoolError) in
                // Compute is said anew at the next step; what is short of it is late, not lost.
                try pool.reserve(Slice(memory: slice.memory, compute: .zero), on: device)
                try pool.adopt(Slice(memory: .zero, compute: slice.compute), on: device)
            }
            return carryOut(.reserve(step.instance, device, slice, existing: nil), now: now)
        }
    }

    private func checkIsApart(_ instance: InstanceID, from device: DeviceID) throws(PlanRefusal) {
        guard let record = record(of: instance), siblings(of: record)?.devices.contains(device) == true else { return }
        throw .stale("another virtual GPU of \(instance) is on \(device) by now")
    }

    @discardableResult
    private func checkHeld(_ id: GrantID, by step: PlannedStep) throws(PlanRefusal) -> GrantRecord {
        guard let grant = grants[id], grant.stored.instance.id == step.instance, !grant.lifecycle.isReleasing else {
            throw .stale("\(step.instance) no longer holds \(id)")
        }
        guard let holds = step.holds, PlannedHolding(grant) == holds else {
            let now = grant.lifecycle.isAttached ? "a program uses it" : "it is another slice"
            throw .stale("\(id) of \(step.instance) has changed: \(now)")
        }
        return grant
    }

    private func checkHoldsNothing(_ instance: InstanceID) throws(PlanRefusal) {
        guard let record = record(of: instance), !record.isGone else { throw .stale("\(instance) is gone") }
        // What is about to leave its GPU server, or its version, is replaced while it is still there.
        let holds = record.grants.first { id in
            guard let lifecycle = grants[id]?.lifecycle, !lifecycle.isReleasing else { return false }
            return lifecycle.isAttached || isUsable(id, library: record.library)
        }
        if let holds { throw .stale("\(instance) holds \(holds) now") }
    }

    private mutating func count(
        _ step: PlannedStep, _ change: (inout Pool) throws(PoolError) -> Void
    ) throws(PlanRefusal) {
        do { try change(&pool) } catch {
            throw .stale("what is planned for \(step.instance) no longer has room")
        }
    }
}

extension PlannedStep {
    package var isShort: Bool { if case .short = action { true } else { false } }
}

extension PlannedHolding {
    fileprivate init(_ holding: Holding) {
        self.init(grant: holding.grant, device: holding.device, level: holding.level, slice: holding.slice)
    }

    fileprivate init(_ grant: ManagerMachine.GrantRecord) {
        let level: Readiness =
            grant.lifecycle.isAttached ? .attached : grant.lifecycle.goal == .reserved ? .reserved : .warm
        self.init(
            grant: grant.stored.grant, device: grant.stored.device, level: level,
            slice: level == .warm ? .zero : grant.stored.slice)
    }
}
