import FleetModel

/// Stages: who takes part in each, and when the next begins.
extension Rollout {
    /// Takes note of members that are gone for good, so that others may take their place.
    mutating func forgetAbsent(_ fleet: RolloutFleet) -> [RolloutEffect] {
        let instances = Set(members.instances.keys).subtracting(fleet.instances.lazy.map(\.id)).sorted()
        let servers = Set(members.servers.keys).subtracting(fleet.servers.lazy.map(\.id)).sorted()
        for id in instances { members.instances[id] = nil }
        for id in servers { members.servers[id] = nil }
        record.eligible = fleet.instances.count
        record.admitted = members.instances.count
        return instances.isEmpty && servers.isEmpty ? [] : [.forget(instances: instances, servers: servers)]
    }

    /// Lets as many have the target as this stage and the limits say.
    mutating func admit(_ fleet: RolloutFleet) -> [RolloutEffect] {
        let admission = RolloutAdmission(plan: effectivePlan, stage: record.stage)
        let goal = record.share.roundedUp(of: fleet.instances.count)
        let (instances, moreInstances) = admission.instances(
            fleet.instances, members: members.instances, goal: goal)
        let (servers, moreServers) = admission.servers(fleet.servers, members: members.servers)
        for id in instances { members.instances[id] = record.stage }
        for id in servers { members.servers[id] = record.stage }
        record.isFilling = moreInstances || moreServers
        record.admitted = members.instances.count
        guard !instances.isEmpty || !servers.isEmpty else { return [] }
        return [.admit(instances: instances, servers: servers)]
    }

    /// Without a version to stay with, limits would leave instances with nothing.
    private var effectivePlan: RolloutPlan {
        guard record.baseline == nil else { return record.plan }
        var plan = record.plan
        plan.limits = RolloutLimits(perTenant: .all, perClass: .all, perFailureDomain: .all)
        return plan
    }

    /// What this stage waits for, in words; nil for nothing.
    func waiting(_ step: RolloutStep) -> String? {
        if record.isFilling { return "not all that this stage has room for have been told" }
        guard record.baseline != nil else { return nil }
        if record.eligible == 0 { return "no instance could take part" }
        if step.undecidedServers > 0 { return "\(step.undecidedServers) GPU servers install it" }
        if let gate = troubledGate { return "both versions fail too often (\(gate.rawValue)): the fleet is at fault" }
        let opened = record.evidence.gates[.crashes]?.target.trials ?? 0
        let isOverdue = record.plan.evidenceWithin.map { record.soaked >= $0 } ?? false
        if opened < record.plan.leastSessions, !isOverdue {
            return "\(opened) of \(record.plan.leastSessions) sessions have been opened in it"
        }
        // The less of a version that fails, the better: time alone is no reason to keep it.
        if baselineIsTooBad == nil, record.soaked < record.plan.soak {
            let left = Int((record.plan.soak - record.soaked).inSeconds.rounded(.up))
            return "it is watched for \(left) s more"
        }
        return nil
    }

    mutating func endStage(_ step: RolloutStep, _ now: WallTime) -> [RolloutEffect] {
        if record.admitted >= record.eligible {
            record.phase = .completed
            record.endedAt = now
            record.reason = "\(record.admitted) instances have it"
            members = RolloutMembers()
            return [.note("\(self) is completed: \(record.reason)")]
        }
        let remedy = baselineIsTooBad.map { "; the version before is the worse one (\($0.rawValue))" } ?? ""
        let proven = record.eligible == 0 ? 0 : (record.admitted * 1_000 + record.eligible - 1) / record.eligible
        record.stage += 1
        record.phase = .batches
        record.share = Permille(clamping: proven + record.plan.batch.rawValue)
        record.soaked = .zero
        record.isFilling = true
        for gate in record.evidence.gates.keys { record.evidence.gates[gate]?.beginStage() }
        record.reason = ""
        return [
            .note(
                "\(self): \(record.admitted) of \(record.eligible) instances have it and are well\(remedy); up to "
                    + "\(record.share) may")
        ]
    }
}
