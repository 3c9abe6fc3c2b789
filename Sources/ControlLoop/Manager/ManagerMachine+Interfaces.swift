import FleetModel
import InterfaceCore
import SessionCore

/// How interface versions get to where they are needed: what is published is installed on the GPU servers first, which
/// serve it to the agents.
extension ManagerMachine {
    /// Why a peer does not have a version, and since when.
    struct Unavailability: Hashable {
        var reason: String
        var since: MonotonicTime
    }

    /// How often, in seconds, a peer is asked again for the same version.
    private static let reminderSeconds: Int64 = 5
    /// How long a peer that could not use a version is left alone with it.
    private static let retryAfter: Duration = .seconds(60)
    /// The same of a peer that has nothing else of use, a GPU server after work on it among them: somebody waits for it.
    private static let retrySoonAfter: Duration = .seconds(15)

    private func pause(of server: ServerRecord) -> Duration {
        rollouts.active == nil && server.installed.contains(where: isOfUse) ? Self.retryAfter : Self.retrySoonAfter
    }

    /// What no GPU server has is of no use to an agent.
    private func pause(of agent: AgentRecord) -> Duration {
        let isServed = agent.installed.contains { version in
            isOfUse(version) && (installedOnServers.contains(version) || !hasServers)
        }
        return rollouts.active == nil && isServed ? Self.retryAfter : Self.retrySoonAfter
    }

    /// Whether a version may be used by all: what was rolled back may not, and in a rollout what is of use to some instances
    /// may be of none to others.
    private func isOfUse(_ version: InterfaceVersion) -> Bool {
        published.contains(version) && rollouts.barred[version.version] == nil
    }

    mutating func published(_ offers: [InterfaceOffer], source: String, now: MonotonicTime) -> [ManagerEffect] {
        self.offers = offers
        published = offers.map(\.version)
        publishedSource = source
        versionRecords = versionRecords.filter { published.contains($0.key.version) }
        for server in servers.keys.sorted() { serverGained(server) }
        noteStanding(now)
        return noticeUnpublished(now) + releaseUnpublished(now) + followVersionRules(now)
    }

    /// Prepared sessions in a version that is not published any longer are given up: nothing new begins in it. Those
    /// that programs hold go on.
    private mutating func releaseUnpublished(_ now: MonotonicTime) -> [ManagerEffect] {
        var effects: [ManagerEffect] = []
        for id in grants.ascending {
            guard let grant = grants[id], !grant.lifecycle.isAttached, !grant.lifecycle.isReleasing,
                !published.contains(grant.stored.version)
            else { continue }
            effects += release(id, .openFailed, now: now)
        }
        return effects
    }

    // MARK: Installing ahead of need

    /// Asks GPU servers that lack a version which somebody will want there to install it.
    mutating func prepareServers(_ now: MonotonicTime) -> [ManagerEffect] {
        var effects: [ManagerEffect] = []
        for server in servers.keys.sorted() { effects += prepareServer(server, now) }
        return effects
    }

    /// As above, for one GPU server.
    mutating func prepareServer(_ server: GPUServerID, _ now: MonotonicTime) -> [ManagerEffect] {
        guard let record = servers[server], let link = record.link else { return [] }
        var effects: [ManagerEffect] = []
        // Since when it has been asked: how long it takes is measured.
        servers[server]?.asked = [:]
        let isReturning = orders.returning.contains(server)
        let wanted = wanted(on: server, record, now)
        for version in wanted + record.verifiesAgain.filter({ published.contains($0) && !wanted.contains($0) })
        where lacks(version, record.installed, record.unavailable, now, pause(of: record)) {
            servers[server]?.asked[version] = record.asked[version] ?? now
            // Testing takes a while, and is not asked for again meanwhile.
            if isReturning, let since = record.asked[version], now - since < Self.retrySoonAfter { continue }
            var sources = sources(of: version, besides: server)
            sources.testsAnew = isReturning || record.verifiesAgain.contains(version)
            effects.append(.sendToServer(.prepareInterface(version, from: sources), link))
        }
        return effects
    }

    /// Asks agents that lack a version which their instances want to install it, of those that a GPU server has: in others no
    /// session could open, and all would load the manager.
    mutating func prepareAgents(_ now: MonotonicTime) -> [ManagerEffect] {
        var effects: [ManagerEffect] = []
        for agent in agents.keys.sorted() { effects += prepareAgent(agent, now: now) }
        return effects
    }

    /// As above, for one agent.
    mutating func prepareAgent(_ agent: AgentID, now: MonotonicTime) -> [ManagerEffect] {
        guard let record = agents[agent], let link = record.link else { return [] }
        var effects: [ManagerEffect] = []
        agents[agent]?.asked = [:]
        for version in wanted(on: agent, record, now) {
            guard lacks(version, record.installed, record.unavailable, now, pause(of: record)) else { continue }
            agents[agent]?.asked[version] = record.asked[version] ?? now
            effects.append(.sendToAgent(.prepareInterface(version, from: sources(of: version, for: agent)), link))
        }
        return effects
    }

    /// What is best where no rule is in force, and under each rule, on a GPU server: it serves instances of all kinds.
    private func wanted(
        on id: GPUServerID, _ record: ServerRecord, _ now: MonotonicTime
    ) -> [InterfaceVersion] {
        var question = InterfaceSelection.Question(
            kind: configuration.interfaceKind, client: InterfaceSelection.End(), server: Self.end(record),
            device: record.devices.first)
        question.server.unusable = Self.unusable(
            record.unavailable, now, after: pause(of: record))
        question.withheld = withheld(from: nil, on: id)
        question.preferred = rollouts.admits(id) ? rollouts.active?.target.version : nil
        var before = question
        before.preferred = nil
        for offer in offers where rollouts.isTarget(offer.version) {
            before.withheld[offer.version] = "it is what is new"
        }
        let rules = Set(versionRules.rules.values).sorted { $0.description < $1.description }
        // Both sides of a rollout, for those whom it has come to and those whom it has not.
        return best(question, under: [nil] + rules, also: rollouts.active == nil ? nil : before)
    }

    /// What is best for an agent's instances, each by its rule, of what a GPU server has.
    private func wanted(on agent: AgentID, _ record: AgentRecord, _ now: MonotonicTime) -> [InterfaceVersion] {
        var question = InterfaceSelection.Question(
            kind: configuration.interfaceKind, client: end(agent), server: InterfaceSelection.End())
        question.client.unusable = Self.unusable(
            record.unavailable, now, after: pause(of: record))
        if rollouts.active != nil { return wantedInRollout(agent, question) }
        question.withheld = withheldFromAgent(from: nil)
        guard !versionRules.rules.isEmpty else { return best(question, under: [nil]) }
        let rules = record.instances.compactMap { self.record(of: $0) }.map(versionRule(of:))
        return best(question, under: Set(rules).sorted { ($0?.description ?? "") < ($1?.description ?? "") })
    }

    /// What is best for an agent's instances, each by its rule and by whether the rollout has come to it; while there are
    /// none, what is best for those whom it has not come to.
    private func wantedInRollout(
        _ agent: AgentID, _ question: InterfaceSelection.Question
    ) -> [InterfaceVersion] {
        struct Kind: Hashable {
            var rule: VersionRule?
            var isAdmitted: Bool
        }
        var question = question
        var versions: [InterfaceVersion] = []
        var asked: Set<Kind> = []
        for id in (agents[agent]?.instances ?? []).sorted() {
            guard let record = record(of: id) else { continue }
            let rule = versionRule(of: record)
            guard asked.insert(Kind(rule: rule, isAdmitted: rollouts.admits(id))).inserted else { continue }
            question.rule = rule
            question.withheld = withheldFromAgent(from: id)
            question.preferred = preferred(by: id)
            guard let version = selection(question).wanted, !versions.contains(version) else { continue }
            versions.append(version)
        }
        guard versions.isEmpty else { return versions }
        question.withheld = withheldFromAgent(from: nil)
        for offer in offers where rollouts.isTarget(offer.version) { question.withheld[offer.version] = "it is new" }
        return best(question, under: [nil])
    }

    /// What an agent is not to install: also what no GPU server has, where there are some. An agent that waited with what is
    /// newest for a server to have it would share nothing with those that cannot use it.
    private func withheldFromAgent(from instance: InstanceID?) -> [InterfaceVersion: String] {
        var withheld = withheld(from: instance, on: nil)
        guard hasServers else { return withheld }
        for offer in offers where !installedOnServers.contains(offer.version) {
            withheld[offer.version] = "no GPU server has it"
        }
        return withheld
    }

    /// The best version under each rule, each once.
    private func best(
        _ question: InterfaceSelection.Question, under rules: [VersionRule?],
        also other: InterfaceSelection.Question? = nil
    ) -> [InterfaceVersion] {
        var versions: [InterfaceVersion] = []
        for (rule, asked) in rules.flatMap({ rule in [question, other].compactMap(\.self).map { (rule, $0) } }) {
            var question = asked
            question.rule = rule
            guard let version = selection(question).wanted, !versions.contains(version) else { continue }
            versions.append(version)
        }
        return versions
    }

    /// What a peer could not use lately: until it is tried again the next best is wanted in its place.
    private static func unusable(
        _ unavailable: [InterfaceVersion: Unavailability], _ now: MonotonicTime, after pause: Duration
    ) -> [InterfaceVersion: String] {
        unavailable.filter { now - $0.value.since < pause }.mapValues(\.reason)
    }

    var hasServers: Bool { servers.values.contains { $0.link != nil } }

    private func lacks(
        _ version: InterfaceVersion, _ installed: [InterfaceVersion],
        _ unavailable: [InterfaceVersion: Unavailability], _ now: MonotonicTime, _ pause: Duration
    ) -> Bool {
        guard !installed.contains(version) else { return false }
        return unavailable[version].map { now - $0.since >= pause } ?? true
    }

    /// The peers that are asked again now where they still lack what is wanted there, the last first: they may have failed,
    /// or not have heard.
    func peersToRemind(_ now: MonotonicTime) -> [Peer] {
        now.secondIndex % Self.reminderSeconds == 0 ? peersByName.reversed() : []
    }

    // MARK: Where from

    /// For an agent: GPU servers that have something installed, each agent beginning with another, and then the manager.
    private func sources(of version: InterfaceVersion, for agent: AgentID) -> InterfaceSources {
        let peers = servingPeers(of: version, besides: nil)
        guard !peers.isEmpty else { return InterfaceSources(manager: publishedSource) }
        // Any spread that stays the same for an agent does.
        let first = agent.rawValue.utf8.reduce(0) { ($0 &* 31 &+ Int($1)) & 0xffff } % peers.count
        let turned = Array(peers[first...] + peers[..<first])
        return InterfaceSources(manager: publishedSource, peers: Array(turned.prefix(InterfaceSources.maximumPeers)))
    }

    private func sources(of version: InterfaceVersion, besides server: GPUServerID) -> InterfaceSources {
        InterfaceSources(
            manager: publishedSource,
            peers: Array(servingPeers(of: version, besides: server).prefix(InterfaceSources.maximumPeers)))
    }

    private func servingPeers(of version: InterfaceVersion, besides server: GPUServerID?) -> [String] {
        servers.keys.sorted().compactMap { id in
            guard id != server, let record = servers[id], record.link != nil, record.installed.contains(version),
                !record.bundleSource.isEmpty
            else { return nil }
            return record.bundleSource
        }
    }

    // MARK: What peers say

    mutating func installed(
        _ version: InterfaceVersion, on agent: AgentID, now: MonotonicTime
    ) -> [ManagerEffect] {
        agents[agent]?.unavailable[version] = nil
        rollouts.judge(version, by: "agent \(agent)", passed: true)
        guard agents[agent]?.installed.contains(version) == false else { return [] }
        agents[agent]?.installed.append(version)
        staged(version, askedAt: agents[agent]?.asked.removeValue(forKey: version), now: now)
        return assignVersions(on: agent)
    }

    mutating func installed(
        _ version: InterfaceVersion, on server: GPUServerID, now: MonotonicTime
    ) -> [ManagerEffect] {
        let isFirst = !installedOnServers.contains(version)
        servers[server]?.unavailable[version] = nil
        servers[server]?.verifiesAgain.removeAll { $0 == version }
        rollouts.judge(version, by: "server \(server)", passed: true)
        if servers[server]?.installed.contains(version) == false {
            servers[server]?.installed.append(version)
            staged(version, askedAt: servers[server]?.asked.removeValue(forKey: version), now: now)
        }
        serverGained(server)
        return isFirst && published.contains(version) ? prepareAgents(now) : []
    }

    mutating func unavailable(
        _ version: InterfaceVersion, _ reason: String, on agent: AgentID, now: MonotonicTime
    ) -> [ManagerEffect] {
        agents[agent]?.installed.removeAll { $0 == version }
        rollouts.judge(version, by: "agent \(agent)", passed: false)
        agents[agent]?.unavailable.note(version, reason, now)
        return [failure("\(agent) cannot use \(version): \(reason)", now)]
    }

    mutating func unavailable(
        _ version: InterfaceVersion, _ reason: String, on server: GPUServerID, now: MonotonicTime
    ) -> [ManagerEffect] {
        servers[server]?.installed.removeAll { $0 == version }
        rollouts.judge(version, by: "server \(server)", passed: false)
        servers[server]?.unavailable.note(version, reason, now)
        recountInstalled()
        serverGained(server)
        return [failure("\(server) cannot use \(version): \(reason)", now)]
    }

    // MARK: Doubt

    /// An agent is asked once more for a version that it was believed to have. If it has it, it says so at once.
    mutating func doubt(
        _ version: InterfaceVersion, on agent: AgentID, now: MonotonicTime
    ) -> [ManagerEffect] {
        agents[agent]?.installed.removeAll { $0 == version }
        guard published.contains(version) else { return [] }
        return agentLink(agent).map { link in
            [.sendToAgent(.prepareInterface(version, from: sources(of: version, for: agent)), link)]
        } ?? []
    }

    mutating func doubt(
        _ version: InterfaceVersion, on server: GPUServerID, now: MonotonicTime
    ) -> [ManagerEffect] {
        servers[server]?.installed.removeAll { $0 == version }
        recountInstalled()
        serverGained(server)
        guard published.contains(version) else { return [] }
        return serverLink(server).map { link in
            [.sendToServer(.prepareInterface(version, from: sources(of: version, besides: server)), link)]
        } ?? []
    }

    private func failure(_ detail: String, _ now: MonotonicTime) -> ManagerEffect {
        .record(FleetEvent(at: now, kind: .failure, detail: detail))
    }
}

extension [InterfaceVersion: ManagerMachine.Unavailability] {
    /// A peer may name as many as it likes: the oldest of more than 64 is forgotten.
    fileprivate mutating func note(_ version: InterfaceVersion, _ reason: String, _ now: MonotonicTime) {
        self[version] = ManagerMachine.Unavailability(reason: reason, since: now)
        guard count > 64, let oldest = self.min(by: { ($0.value.since, "\($0.key)") < ($1.value.since, "\($1.key)") })
        else { return }
        self[oldest.key] = nil
    }
}
