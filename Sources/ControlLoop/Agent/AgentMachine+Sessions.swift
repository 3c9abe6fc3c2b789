import FleetModel
import SessionCore

/// Notifications, sessions, and the programs that ask for them.
extension AgentMachine {
    mutating func received(_ message: ManagerToAgentMessage, now: MonotonicTime) -> [AgentEffect] {
        guard let contact else { return [] }
        switch message {
        case .welcome(let welcome):
            self.contact?.takesHeartbeatsInReports = welcome.takesHeartbeatsInReports
            return []
        case .allocation(let notification):
            return notified(notification, heardAt: contact.heardAt, now: now)
        case .withdrawal(let withdrawal):
            return withdrawn(withdrawal)
        case .notice(let notice):
            return noticed(notice, now: now)
        case .requestRefused(let request, let reason):
            guard waiting.removeValue(forKey: request) != nil else { return [] }
            return [.refuse(request, reason: reason)]
        case .heartbeatAcknowledged(let sequence):
            self.contact?.heartbeatAcknowledged(sequence)
            for grant in sessions.keys { renew(grant, now: now) }
            return []
        case .prepareInterface(let version, let sources):
            if installed.contains(version) { return [.send(.interfaceInstalled(version))] }
            return [.installInterface(version, from: sources)]
        case .useInterface(let version, let instances):
            return installed.contains(version) ? instances.map { .useInterface(version, $0) } : []
        }
    }

    private mutating func notified(
        _ notification: AllocationNotification, heardAt: MonotonicTime, now: MonotonicTime
    ) -> [AgentEffect] {
        guard let session = sessions[notification.grant] else {
            return open(notification, Lease(from: heardAt, timeToLive: notification.timeToLive), now: now)
        }
        guard notification.epoch >= session.notification.epoch else { return [] }
        if hasLapsed(notification.grant, now) { return lapse(notification.grant, now) }
        // Its connection was opened as a client of one version, and is that whatever the manager would open it as now.
        var notification = notification
        notification.version = session.notification.version
        sessions[notification.grant]?.notification = notification
        renew(notification.grant, now: now)
        switch session.state {
        case .opening:
            return []
        case .handedOver:
            return [acknowledge(notification, .handedOver(nil))]
        case .held:
            return ready(notification)
        }
    }

    /// Moves a session's lease to one time to live after the manager is known to have heard the agent.
    private mutating func renew(_ grant: GrantID, now: MonotonicTime) {
        guard let session = sessions[grant], let contact, !session.lease.isOver(at: now) else { return }
        sessions[grant]?.lease.renew(at: contact.heardAt, timeToLive: session.notification.timeToLive)
    }

    private mutating func open(
        _ notification: AllocationNotification, _ lease: Lease, now: MonotonicTime
    ) -> [AgentEffect] {
        guard instances[notification.instance] != nil else {
            return [acknowledge(notification, .failed("no instance \(notification.instance) here"))]
        }
        guard installed.contains(notification.version) || configuration.bugs.contains(.ignoreSharedVersion) else {
            return [acknowledge(notification, .failed("\(notification.version) is not installed here"))]
        }
        guard !lease.isOver(at: now) else {
            return [acknowledge(notification, .failed("the notification was read after its time to live"))]
        }
        sessions[notification.grant] = HeldByAgent(notification: notification, state: .opening, lease: lease)
        return [.openSession(notification)]
    }

    /// A held session is at the level of its newest notification: say so, and serve who waits for it.
    private mutating func ready(_ notification: AllocationNotification) -> [AgentEffect] {
        guard notification.level == .reserved else { return [acknowledge(notification, .ready)] }
        let refused = refuseUnfit(notification)
        guard let request = waiting(for: notification), let program = waiting.removeValue(forKey: request)
        else { return refused + [acknowledge(notification, .ready)] }
        return refused + handOver(notification.grant, to: request, found: program.found)
    }

    /// Who gets a session: the program that it is for, or else the one of its instance that has waited longest; its library is
    /// of the session's version.
    private func waiting(for notification: AllocationNotification) -> RequestID? {
        func fits(_ request: RequestID) -> Bool {
            guard let program = waiting[request], program.instance == notification.instance else { return false }
            return program.library?.isOf(notification.version) ?? true
        }
        if let named = notification.request, fits(named) { return named }
        return waiting.keys.sorted().first(where: fits)
    }

    /// The manager knows what library the program has loaded, and has nothing better for it: waiting on would not help.
    private mutating func refuseUnfit(_ notification: AllocationNotification) -> [AgentEffect] {
        guard let request = notification.request, let program = waiting[request],
            program.instance == notification.instance, let library = program.library,
            !library.isOf(notification.version)
        else { return [] }
        waiting[request] = nil
        return [refuse(request, library, notification.version), .send(.gpuRequestCancelled(request))]
    }

    /// Asks the manager for a session that a program can use.
    func ask(_ request: RequestID, of instance: InstanceID, _ library: ClientLibrary?) -> AgentEffect {
        let version = library.flatMap { SemanticVersion($0.version) }
        return .send(.gpuRequested(GPURequest(request: request, instance: instance, library: version)))
    }

    private func refuse(_ request: RequestID, _ library: ClientLibrary, _ version: InterfaceVersion) -> AgentEffect {
        .refuse(request, reason: "the program's library is \(library), its session \(version): not a shared version")
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

    /// A program's session will be taken: whoever looks after the program is told.
    private func noticed(_ notice: PreemptionNotice, now: MonotonicTime) -> [AgentEffect] {
        guard let session = sessions[notice.grant], case .handedOver(let request) = session.state else { return [] }
        return [
            .warn(request, endsIn: notice.endsIn, reason: notice.reason),
            .record(
                FleetEvent(
                    at: now, kind: .noticed, instance: notice.instance, grant: notice.grant,
                    detail: "its session ends in \(notice.endsIn.inSeconds) s: \(notice.reason)")),
        ]
    }

    mutating func sessionOpened(_ grant: GrantID, now: MonotonicTime) -> [AgentEffect] {
        guard let session = sessions[grant], session.state == .opening else { return [.closeSession(grant)] }
        if hasLapsed(grant, now) { return lapse(grant, now) }
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
        _ request: RequestID, _ instance: InstanceID, _ library: ClientLibrary?, now: MonotonicTime
    ) -> [AgentEffect] {
        guard instances[instance] != nil else {
            return [.refuse(request, reason: "this agent knows no instance \(instance)")]
        }
        guard waiting.count < configuration.maximumWaiting else {
            return [.refuse(request, reason: "\(waiting.count) programs wait for a GPU, the most that may")]
        }
        let prepared = prepared(for: instance, now: now)
        if let fitting = prepared.first(where: { isOfVersion(library, $0) }) {
            return handOver(fitting, to: request, found: .reserved)
        }
        // What is prepared for another library is nothing for this program: the manager is told which it has.
        waiting[request] = WaitingProgram(
            instance: instance, library: library, found: prepared.isEmpty ? readiness(of: instance) : .staged,
            patience: Lease(from: now, timeToLive: configuration.requestPatience))
        return [ask(request, of: instance, library)]
    }

    /// The sessions that could be handed to a program of the instance, ascending.
    private func prepared(for instance: InstanceID, now: MonotonicTime) -> [GrantID] {
        let least: Readiness = configuration.bugs.contains(.handOverWarm) ? .warm : .reserved
        return sessions.keys.sorted().filter { grant in
            guard let session = sessions[grant], session.state == .held else { return false }
            return session.notification.instance == instance && session.notification.level >= least
                && !session.lease.isOver(at: now)
        }
    }

    private func isOfVersion(_ library: ClientLibrary?, _ grant: GrantID) -> Bool {
        guard let library, let session = sessions[grant] else { return true }
        return library.isOf(session.notification.version)
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
