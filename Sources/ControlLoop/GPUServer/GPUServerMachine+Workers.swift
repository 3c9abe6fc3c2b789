import FleetModel
import SessionCore

/// What workers report, leases, and the link to the manager.
extension GPUServerMachine {
    mutating func periodEnded(_ now: MonotonicTime) -> [GPUServerEffect] {
        var effects = endLapsed(now)
        if isLinked { effects.append(heartbeat(now)) }
        return effects
    }

    /// Ends what nobody has renewed and no program holds.
    private mutating func endLapsed(_ now: MonotonicTime) -> [GPUServerEffect] {
        guard !configuration.bugs.contains(.leaseNeverExpires) else { return [] }
        var effects: [GPUServerEffect] = []
        for id in grants.keys.sorted() {
            guard let grant = grants[id], !grant.isAttached, !grant.isStopping, grant.lease.isOver(at: now)
            else { continue }
            grants[id]?.phase = .stopping(.leaseExpired)
            effects.append(.stopWorker(id))
            effects.append(
                .record(
                    FleetEvent(
                        at: now, kind: .reclaimed, instance: grant.instance, grant: id, device: grant.device,
                        detail: "not renewed within \(grant.timeToLive.inSeconds) s")))
        }
        return effects
    }

    private mutating func heartbeat(_ now: MonotonicTime) -> GPUServerEffect {
        sequence += 1
        let held = grants.keys.sorted().compactMap { grants[$0]?.holding(now: now, since: lastHeartbeat) }
        // In-place resets: the order of visiting does not show.
        for id in grants.keys {
            grants[id]?.peakMemory = .zero
            if grants[id]?.busy != .zero { grants[id]?.processorTime = .zero }
            grants[id]?.busy = .zero
            grants[id]?.usage = SessionUsage()
        }
        lastHeartbeat = now
        return .send(.heartbeat(GPUServerHeartbeat(sequence: sequence, held: held)))
    }

    mutating func linkOpened() -> [GPUServerEffect] {
        isLinked = true
        return [hello()]
    }

    mutating func hello() -> GPUServerEffect {
        introducedTerm = fences.map(\.assured.term).min() ?? .max
        return .send(
            .hello(
                GPUServerHello(
                    server: configuration.server, softwareVersion: configuration.softwareVersion,
                    devices: configuration.devices, held: holdings(), epochs: fences.map(\.assured),
                    installed: installed, platform: configuration.platform, bundleSource: configuration.bundleSource,
                    host: configuration.host)))
    }

    mutating func linkClosed() -> [GPUServerEffect] {
        isLinked = false
        awaitedTerm = nil
        // What waits was asked for on this link; the next hello is complete only if nothing of it starts later.
        waiting = waiting.map { _ in [] }
        return []
    }

    mutating func workerStarted(_ id: GrantID, _ endpoint: SessionEndpoint) -> [GPUServerEffect] {
        // A grant that ended while its worker started: the shell was told to stop it.
        guard let grant = grants[id], grant.phase == .starting else { return [] }
        grants[id]?.phase = .running(endpoint)
        guard grant.enforced == grant.wanted else { return [.applyLimit(id, grant.wanted)] }
        return answerWaiting(id, endpoint)
    }

    mutating func limitApplied(_ id: GrantID, _ slice: Slice) -> [GPUServerEffect] {
        guard let grant = grants[id], case .running(let endpoint) = grant.phase else { return [] }
        grants[id]?.enforced = slice
        guard slice == grant.wanted else { return [] }
        return answerWaiting(id, endpoint)
    }

    private mutating func answerWaiting(_ id: GrantID, _ endpoint: SessionEndpoint) -> [GPUServerEffect] {
        guard let epoch = grants[id]?.unanswered else { return [] }
        grants[id]?.unanswered = nil
        return [answer(id, epoch, .inForce(endpoint: endpoint))]
    }

    mutating func workerFailed(_ id: GrantID, _ reason: String, now: MonotonicTime) -> [GPUServerEffect] {
        guard let grant = remove(id) else { return [] }
        var effects: [GPUServerEffect] = []
        if let epoch = grant.unanswered {
            effects.append(answer(id, epoch, grant.isStopping ? .inForce(endpoint: nil) : .failed(reason)))
        } else {
            effects.append(.send(.grantEnded(GrantEnd(id, .serverFailed))))
        }
        effects.append(
            .record(
                FleetEvent(
                    at: now, kind: .failure, instance: grant.instance, grant: id, device: grant.device,
                    detail: "the worker did not start: \(reason)")))
        return effects
    }

    mutating func workerReported(_ id: GrantID, _ status: WorkerStatus, now: MonotonicTime) -> [GPUServerEffect] {
        guard let grant = grants[id], !grant.isStopping else { return [] }
        let attaches = status.attached && !grant.isAttached
        grants[id]?.peakMemory = max(grant.peakMemory, status.peakMemory)
        grants[id]?.busy += status.busy
        grants[id]?.processorTime = min(grant.processorTime + status.processorTime, Grant.longestWait)
        grants[id]?.workerMemory = status.hostMemory
        grants[id]?.usage = grant.usage + status.usage
        if attaches { grants[id]?.isAttached = true }
        // An open connection under TCP keep-alive renews an attached session, whoever else is absent.
        if status.attached, status.connected { grants[id]?.lease.renew(at: now, timeToLive: grant.timeToLive) }
        return attaches && isLinked ? [heartbeat(now)] : []
    }

    mutating func workerExited(_ id: GrantID, _ end: WorkerEnd, now: MonotonicTime) -> [GPUServerEffect] {
        // Of what a session used since the last heartbeat nothing is heard once it is gone.
        let hasUse = grants[id].map { $0.isAttached && ($0.peakMemory > .zero || $0.busy > .zero) } ?? false
        let lastWords = hasUse && isLinked ? [heartbeat(now)] : []
        guard let grant = remove(id) else { return [] }
        return lastWords + exited(grant, end, now: now)
    }

    private func exited(_ grant: Grant, _ end: WorkerEnd, now: MonotonicTime) -> [GPUServerEffect] {
        let id = grant.id
        switch grant.phase {
        case .stopping(let reason):
            guard let epoch = grant.unanswered else {
                return [.send(.grantEnded(GrantEnd(id, reason, worker: end, wasInUse: grant.isAttached)))]
            }
            // A program whose worker crashes is gone at once, and its session may be called back before the crash is seen.
            let crash = GrantEnd(unasked: id, worker: end, wasInUse: grant.isAttached)
            return (end.isCrash ? [.send(.grantEnded(crash))] : []) + [answer(id, epoch, .inForce(endpoint: nil))]
        case .starting:
            let text = "the worker ended before it was ready"
            return grant.unanswered.map { [answer(id, $0, .failed(text))] }
                ?? [.send(.grantEnded(GrantEnd(id, .serverFailed, worker: end)))]
        case .running:
            return [
                .send(.grantEnded(GrantEnd(unasked: id, worker: end, wasInUse: grant.isAttached))),
                .record(
                    FleetEvent(
                        at: now, kind: end.isCrash ? .failure : .reclaimed, instance: grant.instance, grant: id,
                        device: grant.device, detail: Self.words(end, inUse: grant.isAttached))),
            ]
        }
    }

    private static func words(_ end: WorkerEnd, inUse: Bool) -> String {
        guard end == .closed else { return "the worker \(end)\(inUse ? ", in use" : "")" }
        return inUse ? "the session ended" : "the session was closed unused"
    }

    mutating func interfaceInstalled(_ version: InterfaceVersion, now: MonotonicTime) -> [GPUServerEffect] {
        if !installed.contains(version) { installed.append(version) }
        return [
            .send(.interfaceInstalled(version)),
            .record(FleetEvent(at: now, kind: .interfaceInstalled, detail: version.description)),
        ]
    }

    /// From here on no worker starts in the version; those that run go on.
    mutating func interfaceFailed(
        _ version: InterfaceVersion, _ reason: String, now: MonotonicTime
    ) -> [GPUServerEffect] {
        installed.removeAll { $0 == version }
        return [
            .send(.interfaceUnavailable(version, reason: reason)),
            .record(FleetEvent(at: now, kind: .failure, detail: "\(version) cannot be used: \(reason)")),
        ]
    }
}
