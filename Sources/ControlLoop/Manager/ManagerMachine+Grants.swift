import AllocationCore
import FleetModel
import SessionCore
import TelemetryCore

/// Grants from their decision to their end: what is said of them to the store, the GPU server and the agent, and what
/// these say.
extension ManagerMachine {
    // MARK: Beginning and goals

    /// A new grant, charged to the pool by the plan that decided it; nil where there is no such instance.
    @discardableResult
    mutating func begin(
        _ instance: InstanceID, on device: DeviceID, slice: Slice?, version: InterfaceVersion, now: MonotonicTime
    ) -> GrantID? {
        guard let record = record(of: instance) else { return nil }
        let id = GrantID(rawValue: nextGrant)
        nextGrant += 1
        var ticket = SessionTicket(high: random.next(), low: random.next())
        if configuration.bugs.contains(.reuseTicket) { ticket = SessionTicket(high: 1, low: 1) }
        let stored = StoredGrant(
            grant: id, instance: record.description, agent: record.agent, device: device, slice: slice ?? .zero,
            epoch: nextEpoch(), ticket: ticket, version: version)
        var grant = GrantRecord(
            stored: stored, place: instanceIndex[instance],
            lifecycle: GrantLifecycle(goal: slice == nil ? .warm : .reserved),
            charge: slice.map { .slice($0) } ?? .warm, unusedSince: now)
        grant.begun = now
        grant.client = clientVersion(of: record, with: version)
        grant.library = record.library
        grants.insert(grant)
        update(instance) { $0.grants.append(id) }
        totals.grants += 1
        store(id)
        return id
    }

    mutating func recover(_ stored: StoredGrant, now: MonotonicTime) {
        let goal: GrantLifecycle.Goal = stored.slice.memory > .zero ? .reserved : .warm
        grants.insert(
            GrantRecord(stored: stored, lifecycle: GrantLifecycle(recovered: goal), charge: .none, unusedSince: now))
        orphans[stored.instance.id, default: []].append(stored.grant)
        unlinkedAgents.insert(stored.agent)
        unlinkedServers.insert(stored.device.server)
    }

    /// Charges what was recovered from the store, once the size of its device is known.
    mutating func chargeRecovered(at server: GPUServerID) {
        for id in grants.grants(on: server) {
            guard let grant = grants[id], grant.charge == .none, grant.lifecycle.server != .released
            else { continue }
            charge(id, grant.stored.slice.memory > .zero ? .slice(grant.stored.slice) : .warm)
        }
    }

    /// Raises a grant to a reservation of `slice`; the pool has been charged by the plan.
    mutating func raise(_ id: GrantID, to slice: Slice, now: MonotonicTime) {
        guard grants.change(id, { $0.lifecycle.want(.reserved, needsCommit: true) }) == true else { return }
        let epoch = nextEpoch()
        grants.change(id) { grant in
            grant.stored.slice = slice
            grant.stored.epoch = epoch
            grant.charge = .slice(slice)
            grant.unusedSince = now
            grant.lifecycle.sliceChanged()
        }
        store(id)
    }

    /// Gives the memory of an unused reservation back and keeps the session warm.
    mutating func lower(_ id: GrantID, _ reason: ReclaimReason, now: MonotonicTime) -> [ManagerEffect] {
        guard let grant = grants[id] else { return [] }
        grants[id]?.charge = .lowering(grant.stored.slice)
        guard grants[id]?.lifecycle.want(.warm) == true else {
            charge(id, .slice(grant.stored.slice))
            return []
        }
        grants.touch(id)
        grants[id]?.unusedSince = now
        totals.reclaimed += 1
        let cause = reason == .preempted ? "its memory is taken for another" : "not used within its grace period"
        return [event(.reclaimed, at: now, grant, "\(cause), kept warm")]
    }

    /// Takes a grant back; a request that it was for waits for another.
    mutating func release(_ id: GrantID, _ reason: ReclaimReason, now: MonotonicTime) -> [ManagerEffect] {
        guard let grant = grants[id], !grant.lifecycle.isReleasing else { return [] }
        if configuration.bugs.contains(.releaseAttached), grant.lifecycle.isAttached, reason != .instanceGone {
            grants[id]?.lifecycle.agentReleased()
        }
        guard grants[id]?.lifecycle.want(.released(reason)) == true else { return [] }
        serveElsewhere(id)
        grants.touch(id)
        if configuration.bugs.contains(.freeBeforeConfirmation) { charge(id, .none) }
        // Of a session's end the GPU server tells.
        guard reason != .sessionEnded else { return [] }
        totals.reclaimed += 1
        return [event(.reclaimed, at: now, grant, reason.rawValue)]
    }

    // MARK: What is said

    /// Sends what brings each grant of which something is new nearer to its goal; at a step, each that is not settled.
    mutating func steer(_ now: MonotonicTime) -> [ManagerEffect] {
        guard !hasResigned else { return [] }
        var effects: [ManagerEffect] = []
        for id in grants.takeTouched() {
            // Read and changed where it lies: each copy of a record would count all of its references.
            let ends = grants.read(id) { (agent: $0.pointee.stored.agent, server: $0.pointee.stored.device.server) }
            guard let ends else { continue }
            let reach = GrantLifecycle.Reach(
                server: serverLink(ends.server) != nil, agent: agentLink(ends.agent) != nil,
                agentLapsed: hasLapsed(ends.agent, now))
            let steps = grants.change(id) { $0.lifecycle.nextSteps(at: now, reach: reach) } ?? []
            for step in steps { effects += carryOut(step, id, now: now) }
            let isSettled = grants.read(id) { $0.pointee.lifecycle.isSettled }
            if let isSettled { grants.settle(id, isSettled: isSettled) }
        }
        return effects
    }

    private mutating func carryOut(
        _ step: GrantLifecycle.Step, _ id: GrantID, now: MonotonicTime
    ) -> [ManagerEffect] {
        switch step {
        case .commandServer(let goal):
            guard let stored = grants.read(id, { $0.pointee.stored }), let link = serverLink(stored.device.server)
            else { return [] }
            stepBegins(id, goal, now: now)
            return [command(stored, goal, on: link)]
        case .notifyAgent(let level):
            guard let grant = grants[id], let link = agentLink(grant.stored.agent),
                case .holds(_, let endpoint) = grant.lifecycle.server
            else { return [] }
            let epoch = nextEpoch()
            grants.change(id) { $0.notified = (epoch, level) }
            let notification = AllocationNotification(
                grant: id, instance: grant.stored.instance.id, level: level,
                slice: level == .reserved ? grant.stored.slice : .zero, endpoint: endpoint,
                version: clientVersion(of: grant),
                ticket: grant.stored.ticket, epoch: epoch,
                timeToLive: configuration.timeToLive, request: grant.request)
            return [.sendToAgent(.allocation(notification), link)]
        case .withdrawFromAgent(let reason):
            guard let agent = grants.read(id, { $0.pointee.stored.agent }), let link = agentLink(agent)
            else { return [] }
            let epoch = nextEpoch()
            grants.change(id) { $0.notified = (epoch, .cold) }
            return [.sendToAgent(.withdrawal(AllocationWithdrawal(grant: id, epoch: epoch, reason: reason)), link)]
        case .forget:
            forget(id)
            return []
        }
    }

    mutating func command(_ stored: StoredGrant, _ goal: GrantCommand.Goal, on link: LinkID) -> ManagerEffect {
        let epoch = nextEpoch()
        grants.change(stored.grant) { $0.commanded = (epoch, goal) }
        return .sendToServer(
            .command(
                GrantCommand(
                    grant: stored.grant, instance: stored.instance.id, device: stored.device, epoch: epoch, goal: goal,
                    slice: stored.slice, ticket: stored.ticket, version: stored.version,
                    timeToLive: configuration.timeToLive)), link)
    }

    mutating func forget(_ id: GrantID) {
        serveElsewhere(id)
        guard let grant = grants[id] else { return }
        charge(id, .none)
        // Others of its set may go where it was.
        if !requests.isEmpty, grant.stored.instance.set != nil { freedDevices.insert(grant.stored.device) }
        grants.remove(id)
        unwritten.upserts.remove(id)
        unwritten.removals.insert(id)
        update(grant.stored.instance.id) { record in record.grants.removeAll { $0 == id } }
        forgetIfDone(grant.stored.instance.id)
        // Those that were never seen since a restart, and of which nothing is left.
        let (agent, server) = (grant.stored.agent, grant.stored.device.server)
        if agents[agent] == nil, grants.grants(of: agent).isEmpty { unlinkedAgents.remove(agent) }
        if servers[server] == nil, grants.grants(on: server).isEmpty { unlinkedServers.remove(server) }
    }

    // MARK: What is heard

    mutating func answered(
        _ answer: GrantCommandAnswer, by server: GPUServerID, now: MonotonicTime
    ) -> [ManagerEffect] {
        if case .refusedStale(let seen) = answer.outcome {
            guard seen.term <= term else { return resign(seen: seen.term) }
            epoch = max(epoch, seen)
        }
        guard let grant = grants[answer.grant], let commanded = grant.commanded, commanded.epoch == answer.epoch
        else { return [] }
        grants.touch(answer.grant)
        switch answer.outcome {
        case .inForce(let endpoint):
            obeyed(answer.epoch, by: grant.stored.device)
            return inForce(answer.grant, commanded.goal, endpoint, now: now)
        case .refusedStale:
            grants[answer.grant]?.lifecycle.serverReconnected()
            return []
        case .refusedAttached:
            markAttached(answer.grant)
            return []
        case .refusedMemory(let free):
            return failed(answer.grant, "\(grant.stored.device) has only \(free.rawValue >> 20) MiB free", now: now)
        case .failed(let reason):
            let effects = failed(answer.grant, reason, now: now)
            guard isDoubtful(grant.stored.instance.id) else { return effects }
            return effects + doubt(grant.stored.version, on: server, now: now)
        }
    }

    private mutating func obeyed(_ epoch: Epoch, by device: DeviceID) {
        guard let newest = servers[device.server]?.obeyed, newest.indices.contains(device.index) else { return }
        servers[device.server]?.obeyed[device.index] = max(newest[device.index], epoch)
    }

    private mutating func inForce(
        _ id: GrantID, _ goal: GrantCommand.Goal, _ endpoint: SessionEndpoint?, now: MonotonicTime
    ) -> [ManagerEffect] {
        guard let grant = grants[id] else { return [] }
        switch goal {
        case .warm:
            grants[id]?.lifecycle.serverHolds(.warm, endpoint: endpoint)
            if grant.lifecycle.goal == .warm { charge(id, .warm) }
            if grant.stored.slice != .zero, grant.lifecycle.goal == .warm {
                // The store may go on holding the slice for a while: after a restart it is lowered once more.
                grants[id]?.stored.slice = .zero
                unwritten.upserts.insert(id)
            }
            return [event(.prepared, at: now, grant, "warm session at \(endpoint?.description ?? "?")")]
        case .reserved:
            grants[id]?.lifecycle.serverHolds(.reserved, endpoint: endpoint)
            return [event(.reserved, at: now, grant, "\(grant.stored.slice.memory.rawValue >> 20) MiB set aside")]
        case .released, .taken:
            let isTaken = goal == .taken && grant.lifecycle.isAttached
            if grant.lifecycle.isReleasing {
                grants[id]?.lifecycle.serverReleased()
            } else {
                grants[id]?.lifecycle.ended(isTaken ? .taken : .serverFailed)
            }
            charge(id, .none)
            guard isTaken else { return [] }
            totals.taken += 1
            sessionIsOver(grant.stored.instance.id, now)
            return [event(.reclaimed, at: now, grant, ReclaimReason.taken.rawValue)]
        }
    }

    /// A command could not be carried out: the grant is given up, and a request that waits for it is served anew.
    private mutating func failed(_ id: GrantID, _ reason: String, now: MonotonicTime) -> [ManagerEffect] {
        guard let grant = grants[id] else { return [] }
        grants[id]?.lifecycle.serverRefused()
        noteFailed(id)
        var effects = [event(.failure, at: now, grant, reason)]
        update(grant.stored.instance.id) { record in
            let pause = min(Double(1 << min(record.failures, 8)), Self.longestPauseSeconds)
            record.failures += 1
            record.pausedUntil = now + .seconds(pause)
        }
        effects += release(id, .openFailed, now: now)
        return effects
    }

    /// Whether a second session in a row could not be opened: one of the ends may not have the version that it is believed to
    /// have.
    private func isDoubtful(_ instance: InstanceID) -> Bool { record(of: instance)?.failures ?? 0 > 1 }

    /// How long an instance whose sessions fail to open is left alone at most, with requests that wait; the first time it is
    /// a second, and each time twice as long.
    private static let longestPauseSeconds = 8.0

    /// A request that a grant was for waits for another, as long as its program may be there.
    private mutating func serveElsewhere(_ id: GrantID) {
        guard let grant = grants[id], let request = grant.request else { return }
        grants[id]?.request = nil
        let agent = grant.stored.agent
        guard agentLink(agent) != nil, let instance = record(of: grant.stored.instance.id), !instance.isGone,
            instance.agent == agent
        else { return }
        wait(
            GPURequest(request: request, instance: instance.description.id, together: grant.together), of: agent,
            since: grant.askedSince)
    }

    mutating func ended(_ end: GrantEnd, at server: GPUServerID, now: MonotonicTime) -> [ManagerEffect] {
        let (id, reason) = (end.grant, end.reason)
        guard let grant = grants[id], grant.stored.device.server == server else { return [] }
        grants[id]?.lifecycle.ended(reason)
        charge(id, .none)
        grants.touch(id)
        if isCrash(end, of: grant) { noteCrashed(grant) }
        if reason == .sessionEnded { sessionLasted(grant, now) }
        if reason == .taken { totals.taken += 1 }
        if reason == .sessionEnded || reason == .taken || end.wasInUse {
            sessionIsOver(grant.stored.instance.id, now)
        } else {
            update(grant.stored.instance.id) { $0.intake.recordEndOfGPUUse(receivedAt: now) }
        }
        guard !grant.lifecycle.isReleasing else { return [] }
        let how = end.worker.map { $0.isCrash || $0 == .overran ? ": its worker \($0)" : "" } ?? ""
        return [event(.reclaimed, at: now, grant, reason.rawValue + how)]
    }

    /// Whether a session's end counts against its version. A GPU server that does not say how the worker ended takes one whose
    /// holder has closed it for one that failed: what was on its way back is not counted then.
    private func isCrash(_ end: GrantEnd, of grant: GrantRecord) -> Bool {
        end.worker?.isCrash ?? (end.reason == .serverFailed && !grant.lifecycle.isReleasing)
    }

    private mutating func sessionIsOver(_ instance: InstanceID, _ now: MonotonicTime) {
        update(instance) {
            $0.intake.recordEndOfGPUUse(receivedAt: now)
            $0.sessionEnded = now
        }
    }

    /// What a GPU server lists of a grant that is known.
    mutating func learn(_ held: HeldGrant) {
        let found = grants.change(held.grant) { grant in
            grant.missing = 0
            grant.usedMemory = held.usedMemory
            grant.activity = held.activity
            return held.level == .attached && !grant.lifecycle.isAttached || grant.lifecycle.server == .unknown
        }
        guard let isNews = found else { return }
        learnWarm(held)
        if !held.activity.capabilities.isEmpty { learnNeeds(held) }
        guard isNews, let grant = grants[held.grant] else { return }
        if held.level == .attached, !grant.lifecycle.isAttached {
            grants[held.grant]?.lifecycle.serverHolds(.attached, endpoint: held.endpoint)
            markAttached(held.grant)
        } else if grant.lifecycle.server == .unknown {
            grants[held.grant]?.lifecycle.serverHolds(held.level, endpoint: held.endpoint)
            // A larger slice may have been committed and not commanded before its manager ended.
            if held.slice != grant.stored.slice { grants[held.grant]?.lifecycle.sliceChanged() }
            grants.touch(held.grant)
        }
    }

    mutating func acknowledged(
        _ acknowledgement: NotificationAcknowledgement, by agent: AgentID, now: MonotonicTime
    ) -> [ManagerEffect] {
        let id = acknowledgement.grant
        guard let grant = grants[id], grant.stored.agent == agent else {
            // The grant is over already; the request that it served is not to be served again.
            if case .handedOver(let request?) = acknowledgement.outcome { cancelled(request, by: agent) }
            return []
        }
        grants.touch(id)
        let isCurrent = grant.notified?.epoch == acknowledgement.epoch
        switch acknowledgement.outcome {
        case .ready:
            guard isCurrent, let level = grant.notified?.level, level != .cold else { return [] }
            stepEnded(id, at: level, now: now)
            grants[id]?.lifecycle.agentReady(level)
            noteOpened(id, now: now)
            update(grant.stored.instance.id) { $0.failures = 0 }
            // Held, not handed over: the program that the notification named is no longer waiting, or waits for more.
            if level == .reserved, grant.together == 1 { grants[id]?.request = nil }
            return []
        case .handedOver(let request):
            stepEnded(id, at: .attached, now: now)
            // It went to another program than the one that it was set aside for.
            if let request, request != grant.request { serveElsewhere(id) }
            grants[id]?.attachedSince = grant.attachedSince ?? now
            if !grant.lifecycle.isAttached { countHandOver(request, grant) }
            noteOpened(id, now: now)
            markAttached(id)
            grants[id]?.request = nil
            // What was being prepared for this program beside it is for nobody now.
            if let request { cancelled(request, by: agent, of: grant.stored.instance.id) }
            return [event(.attached, at: now, grant, request.map { "handed over for \($0)" } ?? "")]
        case .failed(let reason):
            guard isCurrent else { return [] }
            grants[id]?.lifecycle.agentReleased()
            let effects = failed(id, reason, now: now)
            guard isDoubtful(grant.stored.instance.id) else { return effects }
            return effects + doubt(clientVersion(of: grant), on: agent, now: now)
        case .released:
            guard isCurrent || !grant.lifecycle.isAttached else { return [] }
            grants[id]?.lifecycle.agentReleased()
            return release(id, .leaseExpired, now: now)
        case .ended:
            grants[id]?.lifecycle.agentReleased()
            return release(id, .sessionEnded, now: now)
        }
    }

    /// A program holds the session: whatever was under way to take its slice back is off.
    private mutating func markAttached(_ id: GrantID) {
        guard let grant = grants[id] else { return }
        grants[id]?.lifecycle.attached()
        grants.touch(id)
        if case .lowering(let slice) = grant.charge { charge(id, .slice(slice)) }
    }

    /// Compares what an agent says that it holds with what it was told to hold.
    mutating func reconcile(_ held: [HeldSession], heldBy agent: AgentID) {
        let states = Dictionary(held.map { ($0.grant, $0.state) }, uniquingKeysWith: { first, _ in first })
        for id in grants.grants(of: agent) {
            guard let grant = grants[id] else { continue }
            switch states[id] {
            case .handedOver:
                if !grant.lifecycle.isAttached, grant.lifecycle.server != .released {
                    markAttached(id)
                }
            case .opening, .held:
                break
            case nil:
                // A session that was ready and is not there was lost on the way; it is notified again.
                if grant.lifecycle.wasReady, grant.notified?.level != .cold {
                    grants[id]?.lifecycle.agentHoldsNothing()
                    grants.touch(id)
                }
            }
        }
    }

    // MARK: Pool and store

    /// What the pool counts for a grant.
    mutating func charge(_ id: GrantID, _ charge: GrantRecord.Charge) {
        guard let grant = grants[id], grant.charge != charge else { return }
        freedDevices.insert(grant.stored.device)
        switch grant.charge {
        case .none: break
        case .warm: pool.closeWarm(on: grant.stored.device)
        case .slice(let slice): pool.free(slice, on: grant.stored.device)
        case .lowering(let slice):
            pool.free(slice, on: grant.stored.device)
            pool.closeWarm(on: grant.stored.device)
        }
        grants[id]?.charge = charge
        switch charge {
        case .none: break
        case .warm: pool.adoptWarm(on: grant.stored.device)
        case .slice(let slice), .lowering(let slice):
            // A device that shrank below what it holds: the GPU server refuses, the pool counts what it can.
            do { try pool.adopt(slice, on: grant.stored.device) } catch { grants[id]?.charge = .none }
        }
    }

    mutating func store(_ id: GrantID) {
        unwritten.upserts.insert(id)
        grants.touch(id)
        if configuration.bugs.contains(.acknowledgeBeforeCommit) { grants[id]?.lifecycle.committed() }
    }

    /// Writes what has changed since the last commit, as one transaction; there is at most one under way.
    mutating func write() -> [ManagerEffect] {
        guard underWay == nil, !unwritten.isEmpty, !hasResigned else { return [] }
        let transaction = StoreTransaction(
            expectedRevision: revision, term: term, nextGrant: nextGrant,
            upserts: unwritten.upserts.sorted().compactMap { grants[$0]?.stored },
            removals: unwritten.removals.sorted(), rules: unwritten.rules ? setRules : nil,
            orders: unwritten.orders ? orders : nil, rollouts: unwritten.rollouts.isEmpty ? nil : unwritten.rollouts)
        unwritten = UnwrittenGrants()
        underWay = transaction
        return [.persist(transaction)]
    }

    mutating func storeAnswered(_ outcome: CommitOutcome) -> [ManagerEffect] {
        guard let transaction = underWay else { return [] }
        switch outcome {
        case .committed(let newRevision):
            revision = newRevision
            underWay = nil
            for stored in transaction.upserts where grants[stored.grant]?.stored == stored {
                grants[stored.grant]?.lifecycle.committed()
                grants.touch(stored.grant)
            }
            return []
        case .conflict(let conflict):
            return resign(seen: conflict.term)
        case .unknown:
            return [.reloadStore]
        }
    }

    /// After a commit whose reply was lost, the store itself says whether it took effect.
    mutating func storeReloaded(_ fleet: StoredFleet) -> [ManagerEffect] {
        guard let transaction = underWay else { return [] }
        guard fleet.term == term else { return resign(seen: fleet.term) }
        if fleet.revision == transaction.expectedRevision { return [.persist(transaction)] }
        return storeAnswered(.committed(revision: fleet.revision))
    }
}
