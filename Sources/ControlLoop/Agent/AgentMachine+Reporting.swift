import FleetModel
import SessionCore

/// Reports, heartbeats, instances, and the link to the manager.
extension AgentMachine {
    mutating func samplesTaken(_ telemetry: [InstanceTelemetry]) -> [AgentEffect] {
        for new in telemetry.flatMap(ofMembers) where instances[new.instance] != nil {
            guard var kept = unsent[new.instance], kept.incarnation == new.incarnation else {
                unsent[new.instance] = new
                continue
            }
            kept.source = new.source
            kept.samples.append(contentsOf: new.samples)
            // While the manager is away the oldest samples go first: a forecast needs the newest.
            kept.samples.removeFirst(max(0, kept.samples.count - InstanceTelemetry.maximumSamples))
            unsent[new.instance] = kept
        }
        return []
    }

    /// What an instance with several virtual GPUs did tells something of each of them, but for what it says of one.
    private func ofMembers(_ telemetry: InstanceTelemetry) -> [InstanceTelemetry] {
        guard let members = sets[telemetry.instance] else { return [telemetry] }
        return [telemetry]
            + members.dropFirst().map { member in
                var copy = telemetry
                copy.instance = member
                for index in copy.samples.indices {
                    copy.samples[index].gpuMemory = nil
                    copy.samples[index].gpuCompute = nil
                }
                return copy
            }
    }

    mutating func periodEnded(_ now: MonotonicTime) -> [AgentEffect] {
        var effects: [AgentEffect] = []
        if var contact {
            reports += 1
            let telemetry = unsent.keys.sorted().compactMap { unsent[$0] }
            unsent.removeAll(keepingCapacity: true)
            let heartbeat = AgentHeartbeat(sequence: contact.sendHeartbeat(at: now), held: holdings())
            self.contact = contact
            var report = PredictionReport(sequence: reports, sentAt: now, telemetry: telemetry)
            if contact.takesHeartbeatsInReports { report.heartbeat = heartbeat }
            effects.append(.send(.report(report)))
            if !contact.takesHeartbeatsInReports { effects.append(.send(.heartbeat(heartbeat))) }
        }
        return effects + endLapsed(now) + refuseImpatient(now)
    }

    private mutating func endLapsed(_ now: MonotonicTime) -> [AgentEffect] {
        sessions.keys.sorted().flatMap { grant in hasLapsed(grant, now) ? lapse(grant, now) : [] }
    }

    /// Whether the manager may have given the session up by now. What is handed over is the program's.
    func hasLapsed(_ grant: GrantID, _ now: MonotonicTime) -> Bool {
        guard let session = sessions[grant], session.lease.isOver(at: now) else { return false }
        if case .handedOver = session.state { return false }
        return true
    }

    /// Gives up what the manager has not renewed; the GPU server ends the other side by its own lease.
    mutating func lapse(_ grant: GrantID, _ now: MonotonicTime) -> [AgentEffect] {
        guard let session = sessions.removeValue(forKey: grant) else { return [] }
        return [
            .closeSession(grant),
            acknowledge(session.notification, .released),
            .record(
                FleetEvent(
                    at: now, kind: .reclaimed, instance: session.notification.instance, grant: grant,
                    detail: "not renewed by the manager")),
        ]
    }

    private mutating func refuseImpatient(_ now: MonotonicTime) -> [AgentEffect] {
        var effects: [AgentEffect] = []
        for request in waiting.keys.sorted() where waiting[request]?.patience.isOver(at: now) == true {
            let reason =
                isLinked
                ? "no GPU became free within \(configuration.requestPatience.inSeconds) s: 'presync queue' on the manager says "
                    + "what programs wait for"
                : "the manager cannot be reached"
            effects += refuse(request, reason: reason, isKnown: false)
        }
        return effects
    }

    mutating func linkOpened(_ now: MonotonicTime) -> [AgentEffect] {
        contact = ManagerContact(helloSentAt: now)
        reports = 0
        let hello = AgentHello(
            agent: configuration.agent, softwareVersion: configuration.softwareVersion,
            instances: instances.keys.sorted().compactMap { instances[$0] }, installed: installed, held: holdings(),
            platform: configuration.platform)
        let requests = waiting.keys.sorted().flatMap { request in
            waiting[request].map { ask(request, for: $0) } ?? []
        }
        return [.send(.hello(hello))] + requests
    }

    mutating func linkClosed() -> [AgentEffect] {
        contact = nil
        return []
    }

    mutating func instanceAppeared(_ description: InstanceDescription, gpus: Int?) -> [AgentEffect] {
        let before = sets[description.id] ?? (instances[description.id] == nil ? [] : [description.id])
        let members = description.members(gpus: gpus ?? max(before.count, 1)) ?? [description]
        sets[description.id] = members.count > 1 ? members.map(\.id) : nil
        let effects = before.dropFirst(members.count).flatMap { memberGone($0) }
        return effects
            + members.flatMap { member -> [AgentEffect] in
                guard instances[member.id] != member else { return [] }
                instances[member.id] = member
                return [.send(.instanceChanged(member, present: true))]
            }
    }

    mutating func instanceGone(_ instance: InstanceID) -> [AgentEffect] {
        let members = sets.removeValue(forKey: instance) ?? [instance]
        return members.flatMap { memberGone($0) }
    }

    private mutating func memberGone(_ instance: InstanceID) -> [AgentEffect] {
        guard let description = instances.removeValue(forKey: instance) else { return [] }
        unsent[instance] = nil
        let requests = waiting.keys.sorted().filter { waiting[$0]?.instances.contains(instance) == true }
        return requests.flatMap { refuse($0, reason: "the instance \(instance) is gone", isKnown: true) }
            + [.send(.instanceChanged(description, present: false))]
    }

    mutating func interfaceInstalled(_ version: InterfaceVersion, now: MonotonicTime) -> [AgentEffect] {
        if !installed.contains(version) { installed.append(version) }
        return [
            .send(.interfaceInstalled(version)),
            .record(FleetEvent(at: now, kind: .interfaceInstalled, detail: version.description)),
        ]
    }

    /// From here on no session begins in the version; those that there are go on.
    mutating func interfaceFailed(
        _ version: InterfaceVersion, _ reason: String, now: MonotonicTime
    ) -> [AgentEffect] {
        installed.removeAll { $0 == version }
        return [
            .send(.interfaceUnavailable(version, reason: reason)),
            .record(FleetEvent(at: now, kind: .failure, detail: "\(version) cannot be used: \(reason)")),
        ]
    }
}
