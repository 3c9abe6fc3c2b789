import FleetModel
import SessionCore

/// Commands of the manager: fenced, made durable, carried out, answered.
extension GPUServerMachine {
    mutating func received(_ message: ManagerToGPUServerMessage, now: MonotonicTime) -> [GPUServerEffect] {
        guard isLinked else { return [] }
        switch message {
        case .welcome(let welcome):
            return welcomed(welcome)
        case .heartbeatAcknowledged:
            return []
        case .command(let command):
            return received(command, now: now)
        case .renew(let epoch, let renewed, let timeToLive):
            renew(renewed, epoch: epoch, timeToLive: timeToLive, now: now)
            return []
        case .prepareInterface(let version, let sources):
            if installed.contains(version), !sources.testsAnew { return [.send(.interfaceInstalled(version))] }
            return [.installInterface(version, from: sources)]
        }
    }

    /// A manager of a new term takes this server's word for what it holds only when no manager before it is obeyed any
    /// more: the fences are raised, and the server introduces itself again once they are durable.
    private mutating func welcomed(_ welcome: ManagerWelcome) -> [GPUServerEffect] {
        let term = min(welcome.term, UInt64.max - 1)
        var effects: [GPUServerEffect] = []
        for index in fences.indices {
            guard let bound = fences[index].termBegan(term) else { continue }
            effects.append(.persistEpoch(configuration.devices[index].id, bound))
        }
        awaitedTerm = introducedTerm < term ? term : nil
        // At once where they have become durable since the hello: on their way when the link before this one broke.
        return effects + introduceAgain()
    }

    private mutating func received(_ command: GrantCommand, now: MonotonicTime) -> [GPUServerEffect] {
        let index = command.device.index
        guard device(command.device) != nil else {
            return [answer(command, .failed("this server has no device \(command.device)"))]
        }
        if configuration.bugs.contains(.noEpochCheck) { return carryOut(command, now: now) }
        switch fences[index].commandReceived(command.epoch) {
        case .refuse(let seen):
            return [answer(command, .refusedStale(seen: seen))]
        case .obey:
            return carryOut(command, now: now)
        case .obeyOnceDurable(let bound):
            if configuration.bugs.contains(.epochNotDurable) { return carryOut(command, now: now) }
            guard waiting[index].count < Self.maximumWaiting else {
                return [answer(command, .failed("\(Self.maximumWaiting) commands wait for a durable epoch"))]
            }
            waiting[index].append(command)
            // Asked for again with each command: a bound that is on its way may be older than this epoch.
            return [.persistEpoch(command.device, bound)]
        }
    }

    mutating func epochPersisted(_ device: DeviceID, _ bound: Epoch, now: MonotonicTime) -> [GPUServerEffect] {
        guard self.device(device) != nil else { return [] }
        fences[device.index].bound(made: bound)
        let commands = waiting[device.index]
        waiting[device.index] = []
        // The fence may have moved on while they waited: each is fenced again.
        return introduceAgain() + commands.flatMap { received($0, now: now) }
    }

    private mutating func introduceAgain() -> [GPUServerEffect] {
        guard isLinked, let term = awaitedTerm, fences.allSatisfy({ $0.durableBound.term >= term }) else { return [] }
        awaitedTerm = nil
        return [hello()]
    }

    private mutating func carryOut(_ command: GrantCommand, now: MonotonicTime) -> [GPUServerEffect] {
        guard let grant = grants[command.grant] else { return begin(command, now: now) }
        guard grant.device == command.device, grant.instance == command.instance else {
            return [answer(command, .failed("\(command.grant) is held for \(grant.instance) on \(grant.device)"))]
        }
        switch (grant.phase, command.goal) {
        case (.stopping, .released), (.stopping, .taken):
            grants[command.grant]?.unanswered = command.epoch
            return []
        case (.stopping, _):
            return [answer(command, .failed("\(command.grant) is ending"))]
        case (.starting, .released), (.running, .released), (.starting, .taken), (.running, .taken):
            return release(grant, command)
        case (.starting, _):
            // A repeat, or a change of mind while the worker starts: the limit follows once it runs.
            return change(grant, command, endpoint: nil, now: now)
        case (.running(let endpoint), _):
            return change(grant, command, endpoint: endpoint, now: now)
        }
    }

    private mutating func begin(_ command: GrantCommand, now: MonotonicTime) -> [GPUServerEffect] {
        guard !command.goal.isEnd else { return [answer(command, .inForce(endpoint: nil))] }
        guard grants.count < configuration.maximumGrants else {
            return [answer(command, .failed("the server holds \(grants.count) sessions, the most that it may"))]
        }
        guard installed.contains(command.version) || configuration.bugs.contains(.ignoreSharedVersion) else {
            return [answer(command, .failed("\(command.version) is not installed here"))]
        }
        guard !ended.contains(command.grant) else { return [answer(command, .failed("\(command.grant) is over"))] }
        if let refusal = refuseForMemory(command, charged: .zero) { return [refusal] }
        grants[command.grant] = Grant(command: command, now: now)
        var start = command
        start.slice = command.enforcedSlice
        return [.startWorker(start)]
    }

    private mutating func change(
        _ grant: Grant, _ command: GrantCommand, endpoint: SessionEndpoint?, now: MonotonicTime
    ) -> [GPUServerEffect] {
        if grant.isAttached, command.enforcedSlice.memory < grant.chargedMemory {
            return [answer(command, .refusedAttached)]
        }
        if let refusal = refuseForMemory(command, charged: grant.chargedMemory) { return [refusal] }
        var changed = grant
        changed.epoch = command.epoch
        changed.goal = command.goal
        changed.wanted = command.enforcedSlice
        changed.timeToLive = command.timeToLive
        changed.lease.renew(at: now, timeToLive: command.timeToLive)
        guard let endpoint else {
            changed.unanswered = command.epoch
            grants[grant.id] = changed
            return []
        }
        if changed.enforced == changed.wanted {
            grants[grant.id] = changed
            return [answer(command, .inForce(endpoint: endpoint))]
        }
        changed.unanswered = command.epoch
        grants[grant.id] = changed
        return [.applyLimit(grant.id, changed.wanted)]
    }

    private mutating func release(_ grant: Grant, _ command: GrantCommand) -> [GPUServerEffect] {
        if grant.isAttached, command.goal != .taken, !configuration.bugs.contains(.releaseAttached) {
            return [answer(command, .refusedAttached)]
        }
        if configuration.bugs.contains(.keepReleased) { return [answer(command, .inForce(endpoint: nil))] }
        if configuration.bugs.contains(.releaseBeforeExit) {
            grants[grant.id] = nil
            return [.stopWorker(grant.id), answer(command, .inForce(endpoint: nil))]
        }
        grants[grant.id]?.phase = .stopping(command.goal == .taken ? .taken : .graceEnded)
        grants[grant.id]?.epoch = command.epoch
        grants[grant.id]?.goal = command.goal
        grants[grant.id]?.unanswered = command.epoch
        return [.stopWorker(grant.id)]
    }

    /// Forgets a grant of which nothing remains, but for the fact that it is over.
    mutating func remove(_ id: GrantID) -> Grant? {
        if ended.count == Self.maximumEnded { ended.removeFirst(Self.maximumEnded / 2) }
        ended.append(id)
        return grants.removeValue(forKey: id)
    }

    private func refuseForMemory(_ command: GrantCommand, charged: Bytes) -> GPUServerEffect? {
        let free = freeMemory(of: command.device) + charged
        guard command.enforcedSlice.memory > free, !configuration.bugs.contains(.noMemoryCheck) else { return nil }
        return answer(command, .refusedMemory(free: free))
    }

    private mutating func renew(
        _ renewed: [GrantID], epoch: Epoch, timeToLive: Duration, now: MonotonicTime
    ) {
        for id in renewed {
            guard let grant = grants[id], epoch.term >= fences[grant.device.index].seen.term else { continue }
            if configuration.bugs.contains(.renewAfterExpiry), grant.lease.isOver(at: now) {
                grants[id]?.lease = Lease(from: now, timeToLive: timeToLive)
            }
            grants[id]?.lease.renew(at: now, timeToLive: timeToLive)
        }
    }

    func answer(_ command: GrantCommand, _ outcome: GrantCommandAnswer.Outcome) -> GPUServerEffect {
        answer(command.grant, command.epoch, outcome)
    }

    func answer(_ grant: GrantID, _ epoch: Epoch, _ outcome: GrantCommandAnswer.Outcome) -> GPUServerEffect {
        .send(.commandAnswered(GrantCommandAnswer(grant: grant, epoch: epoch, outcome: outcome)))
    }
}
