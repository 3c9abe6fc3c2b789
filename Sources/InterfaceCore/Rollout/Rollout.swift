package import FleetModel

/// A new version's way through the fleet: a few take it, are watched, and then more, or nobody any more.
///
/// Duties: say who may have the target (``members``); compare it with the version before, at each step; go back by itself,
/// from wherever it is, when the target is too bad or is revoked, and forward when the version before is. It concerns
/// sessions that are yet to begin: what programs have goes on in the version that it has.
///
/// States: `canary` → `batches` → `completed`; from each of these but the last to `paused` and back, and to `rollingBack` →
/// `rolledBack`, or `aborted` where an operator ordered it. Terminal: `completed`, `rolledBack`, `aborted`.
/// Invalid, refused with the reason: an order that the state does not admit.
///
/// All that it knows is in ``record`` and ``members``, so that it can be taken up again from what was stored.
package struct Rollout: Hashable, Sendable {
    package internal(set) var record: RolloutRecord
    package internal(set) var members: RolloutMembers

    /// A rollout that begins: nobody has the version before the first step.
    package init(_ id: RolloutID, _ plan: RolloutPlan, baseline: InterfaceVersion, startedAt: WallTime) {
        record = RolloutRecord(id: id, plan: plan, baseline: baseline, startedAt: startedAt)
        members = RolloutMembers()
    }

    /// A rollout that goes on from what was stored.
    package init(stored record: RolloutRecord, members: RolloutMembers) {
        self.record = record
        self.members = members
    }

    package var target: InterfaceVersion { record.plan.target }

    /// Whether an instance's new sessions may be in the target. The others are to open in what there was before.
    package func admits(_ instance: InstanceID) -> Bool {
        record.phase == .completed || members.instances[instance] != nil
    }

    /// Whether a GPU server may install the target and open sessions in it.
    package func admits(_ server: GPUServerID) -> Bool {
        record.phase == .completed || members.servers[server] != nil
    }

    // MARK: Orders

    package mutating func pause() throws(OrderError) -> [RolloutEffect] {
        guard record.phase == .canary || record.phase == .batches else { throw refusal("be paused") }
        record.phase = .paused
        record.reason = "an operator's order"
        return [.note("\(self) is paused")]
    }

    package mutating func resume() throws(OrderError) -> [RolloutEffect] {
        guard record.phase == .paused else { throw refusal("go on") }
        record.phase = forward
        record.reason = ""
        return [.note("\(self) goes on")]
    }

    package mutating func abort() throws(OrderError) -> [RolloutEffect] {
        guard !record.phase.isTerminal, record.phase != .rollingBack else { throw refusal("be aborted") }
        return rollBack(.ordered, "an operator's order")
    }

    private func refusal(_ order: String) -> OrderError {
        OrderError("\(record.id) cannot \(order): it is \(record.phase.rawValue)")
    }

    // MARK: What happens

    /// A version is not to be had any longer.
    /// - Parameter alternative: what instances would open in, were there no target; nil where there is nothing.
    package mutating func revoked(
        _ version: InterfaceVersion, alternative: InterfaceVersion?
    ) -> [RolloutEffect] {
        guard !record.phase.isTerminal else { return [] }
        if version == target {
            if record.phase == .rollingBack { record.cause = .revoked }
            return record.phase == .rollingBack ? [] : rollBack(.revoked, "it is not to be had any longer")
        }
        guard version == record.baseline else { return [] }
        let isAnother = alternative != nil && alternative != target
        record.baseline = isAnother ? alternative : nil
        record.evidence = RolloutEvidence()
        if let alternative, isAnother {
            return [.note("\(self): \(version) is not to be had any longer, \(alternative) takes its place")]
        }
        return goOnForWantOfAnother(version)
    }

    /// There is nothing to go back to, nor to stay with: whoever has not the target has nothing. So all take it, whoever
    /// ordered otherwise; but not a version that computes wrongly, or was revoked itself.
    private mutating func goOnForWantOfAnother(_ version: InterfaceVersion) -> [RolloutEffect] {
        if record.phase == .rollingBack {
            guard record.cause != .revoked, record.cause != .gate(.selfTests) else { return [] }
            record.cause = nil
        }
        record.phase = .batches
        record.share = .all
        record.isFilling = true
        record.reason = "\(version) is not to be had any longer: going on is the remedy"
        return [.note("\(self): \(record.reason)")]
    }

    /// One period has passed. O(trials; with a fleet n log n)
    package mutating func step(_ step: RolloutStep, at now: WallTime) -> [RolloutEffect] {
        switch record.phase {
        case .completed, .rolledBack, .aborted: return []
        case .rollingBack:
            guard step.preparedInTarget == 0 else { return [] }
            record.phase = record.cause == .ordered ? .aborted : .rolledBack
            record.endedAt = now
            return [.note("\(self) is \(record.phase.rawValue): \(record.reason)")]
        case .canary, .batches, .paused:
            observe(step)
            // With nothing to go back to there is nothing to be judged.
            if record.baseline != nil, let (gate, words) = failingGate(step) { return rollBack(.gate(gate), words) }
            var effects = step.fleet.map { forgetAbsent($0) } ?? []
            guard record.phase != .paused else { return effects }
            record.soaked += step.elapsed
            if let fleet = step.fleet { effects += admit(fleet) }
            record.reason = waiting(step) ?? ""
            if record.reason.isEmpty { effects += endStage(step, now) }
            return effects
        }
    }

    mutating func rollBack(_ cause: RolloutCause, _ words: String) -> [RolloutEffect] {
        record.phase = .rollingBack
        record.cause = cause
        record.reason = words
        record.admitted = 0
        members = RolloutMembers()
        return [.withdraw, .note("\(self) is rolled back: \(words)")]
    }

    /// What a rollout that goes on is.
    var forward: RolloutPhase { record.stage == 0 ? .canary : .batches }
}

extension Rollout: CustomStringConvertible {
    package var description: String { "\(record.id) of \(record.plan.target)" }
}
