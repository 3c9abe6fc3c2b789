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
            return refuse(request, reason: reason, isKnown: true)
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
            return ready(notification, now: now)
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
    private mutating func ready(_ notification: AllocationNotification, now: MonotonicTime) -> [AgentEffect] {
        guard notification.level == .reserved else { return [acknowledge(notification, .ready)] }
        let refused = refuseUnfit(notification)
        guard let request = waiting(for: notification), let program = waiting[request],
            let grants = program.asksForSeveral ? all(of: program, request, now) : [notification.grant]
        else { return refused + [acknowledge(notification, .ready)] }
        waiting[request] = nil
        return refused + handOver(grants, to: request, found: program.found)
    }

    /// Who gets a session: the program that it is for, or else the one of its instance that has waited longest and asked for
    /// no more; its library is of the session's version.
    private func waiting(for notification: AllocationNotification) -> RequestID? {
        func fits(_ request: RequestID) -> Bool {
            guard let program = waiting[request], program.instances.contains(notification.instance) else {
                return false
            }
            return program.library?.isOf(notification.version) ?? true
        }
        if let named = notification.request, fits(named) { return named }
        return waiting.keys.sorted().first { fits($0) && waiting[$0]?.asksForSeveral == false }
    }

    /// The sessions of all virtual GPUs that a program waits for, in their order, which the manager has set aside by its
    /// request's number; nil while one of them is not here.
    private func all(of program: WaitingProgram, _ request: RequestID, _ now: MonotonicTime) -> [GrantID]? {
        let grants = program.instances.compactMap { instance in
            prepared(for: instance, now: now).first { grant in
                sessions[grant]?.notification.request == request && isOfVersion(program.library, grant)
            }
        }
        let isAll = grants.count == program.instances.count || configuration.bugs.contains(.handOverPart)
        return isAll ? grants : nil
    }

    /// The manager knows what library the program has loaded, and has nothing better for it: waiting on would not help.
    private mutating func refuseUnfit(_ notification: AllocationNotification) -> [AgentEffect] {
        guard let request = notification.request, let program = waiting[request],
            program.instances.contains(notification.instance), let library = program.library,
            !library.isOf(notification.version)
        else { return [] }
        let reason = "the program's library is \(library), its session \(notification.version): not a shared version"
        return refuse(request, reason: reason, isKnown: false)
    }

    /// Asks the manager for the sessions that a program can use.
    func ask(_ request: RequestID, for program: WaitingProgram) -> [AgentEffect] {
        let version = program.library.flatMap { SemanticVersion($0.version) }
        return program.instances.map { instance in
            .send(
                .gpuRequested(
                    GPURequest(
                        request: request, instance: instance, library: version, together: program.instances.count)))
        }
    }

    /// A program waits no longer.
    /// - Parameter isKnown: whether the manager knows that of the one instance; of others it is told.
    mutating func refuse(_ request: RequestID, reason: String, isKnown: Bool) -> [AgentEffect] {
        guard let program = waiting.removeValue(forKey: request) else { return [] }
        let refused = AgentEffect.refuse(request, reason: reason)
        return isKnown && !program.asksForSeveral ? [refused] : [refused, .send(.gpuRequestCancelled(request))]
    }

    private mutating func handOver(
        _ grants: [GrantID], to request: RequestID, found: Readiness
    ) -> [AgentEffect] {
        var handedOver: [AgentEffect] = []
        var acknowledged: [AgentEffect] = []
        for (number, grant) in grants.enumerated() {
            guard let session = sessions[grant] else { continue }
            if !configuration.bugs.contains(.handOverTwice) { sessions[grant]?.state = .handedOver(request) }
            handedOver.append(.handOver(grant, request, found: found, remaining: grants.count - 1 - number))
            acknowledged.append(acknowledge(session.notification, .handedOver(request)))
        }
        return handedOver + acknowledged
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
        return ready(session.notification, now: now)
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
        _ request: RequestID, _ instance: InstanceID, _ library: ClientLibrary?, gpus: Range<Int>, now: MonotonicTime
    ) -> [AgentEffect] {
        guard instances[instance] != nil else {
            return [.refuse(request, reason: "this agent knows no instance \(instance)")]
        }
        let members = sets[instance] ?? [instance]
        guard !gpus.isEmpty, gpus.lowerBound >= 0, gpus.upperBound <= members.count else {
            return [.refuse(request, reason: Self.tooMany(of: members, instance))]
        }
        guard waiting.count < configuration.maximumWaiting else {
            return [.refuse(request, reason: "\(waiting.count) programs wait for a GPU, the most that may")]
        }
        // What is prepared for another library is nothing for this program: the manager is told which it has.
        let wanted = members[gpus]
        let fitting = wanted.map { self.fitting($0, library, now) }
        let prepared = fitting.compactMap { $0 }
        if prepared.count == wanted.count { return handOver(prepared, to: request, found: .reserved) }
        let found = zip(wanted, fitting).map { member, session -> Readiness in
            if session != nil { return .reserved }
            return self.prepared(for: member, now: now).isEmpty ? readiness(of: member) : .staged
        }
        let program = WaitingProgram(
            instances: Array(wanted), library: library, found: found.min() ?? .cold,
            patience: Lease(from: now, timeToLive: configuration.requestPatience))
        waiting[request] = program
        return ask(request, for: program)
    }

    /// A session that could be handed at once to a program of an instance; nil where there is none.
    private func fitting(_ instance: InstanceID, _ library: ClientLibrary?, _ now: MonotonicTime) -> GrantID? {
        prepared(for: instance, now: now).first { isOfVersion(library, $0) && !isKeptForOthers($0) }
    }

    private static func tooMany(of members: [InstanceID], _ instance: InstanceID) -> String {
        let has = members.count == 1 ? "one virtual GPU" : "\(members.count) virtual GPUs"
        return
            "\(instance) has \(has), and the program asks for more: say how many with presync run --gpus, or gpus in "
            + "the agent's instances"
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

    /// Whether a session is set aside for a program that waits for several.
    private func isKeptForOthers(_ grant: GrantID) -> Bool {
        guard let request = sessions[grant]?.notification.request else { return false }
        return waiting[request]?.asksForSeveral == true
    }

    private func isOfVersion(_ library: ClientLibrary?, _ grant: GrantID) -> Bool {
        guard let library, let session = sessions[grant] else { return true }
        return library.isOf(session.notification.version)
    }

    mutating func programLeft(_ request: RequestID) -> [AgentEffect] {
        if waiting.removeValue(forKey: request) != nil { return [.send(.gpuRequestCancelled(request))] }
        return sessions.keys.sorted().filter { sessions[$0]?.state == .handedOver(request) }
            .compactMap { sessions.removeValue(forKey: $0) }.map { acknowledge($0.notification, .ended) }
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
