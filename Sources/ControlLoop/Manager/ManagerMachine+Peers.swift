import AllocationCore
import FleetModel
import ForecastCore
import SessionCore

/// Agents and GPU servers that come, report, fall silent and go.
extension ManagerMachine {
    mutating func received(_ message: AgentMessage, on link: LinkID, now: MonotonicTime) -> [ManagerEffect] {
        if case .hello(let hello) = message { return agentConnected(hello, on: link, now: now) }
        guard case .agent(let agent)? = links[link], agents[agent]?.link == link else { return [] }
        agents[agent]?.lastContact = now
        switch message {
        case .hello:
            return []
        case .report(let report):
            let answer = report.heartbeat.map { takeIn($0, from: agent, on: link, now: now) } ?? []
            return answer + takeIn(report, from: agent, now: now) + stepIfAllReported(agent, now: now)
        case .heartbeat(let heartbeat):
            return takeIn(heartbeat, from: agent, on: link, now: now)
        case .instanceChanged(let description, let present):
            return present
                ? instanceAppeared(description, on: agent, now: now) + assignVersion(to: description.id, on: agent)
                : instanceGone(description.id, on: agent, now: now)
        case .gpuRequested(let request):
            return requested(request, by: agent, now: now)
        case .gpuRequestCancelled(let request):
            cancelled(request, by: agent)
            return []
        case .acknowledged(let acknowledgement):
            return acknowledged(acknowledgement, by: agent, now: now)
        case .interfaceInstalled(let version):
            return installed(version, on: agent, now: now)
        case .interfaceUnavailable(let version, let reason):
            return unavailable(version, reason, on: agent, now: now)
        }
    }

    mutating func received(_ message: GPUServerMessage, on link: LinkID, now: MonotonicTime) -> [ManagerEffect] {
        if case .hello(let hello) = message { return serverConnected(hello, on: link, now: now) }
        guard case .server(let server)? = links[link], servers[server]?.link == link else { return [] }
        servers[server]?.lastContact = now
        switch message {
        case .hello:
            return []
        case .heartbeat(let heartbeat):
            guard heartbeat.sequence > servers[server]?.lastHeartbeat ?? 0 else { return [] }
            servers[server]?.lastHeartbeat = heartbeat.sequence
            var effects = takeIn(heartbeat, from: server, now: now)
            effects.append(.sendToServer(.heartbeatAcknowledged(sequence: heartbeat.sequence), link))
            return effects
        case .commandAnswered(let answer):
            return answered(answer, by: server, now: now)
        case .grantEnded(let end):
            return ended(end, at: server, now: now)
        case .interfaceInstalled(let version):
            return installed(version, on: server, now: now) + returned(server, with: version, now: now)
        case .interfaceUnavailable(let version, let reason):
            return unavailable(version, reason, on: server, now: now)
        case .interfaceMeasured(let measurement):
            noteMeasured(measurement, on: server)
            return []
        }
    }

    private mutating func agentConnected(
        _ hello: AgentHello, on link: LinkID, now: MonotonicTime
    ) -> [ManagerEffect] {
        if let refusal = refusal(
            of: .agent(hello.agent), hello.protocolRevision, hello.softwareVersion, on: link)
        {
            return [refusal]
        }
        var effects: [ManagerEffect] = []
        if let old = agents[hello.agent]?.link, old != link {
            links[old] = nil
            effects.append(.closeLink(old, reason: "the agent has connected anew, or another goes by its name"))
        }
        links[link] = .agent(hello.agent)
        unlinkedAgents.remove(hello.agent)
        unreported.insert(hello.agent)
        let known = agents[hello.agent]?.instances ?? []
        agents[hello.agent] = AgentRecord(
            link: link, newestLink: link, lastContact: now, installed: hello.installed, instances: known,
            platform: hello.platform)
        effects.append(.sendToAgent(.welcome(welcome), link))
        effects.append(.record(FleetEvent(at: now, kind: .agentConnected, detail: hello.agent.rawValue)))
        effects += prepareAgent(hello.agent, now: now)

        let present = Set(hello.instances.map(\.id))
        for instance in known.subtracting(present).sorted() {
            effects += instanceGone(instance, on: hello.agent, now: now)
        }
        for description in hello.instances {
            effects += instanceAppeared(description, on: hello.agent, now: now)
        }
        effects += assignVersions(on: hello.agent)
        // Requests are asked again on the new link.
        requests.removeAll { $0.agent == hello.agent }
        for id in grants.grants(of: hello.agent) {
            grants[id]?.lifecycle.agentReconnected()
            grants[id]?.notified = nil
            grants[id]?.request = nil
            grants.touch(id)
        }
        number(above: hello.held.map(\.grant))
        reconcile(hello.held, heldBy: hello.agent)
        return effects
    }

    /// No grant gets a number under which a peer holds something: a manager that has lost its state does not know of it. Numbers
    /// that nobody comes to are not believed.
    private mutating func number(above held: [GrantID]) {
        let known = held.lazy.map(\.rawValue).filter { $0 < 1 << 62 }
        nextGrant = max(nextGrant, (known.max() ?? 0) + 1)
    }

    private mutating func takeIn(
        _ heartbeat: AgentHeartbeat, from agent: AgentID, on link: LinkID, now: MonotonicTime
    ) -> [ManagerEffect] {
        reconcile(heartbeat.held, heldBy: agent)
        return watch(heartbeat.held, by: agent, now: now)
            + [.sendToAgent(.heartbeatAcknowledged(sequence: heartbeat.sequence), link)]
    }

    private mutating func serverConnected(
        _ hello: GPUServerHello, on link: LinkID, now: MonotonicTime
    ) -> [ManagerEffect] {
        if let refusal = refusal(
            of: .server(hello.server), hello.protocolRevision, hello.softwareVersion, on: link)
        {
            return [refusal]
        }
        if let newer = hello.epochs.map(\.term).max(), newer > term { return resign(seen: newer) }
        let isFenced = hello.devices.indices.allSatisfy { $0 < hello.epochs.count && hello.epochs[$0].term == term }
        guard isFenced else {
            // A manager before this one could still have it take up what is believed to be over.
            return [.sendToServer(.welcome(welcome), link)]
        }
        var effects = watch(hello.epochs, of: hello.server, now: now)
        if let old = servers[hello.server]?.link, old != link {
            links[old] = nil
            effects.append(.closeLink(old, reason: "the GPU server has connected anew, or another goes by its name"))
        }
        links[link] = .server(hello.server)
        unlinkedServers.remove(hello.server)
        let known = servers[hello.server]
        servers[hello.server] = ServerRecord(
            link: link, newestLink: link, lastContact: now, devices: hello.devices,
            // What was there before work on the server has yet to show that it still is.
            installed: orders.returning.contains(hello.server) ? [] : hello.installed,
            platform: hello.platform, bundleSource: hello.bundleSource, used: hello.devices.map { _ in .zero },
            obeyed: hello.epochs, strangers: known?.strangers ?? [:])
        lostServers.remove(hello.server)
        if orders.returning.contains(hello.server) { servers[hello.server]?.verifiesAgain = hello.installed }
        servers[hello.server]?.host = hello.host
        servers[hello.server]?.processorNeed = known?.processorNeed ?? ProcessorNeed()
        servers[hello.server]?.rates = known?.rates ?? [:]
        epoch = max(epoch, hello.epochs.max() ?? .zero)
        number(above: hello.held.map(\.grant))
        for device in hello.devices {
            pool.add(device.id, memory: device.memory, compute: .wholeDevice)
        }
        limitCompute(on: [hello.server])
        // Before it can be given anything: what is ordered of it may be older than this manager.
        effects += noteMaintenance(now)
        let before = installedOnServers
        serverGained(hello.server)
        effects.append(.sendToServer(.welcome(welcome), link))
        effects.append(
            .record(
                FleetEvent(
                    at: now, kind: .serverConnected,
                    detail: "\(hello.server) with \(hello.devices.count) devices, \(hello.held.count) sessions held")))
        effects += prepareServer(hello.server, now)
        // Where nothing is to be had that was not before, agents lack nothing new: with many servers and agents that come
        // at once, each pair of them would be looked at.
        if installedOnServers != before || servers.count == 1 { effects += prepareAgents(now) }
        effects += account(for: hello, on: link)
        // After the accounts: what the store still has and the server has not is not charged.
        if known == nil { chargeRecovered(at: hello.server) }
        return effects
    }

    /// After its hello all that a GPU server holds is known: what it does not list is not there.
    private mutating func account(for hello: GPUServerHello, on link: LinkID) -> [ManagerEffect] {
        let held = Dictionary(hello.held.map { ($0.grant, $0) }, uniquingKeysWith: { first, _ in first })
        for id in grants.grants(on: hello.server) {
            grants[id]?.lifecycle.serverReconnected()
            grants[id]?.commanded = nil
            if let holding = held[id] {
                learn(holding)
            } else {
                grants[id]?.lifecycle.serverLost()
                if grants[id]?.lifecycle.server == .released { charge(id, .none) }
            }
            grants.touch(id)
        }
        return hello.held.filter { grants[$0.grant] == nil }.map { disown($0, on: link) }
    }

    /// Asks a GPU server to end what no record of this manager accounts for. What a program holds, it will refuse.
    func disownCommand(_ held: HeldGrant, epoch: Epoch) -> GrantCommand {
        GrantCommand(
            grant: held.grant, instance: held.instance, device: held.device, epoch: epoch, goal: .released,
            slice: .zero, ticket: SessionTicket(high: 0, low: 0), version: published.last ?? .none,
            timeToLive: configuration.timeToLive)
    }

    mutating func disown(_ held: HeldGrant, on link: LinkID) -> ManagerEffect {
        .sendToServer(.command(disownCommand(held, epoch: nextEpoch())), link)
    }

    mutating func closed(_ link: LinkID, now: MonotonicTime) -> [ManagerEffect] {
        switch links.removeValue(forKey: link) {
        case .agent(let agent) where agents[agent]?.link == link:
            agents[agent]?.link = nil
            unlinkedAgents.insert(agent)
            unreported.remove(agent)
            for instance in agents[agent]?.instances ?? [] { update(instance) { $0.isAgentAway = true } }
            return [.record(FleetEvent(at: now, kind: .agentLost, detail: agent.rawValue))]
        case .server(let server) where servers[server]?.link == link:
            servers[server]?.link = nil
            unlinkedServers.insert(server)
            serverWentAway(server)
            return [.record(FleetEvent(at: now, kind: .serverLost, detail: server.rawValue))]
        default:
            return []
        }
    }

    /// Drops peers that have not been heard of, gives up what is held unused for absent agents and on absent GPU
    /// servers, and forgets who has been away for long.
    mutating func noticeSilence(_ now: MonotonicTime) -> [ManagerEffect] {
        var effects: [ManagerEffect] = []
        // What peers have sent may wait behind a step that is late itself.
        let late = max(now - silenceLookedAt - configuration.period, .zero)
        silenceLookedAt = now
        for link in links(silentFor: configuration.silence + late, now).sorted() {
            effects += closed(link, now: now)
            effects.append(.closeLink(link, reason: "silent for \(configuration.silence.inSeconds) s"))
        }
        let away = unlinkedServers.sorted()
        for server in away where isAway(server, longerThan: configuration.silence, now) { lose(server, now: now) }
        for id in unlinkedAgents.sorted().filter({ hasLapsed($0, now) }).flatMap(grants.grants(of:)) {
            guard grants[id]?.lifecycle.isReleasing == false, grants[id]?.lifecycle.isAttached == false else {
                continue
            }
            effects += release(id, .leaseExpired, now: now)
        }
        for server in away where hasLapsed(server, now) { effects += giveUp(server, now: now) }
        return effects + forgetAbsent(now)
    }

    /// The links on which nothing was heard for so long. O(links)
    private func links(silentFor duration: Duration, _ now: MonotonicTime) -> [LinkID] {
        links.compactMap { link, peer in
            let last: MonotonicTime? =
                switch peer {
                case .agent(let agent): agents[agent]?.lastContact
                case .server(let server): servers[server]?.lastContact
                }
            return last.map { now - $0 > duration } == true ? link : nil
        }
    }

    /// Whether an agent has been away for so long that what it held has lapsed on its own clock too.
    func hasLapsed(_ agent: AgentID, _ now: MonotonicTime) -> Bool {
        isAway(agents[agent].map { ($0.link, $0.lastContact) }, longerThan: lapse, now)
    }

    /// Whether a GPU server has been away for so long that what it holds unused has lapsed there too.
    private func hasLapsed(_ server: GPUServerID, _ now: MonotonicTime) -> Bool {
        isAway(server, longerThan: lapse, now)
    }

    private func isAway(_ server: GPUServerID, longerThan duration: Duration, _ now: MonotonicTime) -> Bool {
        isAway(servers[server].map { ($0.link, $0.lastContact) }, longerThan: duration, now)
    }

    private var lapse: Duration { configuration.timeToLive + configuration.period }

    /// A peer that has not been seen since this manager started counts from then.
    private func isAway(
        _ peer: (link: LinkID?, lastContact: MonotonicTime)?, longerThan duration: Duration, _ now: MonotonicTime
    ) -> Bool {
        guard peer?.link == nil else { return false }
        return now - (peer?.lastContact ?? startedAt) > duration
    }

    /// What a GPU server that is away holds unused is of no use: it is withdrawn, and prepared elsewhere. Its memory
    /// counts as promised until the server is back and has confirmed, or is forgotten.
    private mutating func giveUp(_ server: GPUServerID, now: MonotonicTime) -> [ManagerEffect] {
        var effects: [ManagerEffect] = []
        for id in grants.grants(on: server) {
            guard let grant = grants[id], !grant.lifecycle.isReleasing, !grant.lifecycle.isAttached else { continue }
            effects += release(id, .leaseExpired, now: now)
        }
        return effects
    }

    /// Forgets peers that have been away for ``ManagerMachineConfiguration/forgetAfter``, an agent with its instances, a GPU
    /// server with its devices, unless a program may still be using what they carry.
    private mutating func forgetAbsent(_ now: MonotonicTime) -> [ManagerEffect] {
        let absentAgents = unlinkedAgents.filter { name in
            let agent = agents[name].map { ($0.link, $0.lastContact) }
            return agent != nil && isAway(agent, longerThan: configuration.forgetAfter, now)
        }
        let absentServers = unlinkedServers.filter {
            servers[$0] != nil && isAway($0, longerThan: configuration.forgetAfter, now)
        }
        guard !absentAgents.isEmpty || !absentServers.isEmpty else { return [] }
        var effects: [ManagerEffect] = []
        for server in absentServers.sorted() {
            let held = grants.grants(on: server)
            guard held.allSatisfy({ grants[$0]?.lifecycle.isAttached == false }) else { continue }
            for id in held { forget(id) }
            for device in servers[server]?.devices ?? [] { pool.remove(device.id) }
            servers[server] = nil
            unlinkedServers.remove(server)
            lostServers.remove(server)
            unplaced[server] = nil
        }
        for agent in absentAgents.sorted() {
            for instance in (agents[agent]?.instances ?? []).sorted() {
                effects += instanceGone(instance, on: agent, now: now)
            }
        }
        for agent in absentAgents where grants.grants(of: agent).isEmpty {
            agents[agent] = nil
            unlinkedAgents.remove(agent)
        }
        return effects
    }

    /// Renews, at these GPU servers, what is held for agents that are there.
    mutating func renewLeases(of servers: [GPUServerID]) -> [ManagerEffect] {
        var effects: [ManagerEffect] = []
        for server in servers {
            guard let link = serverLink(server) else { continue }
            let renewed = renewable(on: server)
            guard !renewed.isEmpty else { continue }
            effects.append(
                .sendToServer(
                    .renew(epoch: nextEpoch(), grants: renewed, timeToLive: configuration.timeToLive), link))
        }
        return effects
    }

    /// It changes nothing: a method that changed the machine could not ask for each grant without copying it.
    private func renewable(on server: GPUServerID) -> [GrantID] {
        grants.grants(on: server).filter { id in
            grants.standing(id)?.isReleasing == false
                && (unlinkedAgents.isEmpty
                    || grants.read(id) { unlinkedAgents.contains($0.pointee.stored.agent) } == false)
        }
    }

    private var welcome: ManagerWelcome {
        ManagerWelcome(
            term: term, period: configuration.period, softwareVersion: configuration.softwareVersion,
            takesHeartbeatsInReports: true)
    }

    /// Why a hello is not taken: another protocol, a link on which another peer has introduced itself, or a link that
    /// is older than the one on which this peer has introduced itself since.
    private func refusal(
        of peer: Peer, _ revision: UInt32, _ software: String, on link: LinkID
    ) -> ManagerEffect? {
        if let known = links[link], known != peer {
            return .closeLink(link, reason: "the peer has introduced itself under two names")
        }
        let newest: LinkID? =
            switch peer {
            case .agent(let agent): agents[agent]?.newestLink
            case .server(let server): servers[server]?.newestLink
            }
        if let newest, link < newest { return .closeLink(link, reason: "the peer has connected anew since") }
        guard revision != controlProtocolRevision else { return nil }
        return .closeLink(
            link,
            reason: "the peer (\(software)) speaks control protocol \(revision), this manager "
                + "(\(configuration.softwareVersion)) speaks \(controlProtocolRevision)")
    }

    mutating func resign(seen newer: UInt64) -> [ManagerEffect] {
        hasResigned = true
        return [.resign("a manager of term \(newer) has taken over from this one of term \(term)", seen: newer)]
    }
}

extension InterfaceVersion {
    /// What stands in a release command for a grant whose version is not known; nothing is started by it.
    static var none: InterfaceVersion {
        InterfaceVersion(kind: "none", version: SemanticVersion(0, 0, 0), digest: .zero)
    }
}
