package import FleetModel
import InterfaceCore
import SessionCore

/// What a rollout means for the versions that sessions open in, and who can take part in it.
extension ManagerMachine {
    /// How many prepared sessions are replaced at once by ones in the version that is rolled out.
    private static let renewalLimit = 256
    /// How long a prepared session in the version before is kept for want of one in the new.
    private static let renewalPatience: Duration = .seconds(10)

    // MARK: Choice

    /// Versions that an instance is not to open sessions in, or a GPU server not to install, and why.
    /// - Parameter server: nil where it is not known yet, or does not matter.
    func withheld(from instance: InstanceID?, on server: GPUServerID?) -> [InterfaceVersion: String] {
        var withheld: [InterfaceVersion: String] = [:]
        guard !configuration.bugs.contains(.ignoreRollout) else { return withheld }
        for offer in offers {
            let version = offer.version
            if rollouts.isTarget(version) {
                if let instance, !rollouts.admits(instance) {
                    withheld[version] = "its rollout has not come to this instance"
                } else if let server, !rollouts.admits(server) {
                    withheld[version] = "its rollout has not come to this GPU server"
                }
            } else if isHeldBack(version) {
                withheld[version] = "no rollout has been started for it"
            }
        }
        return withheld
    }

    /// Whether a version waits for a rollout because operators want one for whatever is newer than what stands.
    private func isHeldBack(_ version: InterfaceVersion) -> Bool {
        guard configuration.updates == .rollout, let standing = rollouts.standing else { return false }
        // Where nothing else is to be had any longer, waiting would leave everybody with nothing.
        let isReplaceable = offers.contains {
            $0.version.kind == version.kind && $0.version.version <= standing
                && rollouts.barred[$0.version.version] == nil
        }
        return isReplaceable && version.version > standing
    }

    /// Versions that were taken out of use by a rollout's end. Where nothing else is to be had any longer, all but those that
    /// compute wrongly are better than none.
    var quarantined: [InterfaceVersion: String] {
        guard !rollouts.barred.isEmpty else { return [:] }
        let hasOthers = offers.contains { rollouts.barred[$0.version.version] == nil }
        var quarantined: [InterfaceVersion: String] = [:]
        for offer in offers {
            guard let bar = rollouts.barred[offer.version.version], hasOthers || bar.isFinal else { continue }
            quarantined[offer.version] = "rolled back: \(bar.reason)"
        }
        return quarantined
    }

    /// The version number that an instance's sessions are to be in before any other.
    func preferred(by instance: InstanceID) -> SemanticVersion? {
        rollouts.admits(instance) ? rollouts.active?.target.version : nil
    }

    // MARK: Who can take part

    /// Instances and GPU servers for which the target is possible, those among them that have left of late. O(instances)
    func rolloutFleet(_ target: InterfaceVersion) -> RolloutFleet {
        struct Kind: Hashable {
            var platform: HostPlatform
            var rule: VersionRule?
        }
        var known: [Kind: Bool] = [:]
        var fleet = RolloutFleet()
        for record in instances.lazy.compactMap({ $0 }) where !record.isGone {
            let rule = versionRule(of: record)
            let kind = Kind(platform: agents[record.agent]?.platform ?? HostPlatform(), rule: rule)
            let isPossible = known[kind] ?? isPossible(target, client: kind.platform, server: nil, rule: rule)
            known[kind] = isPossible
            guard isPossible else { continue }
            fleet.instances.append(rolloutInstance(record))
        }
        for departure in rollouts.departed.values.sorted(by: { $0.instance.id < $1.instance.id })
        where record(of: departure.instance.id)?.isGone != false {
            fleet.instances.append(departure.instance)
        }
        for id in servers.keys.sorted() {
            guard let record = servers[id], isPossible(target, client: nil, server: record, rule: nil) else { continue }
            fleet.servers.append(RolloutFleet.Server(id, failureDomain: record.host.failureDomain))
        }
        return fleet
    }

    /// An instance that leaves may be back soon.
    mutating func noteDeparted(_ record: InstanceRecord, _ now: MonotonicTime) {
        guard let target = rollouts.active?.target else { return }
        let platform = agents[record.agent]?.platform ?? HostPlatform()
        guard isPossible(target, client: platform, server: nil, rule: versionRule(of: record)) else { return }
        rollouts.noteDeparted(rolloutInstance(record), at: now)
    }

    private func rolloutInstance(_ record: InstanceRecord) -> RolloutFleet.Instance {
        var tenant = record.description.tenant
        var priorityClass = record.priority.name
        if configuration.bugs.contains(.ignoreRolloutLimits) {
            tenant = TenantID(unchecked: record.description.id.rawValue)
            priorityClass = PriorityClassName(unchecked: record.description.id.rawValue)
        }
        return RolloutFleet.Instance(record.description.id, tenant: tenant, priorityClass: priorityClass)
    }

    private func isPossible(
        _ target: InterfaceVersion, client: HostPlatform?, server: ServerRecord?, rule: VersionRule?
    ) -> Bool {
        let question = InterfaceSelection.Question(
            kind: target.kind, client: InterfaceSelection.End(platform: client ?? HostPlatform()),
            server: InterfaceSelection.End(platform: server?.platform ?? HostPlatform()),
            device: server?.devices.first, rule: rule)
        return InterfaceSelection(question, offers: offers).candidates.contains {
            $0.offer.version.version == target.version && $0.obstacles.isEmpty
        }
    }

    // MARK: Prepared sessions

    /// Has what is prepared in the version before replaced, a bounded number at once, for instances that the rollout has come
    /// to: the new session first, then the old one goes.
    mutating func renewOutdated(_ now: MonotonicTime) -> [ManagerEffect] {
        guard let rollout = rollouts.active, !rollout.members.isEmpty else {
            rollouts.outdated = [:]
            return []
        }
        var effects: [ManagerEffect] = []
        for (id, since) in rollouts.outdated.sorted(by: { $0.key < $1.key }) {
            guard isPrepared(id), let grant = grants[id], grant.request == nil else {
                rollouts.outdated[id] = nil
                continue
            }
            guard isReplaced(id) || now - since > Self.renewalPatience else { continue }
            rollouts.outdated[id] = nil
            effects += release(id, .ordered, now: now)
        }
        // Looking at all of them is for when who takes part is looked at.
        guard rollouts.lastLook == now else { return effects }
        for id in grants.ascending where rollouts.outdated.count < Self.renewalLimit {
            guard isPrepared(id), rollouts.outdated[id] == nil, let grant = grants[id], grant.request == nil,
                rollouts.admits(grant.stored.instance.id), !rollouts.isTarget(grant.stored.version),
                let better = try? sharedVersion(grant.stored.instance.id, on: grant.stored.device),
                rollouts.isTarget(better)
            else { continue }
            rollouts.outdated[id] = now
        }
        return effects
    }

    /// Whether an instance has as much prepared in another session, which is to stay.
    func isReplaced(_ id: GrantID) -> Bool {
        guard let grant = grants[id], let instance = record(of: grant.stored.instance.id) else { return false }
        return instance.grants.contains { other in
            guard other != id, isPrepared(other), isUsable(other, library: instance.library),
                let lifecycle = grants[other]?.lifecycle
            else { return false }
            return lifecycle.isSettled && lifecycle.readiness >= grant.lifecycle.readiness
        }
    }

    // MARK: For people

    /// All rollouts that are remembered, oldest first. O(grants)
    package var rolloutOverviews: [RolloutOverview] {
        rollouts.records.map { record in
            guard let rollout = rollouts.active, rollout.record.id == record.id else { return RolloutOverview(record) }
            let attached = grants.unordered.filter(\.lifecycle.isAttached)
            let inTarget = attached.count { rollouts.isTarget($0.stored.version) }
            var overview = RolloutOverview(
                record, servers: rollout.members.servers.count, sessionsInTarget: inTarget,
                sessionsInOthers: attached.count - inTarget)
            overview.gates = rollout.figures
            return overview
        }
    }
}
