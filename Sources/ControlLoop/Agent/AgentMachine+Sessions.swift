import FleetModel
import SessionCore

/// Notifications, sessions, and the programs that ask for them.
extension AgentMachine {
    mutating func received(_ message: ManagerToAgentMessage, now: MonotonicTime) -> [AgentEffect] {
        guard isLinked else { return [] }
        switch message {
        case .welcome:
            return []
        case .allocation(let notification):
            return notified(notification, now: now)
        case .withdrawal(let withdrawal):
            return withdrawn(withdrawal)
        case .requestRefused(let request, let reason):
            guard waiting.removeValue(forKey: request) != nil else { return [] }
            return [.refuse(request, reason: reason)]
        case .heartbeatAcknowledged:
            // In-place renewal: the order of visiting does not show.
            for grant in sessions.keys {
                let timeToLive = sessions[grant]?.notification.timeToLive ?? .zero
                sessions[grant]?.lease.renew(at: now, timeToLive: timeToLive)
            }
            return []
        case .prepareInterface(let version, let source):
            if installed.contains(version) { return [.send(.interfaceInstalled(version))] }
            return [.installInterface(version, source: source)]
        }
    }

    private mutating func notified(_ notification: AllocationNotification, now: MonotonicTime) -> [AgentEffect] {
        guard let session = sessions[notification.grant] else { return open(notification, now: now) }
        guard notification.epoch >= session.notification.epoch else { return [] }
        sessions[notification.grant]?.notification = notification
        sessions[notification.grant]?.lease.renew(at: now, timeToLive: notification.timeToLive)
        switch session.state {
        case .opening:
            return []
        case .handedOver:
            return [acknowledge(notification, .handedOver(nil))]
        case .held:
            return ready(notification)
        }
    }

    private mutating func open(_ notification: AllocationNotification, now: MonotonicTime) -> [AgentEffect] {
        guard instances[notification.instance] != nil else {
            return [acknowledge(notification, .failed("no instance \(notification.instance) here"))]
        }
        guard installed.contains(notification.version) || configuration.bugs.contains(.ignoreSharedVersion) else {
            return [acknowledge(notification, .failed("\(notification.version) is not installed here"))]
        }
        sessions[notification.grant] = HeldByAgent(
            notification: notification, state: .opening,
            lease: Lease(from: now, timeToLive: notification.timeToLive))
        return [.openSession(notification)]
    }

    /// A held session is at the level of its newest notification: say so, and serve who waits for it.
    private mutating func ready(_ notification: AllocationNotification) -> [AgentEffect] {
        let served =
            waiting[notification.request ?? RequestID(rawValue: .max)]?.instance == notification.instance
            ? notification.request
            : waiting.keys.sorted().first { waiting[$0]?.instance == notification.instance }
        guard notification.level == .reserved, let request = served,
            let program = waiting.removeValue(forKey: request)
        else { return [acknowledge(notification, .ready)] }
        return handOver(notification.grant, to: request, found: program.found)
    }

    private mutating func handOver(
        _ grant: GrantID, to request: RequestID, found: Readiness
    ) -> [AgentEffect] {
        guard let session = sessions[grant] else { return [] }
        if !configuration.bugs.contains(.handOverTwice) { sessions[grant]?.state = .handedOver(request) }
        return [
            .handOver(grant, request, found: found),
            acknowledge(session.notification, .handedOver(request)),
        ]
    }

    private mutating func withdrawn(_ withdrawal: AllocationWithdrawal) -> [AgentEffect] {
        let released = AgentEffect.send(
            .acknowledged(
                NotificationAcknowledgement(
                    grant: withdrawal.grant, epoch: withdrawal.epoch, outcome: .released)))
        guard let session = sessions[withdrawal.grant] else { return [released] }
        guard withdrawal.epoch >= session.notification.epoch else { return [] }
        if case .handedOver = session.state, !withdrawal.reason.isEndOfSession {
            var notification = session.notification
            notification.epoch = withdrawal.epoch
            return [acknowledge(notification, .handedOver(nil))]
        }
        sessions[withdrawal.grant] = nil
        if case .handedOver = session.state { return [released] }
        return [.closeSession(withdrawal.grant), released]
    }

    mutating func sessionOpened(_ grant: GrantID) -> [AgentEffect] {
        guard let session = sessions[grant], session.state == .opening else { return [.closeSession(grant)] }
        sessions[grant]?.state = .held
        return ready(session.notification)
    }

    mutating func sessionFailed(_ grant: GrantID, _ reason: String, now: MonotonicTime) -> [AgentEffect] {
        guard let session = sessions[grant] else { return [] }
        if case .handedOver = session.state { return [] }
        sessions[grant] = nil
        return [
            acknowledge(session.notification, .failed(reason)),
            .record(
                FleetEvent(
                    at: now, kind: .failure, instance: session.notification.instance, grant: grant, detail: reason)),
        ]
    }

    mutating func programAsked(
        _ request: RequestID, _ instance: InstanceID, now: MonotonicTime
    ) -> [AgentEffect] {
        guard instances[instance] != nil else {
            return [.refuse(request, reason: "this agent knows no instance \(instance)")]
        }
        guard waiting.count < configuration.maximumWaiting else {
            return [.refuse(request, reason: "\(waiting.count) programs wait for a GPU, the most that may")]
        }
        let least: Readiness = configuration.bugs.contains(.handOverWarm) ? .warm : .reserved
        let prepared = sessions.keys.sorted().first { grant in
            guard let session = sessions[grant], session.state == .held else { return false }
            return session.notification.instance == instance && session.notification.level >= least
                && !session.lease.isOver(at: now)
        }
        if let prepared { return handOver(prepared, to: request, found: .reserved) }
        waiting[request] = WaitingProgram(
            instance: instance, found: readiness(of: instance),
            patience: Lease(from: now, timeToLive: configuration.requestPatience))
        return [.send(.gpuRequested(GPURequest(request: request, instance: instance)))]
    }

    mutating func programLeft(_ request: RequestID) -> [AgentEffect] {
        if waiting.removeValue(forKey: request) != nil { return [.send(.gpuRequestCancelled(request))] }
        guard let grant = sessions.keys.sorted().first(where: { sessions[$0]?.state == .handedOver(request) }),
            let session = sessions.removeValue(forKey: grant)
        else { return [] }
        return [acknowledge(session.notification, .ended)]
    }

    func acknowledge(
        _ notification: AllocationNotification, _ outcome: NotificationAcknowledgement.Outcome
    ) -> AgentEffect {
        .send(
            .acknowledged(
                NotificationAcknowledgement(
                    grant: notification.grant, epoch: notification.epoch, outcome: outcome)))
    }
}
