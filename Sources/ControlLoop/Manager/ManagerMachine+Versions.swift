import AllocationCore
import FleetModel
import InterfaceCore

/// Which interface version a session runs in: one that its agent and its GPU server have and the repository publishes.
extension ManagerMachine {
    /// The version that an agent shares with some GPU server that is there.
    /// - Throws: ``NoSharedVersion``, which names what each side has.
    func sharedVersion(_ agent: AgentID) throws(NoSharedVersion) -> InterfaceVersion {
        try sharedVersion(agent, serverInstalled: installedOnServers)
    }

    /// The version in which an instance's sessions open on a device: the best of those that both ends have.
    /// - Throws: ``NoSharedVersion``, which names what each side has.
    func sharedVersion(_ instance: InstanceID, on device: DeviceID) throws(NoSharedVersion) -> InterfaceVersion {
        if configuration.bugs.contains(.ignoreSharedVersion), let newest = published.last { return newest }
        let question = question(of: instance, on: device)
        return try selection(question).choose(question)
    }

    /// What speaks for and against each version for an instance, on a device or on any: for programs that have loaded the
    /// library that was asked with last, as long as a session can be opened for it.
    func question(of instance: InstanceID, on device: DeviceID?) -> InterfaceSelection.Question {
        let question = questionOfNewPrograms(of: instance, on: device)
        guard let place = instanceIndex[instance], let library = instances.read(place, { $0.pointee.library }),
            let library
        else { return question }
        var loaded = question
        loaded.library = library
        return selection(loaded).chosenPair == nil ? question : loaded
    }

    /// The same for programs that have yet to load a library.
    func questionOfNewPrograms(of instance: InstanceID, on device: DeviceID?) -> InterfaceSelection.Question {
        // Read where it lies: this is asked for each session that is opened.
        let known: (agent: AgentID, rule: VersionRule?, needs: Set<String>)? = instanceIndex[instance].flatMap {
            place in
            instances.read(place) { record in
                let rule = versionRules.rules.isEmpty ? nil : versionRule(of: record.pointee)
                return (record.pointee.agent, rule, record.pointee.needs)
            }
        }
        let server = device.flatMap { servers[$0.server] }
        var question = InterfaceSelection.Question(
            kind: configuration.interfaceKind, client: end(known?.agent),
            server: server.map(Self.end) ?? InterfaceSelection.End(installed: installedOnServers),
            device: server?.devices.first { $0.id == device },
            rule: known?.rule, needs: known?.needs ?? [],
            isCanary: rollouts.active == nil && rollouts.explorers.contains(instance))
        question.withheld = withheld(from: instance, on: device?.server)
        question.preferred = preferred(by: instance)
        return question
    }

    func selection(_ question: InterfaceSelection.Question) -> InterfaceSelection {
        let model = question.device?.model ?? ""
        return InterfaceSelection(question, offers: offers, quarantined: quarantined) {
            versionRecords[RecordKey(version: $0, model: model)]
        }
    }

    func end(_ agent: AgentID?) -> InterfaceSelection.End {
        guard let record = agent.flatMap({ agents[$0] }) else { return InterfaceSelection.End() }
        return InterfaceSelection.End(
            platform: record.platform, installed: record.installed,
            unusable: record.unavailable.mapValues(\.reason))
    }

    static func end(_ record: ServerRecord) -> InterfaceSelection.End {
        InterfaceSelection.End(
            platform: record.platform, installed: record.installed,
            unusable: record.unavailable.mapValues(\.reason))
    }

    /// What of a GPU server's device tells in which versions an instance's sessions can be opened there.
    struct VersionKind: Hashable {
        var installed: [InterfaceVersion]
        var unavailable: [InterfaceVersion]
        var platform: HostPlatform
        var model: String
        var isInRollout: Bool
    }

    func versionKind(of record: ServerRecord, _ server: GPUServerID, model: String) -> VersionKind {
        VersionKind(
            installed: record.installed, unavailable: record.unavailable.keys.sorted { $0.digest < $1.digest },
            platform: record.platform, model: model, isInRollout: rollouts.admits(server))
    }

    // MARK: What was measured

    /// A version on one kind of device.
    struct RecordKey: Hashable {
        var version: InterfaceVersion
        var model: String
    }

    mutating func noteOpened(_ id: GrantID, now: MonotonicTime) {
        guard let grant = grants[id], let begun = grant.begun else { return }
        grants[id]?.begun = nil
        change(recordOf: grant) { $0.sessionOpened(in: now - begun) }
        rollouts.count(grant.stored.version) { $0.opened.count(now - begun) }
    }

    /// A session could not be opened. One that had been was: what became of it then its GPU server tells.
    mutating func noteFailed(_ id: GrantID) {
        guard let grant = grants[id], grant.begun != nil else { return }
        grants[id]?.begun = nil
        change(recordOf: grant) { $0.sessionFailed() }
        rollouts.count(grant.stored.version) { $0.failedToOpen += 1 }
    }

    /// A session's worker has crashed, in whoever's hands the session was.
    mutating func noteCrashed(_ grant: GrantRecord) {
        change(recordOf: grant) { $0.sessionFailed() }
        rollouts.count(grant.stored.version) { $0.crashed += 1 }
    }

    /// What an instance's programs have used they are taken to need again, as long as some version can do it.
    mutating func learnNeeds(_ held: HeldGrant) {
        guard let instance = grants[held.grant]?.stored.instance.id, let known = record(of: instance)?.needs,
            !held.activity.capabilities.isSubset(of: known)
        else { return }
        let offered = Set(offers.lazy.compactMap(\.manifest).flatMap(\.capabilities))
        update(instance) { $0.needs.formUnion(held.activity.capabilities.intersection(offered)) }
    }

    mutating func noteMeasured(_ measurement: InterfaceMeasurement, on server: GPUServerID) {
        servers[server]?.rates[measurement.version] =
            published.contains(measurement.version) ? measurement.commandRate : nil
        for device in servers[server]?.devices ?? [] where published.contains(measurement.version) {
            versionRecords[RecordKey(version: measurement.version, model: device.model), default: VersionRecord()]
                .selfTested(measurement)
        }
    }

    /// Only of what is published: peers cannot make it grow.
    private mutating func change(recordOf grant: GrantRecord, _ change: (inout VersionRecord) -> Void) {
        let version = grant.stored.version
        let device = grant.stored.device
        guard published.contains(version),
            let model = servers[device.server]?.devices.first(where: { $0.id == device })?.model
        else { return }
        change(&versionRecords[RecordKey(version: version, model: model), default: VersionRecord()])
    }

    private func sharedVersion(
        _ agent: AgentID?, serverInstalled: [InterfaceVersion]
    ) throws(NoSharedVersion) -> InterfaceVersion {
        if configuration.bugs.contains(.ignoreSharedVersion), let newest = published.last { return newest }
        let installed = agent.flatMap { agents[$0]?.installed } ?? []
        do {
            return try SharedVersion.select(
                kind: configuration.interfaceKind, agent: installed, server: serverInstalled, repository: published)
        } catch {
            guard let serving = newestServing(installed, among: serverInstalled) else { throw error }
            return serving
        }
    }

    /// Takes note that a GPU server has come, or has a version more: its devices can be given out once it has something
    /// that is published.
    mutating func serverGained(_ server: GPUServerID) {
        guard let record = servers[server], record.link != nil else { return }
        let isUsable =
            record.installed.contains { published.contains($0) } && !closedServers.contains(server)
        for device in record.devices { pool.setAvailable(device.id, isUsable) }
        largestDevice = max(largestDevice, record.devices.map(\.memory).max() ?? .zero)
        for version in record.installed where !installedOnServers.contains(version) {
            installedOnServers.append(version)
        }
    }

    /// Takes note that a GPU server is away: nothing is placed there, and what it alone could offer is not to be had.
    /// O(devices)
    mutating func serverWentAway(_ server: GPUServerID) {
        for device in servers[server]?.devices ?? [] { pool.setAvailable(device.id, false) }
        let present = servers.values.lazy.filter { $0.link != nil }
        largestDevice = present.flatMap(\.devices).map(\.memory).max() ?? largestDevice
        recountInstalled()
    }

    /// Counts anew what some GPU server that is there has. O(servers × versions)
    mutating func recountInstalled() {
        let present = servers.values.lazy.filter { $0.link != nil }
        let installed = present.reduce(into: Set<InterfaceVersion>()) { $0.formUnion($1.installed) }
        installedOnServers = installed.sorted { $0.description < $1.description }
    }

    /// Contention in words; where versions are the reason, with what each side has.
    func describe(_ contention: Contention, of instance: InstanceID) -> String {
        guard contention.reason == .notStaged, let agent = record(of: instance)?.agent else {
            return contention.description
        }
        guard hasServers else {
            // None has a version to share, nor anything else.
            var known = contention
            known.reason = .noDevice
            return known.description
        }
        do {
            // Shared by now.
            _ = try sharedVersion(agent)
            return contention.description
        } catch {
            return "\(contention.description): \(error)"
        }
    }
}
