package import FleetModel
import InterfaceCore
import SessionCore

/// Rollouts of interface versions: what operators order of them, and their step.
extension ManagerMachine {
    /// How often who takes part is looked at anew, and what was seen is written.
    private static let lookInterval: Duration = .seconds(5)
    /// After its start a manager has not heard of everybody yet: who is not there is not gone.
    private var gathering: Duration { configuration.silence * 3 }

    /// Carries out an order, or does nothing. It is durable once ``areOrdersStored``.
    /// - Returns: what is to be done: the change is written, and told.
    package mutating func change(
        _ change: RolloutChange, at now: MonotonicTime
    ) throws(OrderError) -> [ManagerEffect] {
        guard !hasResigned else { throw OrderError("another manager has taken over") }
        var effects: [RolloutEffect]
        switch change {
        case .start(let plan):
            rollouts.begin(try rollout(plan, now))
            rollouts.lastStep = now
            effects = [.note("\(rollouts.active?.description ?? "a rollout") begins")]
        case .pause(let id):
            var rollout = try underWay(id)
            effects = try rollout.pause()
            rollouts.active = rollout
        case .resume(let id):
            var rollout = try underWay(id)
            effects = try rollout.resume()
            rollouts.active = rollout
        case .abort(let id):
            var rollout = try underWay(id)
            effects = try rollout.abort()
            rollouts.active = rollout
        }
        let done = carryOut(effects, now)
        return write() + done
    }

    private func underWay(_ id: RolloutID?) throws(OrderError) -> Rollout {
        guard let active = rollouts.active else { throw OrderError("no rollout is under way") }
        guard id == nil || id == active.record.id else {
            throw OrderError("\(id?.description ?? "it") is not under way; \(active) is")
        }
        return active
    }

    private func rollout(_ plan: RolloutPlan, _ now: MonotonicTime) throws(OrderError) -> Rollout {
        if let active = rollouts.active {
            throw OrderError("\(active) is under way: it is \(active.record.phase.rawValue)")
        }
        try plan.validate()
        let wanted = plan.target
        guard
            let target = offers.last(where: { $0.version.kind == wanted.kind && $0.version.version == wanted.version })
        else { throw OrderError("\(wanted.kind) \(wanted.version) is not published") }
        guard let baseline = versionBefore(target.version) else {
            throw OrderError("no other version is published: there is nothing to compare it with, and to go back to")
        }
        var plan = plan
        plan.target = target.version
        return Rollout(rollouts.nextID, plan, baseline: baseline, startedAt: wallTime(now))
    }

    /// What most sessions are in, of what is published and is not the target; else the newest. O(grants)
    private func versionBefore(_ target: InterfaceVersion) -> InterfaceVersion? {
        let others = offers.map(\.version).filter { version in
            version.kind == target.kind && version.version != target.version
                && quarantined[version] == nil
        }
        var sessions: [SemanticVersion: Int] = [:]
        for grant in grants.unordered { sessions[grant.stored.version.version, default: 0] += 1 }
        let most = others.map { sessions[$0.version] ?? 0 }.max()
        return others.last { sessions[$0.version] ?? 0 == most }
    }

    // MARK: Step

    /// One period of the rollout that is under way, if one is. O(grants); each five seconds O(instances log instances)
    mutating func stepRollout(_ now: MonotonicTime) -> [ManagerEffect] {
        guard var rollout = rollouts.active else { return lookForExplorers(now) }
        var seen = rollouts.takeSeen()
        let elapsed = now - rollouts.lastStep
        rollouts.lastStep = now
        let isDue = rollouts.lastLook.map { now - $0 >= Self.lookInterval } ?? true
        let looks = now - startedAt >= gathering && (isDue || rollout.record.isFilling)
        if looks {
            rollouts.lastLook = now
            let back = Set(rollouts.departed.keys.filter { record(of: $0)?.isGone == false })
            rollouts.forgetDeparted(now, isBack: back.contains)
        }
        let before = rollout.record.phase
        if looks { addRates(rollout, &seen) }
        let effects = rollout.step(
            RolloutStep(
                elapsed: elapsed, target: seen.target, baseline: seen.baseline,
                fleet: looks ? rolloutFleet(rollout.target) : nil, undecidedServers: undecidedServers(rollout),
                preparedInTarget: preparedInTarget(rollout)),
            at: wallTime(now))
        rollouts.active = rollout
        if effects.isEmpty, before == rollout.record.phase {
            guard now - rollouts.lastWrite >= Self.lookInterval else { return renewOutdated(now) }
            note(rollout, now)
            return renewOutdated(now)
        }
        return carryOut(effects, now) + renewOutdated(now)
    }

    /// What GPU servers' self-tests have measured of both versions, whenever that was.
    private func addRates(_ rollout: Rollout, _ seen: inout (target: VersionHealth, baseline: VersionHealth)) {
        for server in rollout.members.servers.keys {
            for (version, rate) in servers[server]?.rates ?? [:] {
                if rollouts.isTarget(version) { seen.target.commandRates[server] = rate }
                if version == rollout.record.baseline { seen.baseline.commandRates[server] = rate }
            }
        }
    }

    private mutating func note(_ rollout: Rollout, _ now: MonotonicTime) {
        unwritten.rollouts.records[rollout.record.id] = rollout.record
        rollouts.lastWrite = now
    }

    /// Writes, installs and tells what a rollout has changed.
    private mutating func carryOut(_ effects: [RolloutEffect], _ now: MonotonicTime) -> [ManagerEffect] {
        guard let rollout = rollouts.active else { return [] }
        let id = rollout.record.id
        note(rollout, now)
        var done: [ManagerEffect] = []
        for effect in effects {
            switch effect {
            case .admit(let instances, let servers):
                // As they were admitted: the next stage may have begun in the same step.
                for one in instances {
                    unwritten.rollouts.members[id, default: .init()].instances[one] = .some(
                        rollout.members.instances[one])
                }
                for one in servers {
                    unwritten.rollouts.members[id, default: .init()].servers[one] = .some(rollout.members.servers[one])
                }
            case .forget(let instances, let servers):
                for one in instances { unwritten.rollouts.members[id, default: .init()].instances[one] = .some(nil) }
                for one in servers { unwritten.rollouts.members[id, default: .init()].servers[one] = .some(nil) }
            case .withdraw: done += withdrawTarget(rollout, now)
            case .note(let words): done.append(.record(FleetEvent(at: now, kind: .ordered, detail: words)))
            }
        }
        if rollout.record.phase.isTerminal || rollout.record.phase == .rollingBack {
            unwritten.rollouts.members[id] = RolloutWrite.MemberChange(clearing: true)
        }
        if rollout.record.phase.isTerminal {
            for forgotten in rollouts.end() {
                unwritten.rollouts.records[forgotten] = nil
                unwritten.rollouts.removals.insert(forgotten)
            }
        }
        return done + prepareServers(now) + prepareAgents(now)
    }

    /// What is prepared in a version that is taken back is given up at once; a program that waits for it gets another.
    /// What programs have goes on.
    private mutating func withdrawTarget(_ rollout: Rollout, _ now: MonotonicTime) -> [ManagerEffect] {
        var effects: [ManagerEffect] = []
        for id in grants.ascending where isPreparedInTarget(id, rollout) && grants[id]?.lifecycle.isReleasing == false {
            effects += release(id, .ordered, now: now)
        }
        return effects
    }

    private func isPreparedInTarget(_ id: GrantID, _ rollout: Rollout) -> Bool {
        guard let grant = grants[id], !grant.lifecycle.isAttached else { return false }
        return grant.stored.version.kind == rollout.target.kind
            && grant.stored.version.version == rollout.target.version
    }

    private func preparedInTarget(_ rollout: Rollout) -> Int {
        guard rollout.record.phase == .rollingBack else { return 0 }
        return grants.unordered.count { isPreparedInTarget($0.stored.grant, rollout) }
    }

    private func undecidedServers(_ rollout: Rollout) -> Int {
        rollout.members.servers.keys.count { id in
            guard let record = servers[id], record.link != nil else { return false }
            func isTarget(_ version: InterfaceVersion) -> Bool { rollouts.isTarget(version) }
            return !record.installed.contains(where: isTarget) && !record.unavailable.keys.contains(where: isTarget)
        }
    }

    // MARK: Publication

    /// Where operators want a rollout for each new version, what is published at first is what stands.
    mutating func noteStanding(_ now: MonotonicTime) {
        guard configuration.updates == .rollout, rollouts.standing == nil, rollouts.active == nil,
            let first = offers.last?.version
        else { return }
        var record = RolloutRecord(
            id: rollouts.nextID, plan: RolloutPlan(target: first), baseline: first, startedAt: wallTime(now))
        record.phase = .completed
        record.baseline = nil
        record.endedAt = record.startedAt
        record.reason = "what was published at first"
        rollouts.begin(Rollout(stored: record, members: RolloutMembers()))
        _ = rollouts.end()
        unwritten.rollouts.records[record.id] = record
    }

    /// Takes note of what is not published any longer.
    mutating func noticeUnpublished(_ now: MonotonicTime) -> [ManagerEffect] {
        guard var rollout = rollouts.active else { return [] }
        func isOffered(_ version: InterfaceVersion) -> Bool {
            offers.contains { $0.version.kind == version.kind && $0.version.version == version.version }
        }
        var effects: [RolloutEffect] = []
        if !isOffered(rollout.target) {
            effects += rollout.revoked(rollout.target, alternative: rollout.record.baseline)
        }
        if let baseline = rollout.record.baseline, !isOffered(baseline) {
            effects += rollout.revoked(baseline, alternative: versionBefore(rollout.target))
        }
        rollouts.active = rollout
        return effects.isEmpty ? [] : carryOut(effects, now)
    }

    // MARK: Exploration

    /// Outside rollouts a few instances may be the first to try what is not known.
    private mutating func lookForExplorers(_ now: MonotonicTime) -> [ManagerEffect] {
        guard rollouts.lastLook.map({ now - $0 >= Self.lookInterval }) ?? true, let newest = offers.last else {
            return []
        }
        rollouts.lastLook = now
        rollouts.explorers = Explorers(
            among: instanceIndex.keys, of: newest.version, share: configuration.exploration)
        return []
    }
}

extension RolloutWrite.MemberChange {
    fileprivate init(clearing: Bool) {
        self.init()
        isCleared = clearing
    }
}
