import FleetModel
import InterfaceCore
import SessionCore

/// Operators' rules about interface versions in operation: which library programs of an instance get, and what becomes of
/// sessions that are prepared in a version that is no longer allowed.
extension ManagerMachine {
    /// What operators have ordered, before what the manager is configured to.
    var versionRules: VersionRules { orders.versionRules.over(configuration.versionRules) }

    /// The rule in force for an instance.
    func versionRule(of record: InstanceRecord) -> VersionRule? {
        versionRules.rule(for: record.description, class: record.priority.name)?.rule
    }

    /// Sees to it that both ends have what the rules ask for, that agents know which instance uses what, and that nothing
    /// is prepared that a rule forbids. O(agents × instances + grants)
    mutating func followVersionRules(_ now: MonotonicTime) -> [ManagerEffect] {
        var effects: [ManagerEffect] = []
        for peer in peersByName { effects += followVersionRules(of: peer, now) }
        return effects
    }

    /// The same, as far as one peer is concerned. O(its instances + their grants)
    mutating func followVersionRules(of peer: Peer, _ now: MonotonicTime) -> [ManagerEffect] {
        switch peer {
        case .server(let server): return prepareServer(server, now)
        case .agent(let agent):
            return prepareAgent(agent, now: now) + assignVersions(on: agent)
                + (versionRules.rules.isEmpty ? [] : releaseForbidden(on: agent, now))
        }
    }

    /// GPU servers first: agents lack only what one of them has.
    var peersByName: [Peer] { servers.keys.sorted().map { .server($0) } + agents.keys.sorted().map { .agent($0) } }

    /// Tells an agent which version each of its instances uses, where that is not what it was last told. An agent with one
    /// version has no choice, and is told nothing.
    mutating func assignVersions(on agent: AgentID) -> [ManagerEffect] {
        guard let record = agents[agent], let link = record.link, record.installed.count > 1 else { return [] }
        var changed: [InterfaceVersion: [InstanceID]] = [:]
        for instance in record.instances.sorted() {
            guard let version = clientVersion(of: instance), record.assigned[instance] != version else { continue }
            agents[agent]?.assigned[instance] = version
            changed[version, default: []].append(instance)
        }
        return changed.sorted { $0.key.description < $1.key.description }.flatMap { version, instances in
            stride(from: 0, to: instances.count, by: Self.assignedAtOnce).map { start in
                let part = Array(instances[start..<min(start + Self.assignedAtOnce, instances.count)])
                return .sendToAgent(.useInterface(version, for: part), link)
            }
        }
    }

    /// The same for one instance that has appeared: its program waits for it, also where nothing has changed.
    mutating func assignVersion(to instance: InstanceID, on agent: AgentID) -> [ManagerEffect] {
        guard let record = agents[agent], let link = record.link, record.installed.count > 1,
            let version = clientVersion(of: instance)
        else { return [] }
        agents[agent]?.assigned[instance] = version
        return [.sendToAgent(.useInterface(version, for: [instance]), link)]
    }

    private static var assignedAtOnce: Int { 1_024 }

    /// The version of the library that programs of an instance are to load: that in which sessions open on some server
    /// that is there, else the best that its host has.
    private func clientVersion(of instance: InstanceID) -> InterfaceVersion? {
        let selection = selection(questionOfNewPrograms(of: instance, on: nil))
        return selection.chosenPair?.client
            ?? selection.candidates.first { $0.obstacles.isEmpty && $0.isAtClient }?.offer.version
    }

    /// The client's version of a session whose worker runs `worker`: the same, or else the newest that its agent has and
    /// that the worker serves.
    func clientVersion(on agent: AgentID, with worker: InterfaceVersion) -> InterfaceVersion {
        guard let installed = agents[agent]?.installed, !installed.contains(worker),
            let serving = offers.first(where: { $0.version == worker })?.manifest
        else { return worker }
        let served = offers.last {
            serving.testedWith.contains($0.version.digest) && installed.contains($0.version)
        }
        return served?.version ?? worker
    }

    /// The client's version of an instance's session whose worker runs `worker`: that of the library which its programs have
    /// loaded, where the worker serves it, else as for any.
    func clientVersion(of instance: InstanceRecord, with worker: InterfaceVersion) -> InterfaceVersion {
        guard let library = instance.library, library != worker.version,
            let installed = agents[instance.agent]?.installed,
            let serving = offers.first(where: { $0.version == worker })?.manifest,
            let loaded = offers.last(where: { $0.version.version == library && installed.contains($0.version) }),
            serving.testedWith.contains(loaded.version.digest)
        else { return clientVersion(on: instance.agent, with: worker) }
        return loaded.version
    }

    /// The client's version of a grant's session.
    func clientVersion(of grant: GrantRecord) -> InterfaceVersion {
        // Not as what an operator has on its right, which is a closure, for which the machine would be copied.
        if let client = grant.client { return client }
        return clientVersion(on: grant.stored.agent, with: grant.stored.version)
    }

    // MARK: Libraries that programs have loaded

    /// Whether the programs of a grant's instance can use its session, as far as can be known: it is of the library with which
    /// was asked last, or the best that there was for it.
    func fitsLibrary(_ id: GrantID, _ library: SemanticVersion?) -> Bool {
        guard let library else { return true }
        return grants.read(id) { $0.pointee.library == library || clientVersion(of: $0.pointee).version == library }
            ?? true
    }

    /// Gives up what is prepared for another library than the one with which was asked last.
    mutating func releaseUnfit(_ instance: InstanceID, now: MonotonicTime) -> [ManagerEffect] {
        guard let record = record(of: instance) else { return [] }
        let unfit = record.grants.filter {
            isPrepared($0) && grants[$0]?.request == nil && !fitsLibrary($0, record.library)
        }
        return unfit.flatMap { release($0, .ordered, now: now) }
    }

    /// The newest version on some server whose worker serves a client that an agent has; nil for none.
    func newestServing(
        _ clients: [InterfaceVersion], among workers: [InterfaceVersion]
    ) -> InterfaceVersion? {
        let known = offers.filter { clients.contains($0.version) }
        return offers.last { offer in
            guard workers.contains(offer.version), let manifest = offer.manifest else { return false }
            let worker = InstalledManifest(manifest: manifest, digest: offer.version.digest)
            return known.contains { client in
                guard let manifest = client.manifest else { return false }
                let installed = InstalledManifest(manifest: manifest, digest: client.version.digest)
                return SharedVersion.isShared(client: installed, worker: worker)
            }
        }?.version
    }

    /// Gives up what is prepared on an agent's host in a version that a rule forbids, and no program uses.
    private mutating func releaseForbidden(on agent: AgentID, _ now: MonotonicTime) -> [ManagerEffect] {
        var effects: [ManagerEffect] = []
        for id in grants.grants(of: agent) {
            guard let grant = grants[id], !grant.lifecycle.isAttached, !grant.lifecycle.isReleasing,
                let record = record(of: grant.stored.instance.id),
                let rule = versionRule(of: record),
                !rule.allows(grant.stored.version.version)
            else { continue }
            effects += release(id, .openFailed, now: now)
        }
        return effects
    }
}
