import AllocationCore
import FleetModel
import SessionCore

/// GPU servers that are lost, and what is kept for that.
extension ManagerMachine {
    // MARK: Loss

    func isLost(_ id: GrantID) -> Bool {
        guard !lostServers.isEmpty else { return false }
        return grants.read(id) { lostServers.contains($0.pointee.stored.device.server) } ?? false
    }

    /// Whether what is prepared in a grant could still be of use: its GPU server is there, or was a moment ago, and is to
    /// stay, and so is its version.
    /// - Parameter library: that of the grant's instance.
    func isUsable(_ id: GrantID, library: SemanticVersion?) -> Bool {
        guard rollouts.outdated[id] == nil, !isLost(id), fitsLibrary(id, library) else { return false }
        guard !closedServers.isEmpty else { return true }
        return grants.read(id) { !closedServers.contains($0.pointee.stored.device.server) } ?? false
    }

    /// A GPU server that has been silent is given up: what was prepared there is prepared elsewhere, and instances whose
    /// programs had sessions there are certain to want others. Both are the plan's to decide, in its order: the heaviest
    /// class first, in it those for which something is prepared. Its memory counts as promised until it is back or
    /// forgotten.
    mutating func lose(_ server: GPUServerID, now: MonotonicTime) {
        guard servers[server] != nil, lostServers.insert(server).inserted else { return }
        for id in grants.grants(on: server) where grants[id]?.lifecycle.isAttached == true {
            guard let instance = grants[id]?.stored.instance.id else { continue }
            update(instance) { $0.lostSession = now }
        }
    }

    /// How long a session that was lost makes demand certain; by then its program has asked, or will not.
    private static let certainAfterLoss: Duration = .seconds(10)

    /// Takes note that the loss of a session is made good, or is past.
    mutating func noticeRecovered(at place: Int, _ now: MonotonicTime) {
        guard let instance = instances[place], let since = instance.lostSession else { return }
        let attached = instance.grants.last { grants.standing($0)?.isAttached == true && !isLost($0) }
        guard attached != nil || now - since > Self.certainAfterLoss else { return }
        instances[place]?.lostSession = nil
    }

    // MARK: Standbys

    /// The session whose GPU server's loss an instance is kept ready for: what a program has, else a reservation.
    private func anchor(of instance: InstanceRecord) -> GrantID? {
        if let attached = instance.grants.last(where: { grants[$0]?.lifecycle.isAttached == true && !isLost($0) }) {
            return attached
        }
        return preparing(instance).flatMap { grants[$0]?.lifecycle.goal == .reserved ? $0 : nil }
    }

    /// What is kept for an instance against the loss of the GPU server that it has its slice on; nil where its class asks
    /// for nothing, or there is nothing yet.
    func standby(of instance: InstanceRecord) -> GrantID? {
        guard instance.priority.backup != .none, let anchor = anchor(of: instance),
            let server = grants[anchor]?.stored.device.server
        else { return nil }
        return instance.grants.first { id in
            id != anchor && isPrepared(id) && isUsable(id, library: instance.library)
                && grants[id]?.stored.device.server != server
        }
    }

    /// Second sessions while they are seen to, in parts.
    struct StandbysInParts: Sendable {
        /// The places of those whose turn comes, the last first.
        var left: [Int]
        /// The places of those whose programs wait, or others of their sets: these come first.
        let waiting: Set<Int>
        var wanted = 0
        var ready = 0
    }

    /// For how many instances one part sees to their second sessions: one that is to be opened looks at devices until there
    /// is one in another failure domain.
    private static let standbysInPart = 64

    /// The instances of classes that ask for a second session, as far as they hold anything, the heaviest class first.
    /// O(instances), where there is such a class
    func standbysToKeep(_ now: MonotonicTime) -> StandbysInParts {
        guard rules.classes.contains(where: { $0.backup != .none }) else {
            return StandbysInParts(left: [], waiting: [])
        }
        let order = instances.indices.filter { mayHaveStandby(at: $0, now) }.sorted { one, other in
            let weights = (instances.standing(one).weight, instances.standing(other).weight)
            return weights.0 == weights.1 ? one > other : weights.0 < weights.1
        }
        return StandbysInParts(left: order, waiting: waitingPlaces)
    }

    private func mayHaveStandby(at place: Int, _ now: MonotonicTime) -> Bool {
        let standing = instances.standing(place)
        return standing.hasBackup && standing.grantCount > 0 && !standing.isGone && !isPaused(standing, now)
    }

    /// Keeps a second session on another GPU server, in another failure domain where one has room, for some of the
    /// instances of classes that ask for it: those that are still to have one.
    mutating func keepStandbys(_ standbys: inout StandbysInParts, _ now: MonotonicTime) {
        for _ in 0..<min(Self.standbysInPart, standbys.left.count) {
            let place = standbys.left.removeLast()
            guard mayHaveStandby(at: place, now), let instance = instances[place],
                let kept = anchor(of: instance).flatMap({ grants[$0]?.stored })
            else { continue }
            standbys.wanted += 1
            guard !standbys.waiting.contains(place), keepStandby(of: instance, beside: kept, now) else { continue }
            standbys.ready += 1
        }
    }

    /// - Returns: whether the second session is as ready as it should be.
    private mutating func keepStandby(
        of instance: InstanceRecord, beside kept: StoredGrant, _ now: MonotonicTime
    ) -> Bool {
        guard let level = instance.priority.backup.level, kept.slice.memory > .zero else { return false }
        let slice = Slice(memory: kept.slice.memory, compute: .zero)
        guard let id = standby(of: instance), let grant = grants[id] else {
            openStandby(for: instance.description.id, beside: kept.device, slice, at: level, now)
            return false
        }
        grants[id]?.unusedSince = now
        if level == .reserved, grant.charge == .warm, grant.lifecycle.goal == .warm,
            (try? pool.reserve(slice, on: grant.stored.device)) != nil
        {
            pool.closeWarm(on: grant.stored.device)
            raise(id, to: kept.slice, now: now)
        }
        return grant.lifecycle.isSettled && grant.lifecycle.readiness >= level
    }

    private mutating func openStandby(
        for instance: InstanceID, beside anchor: DeviceID, _ slice: Slice, at level: Readiness, _ now: MonotonicTime
    ) {
        let domain = servers[anchor.server]?.host.failureDomain
        let siblings = record(of: instance).flatMap { self.siblings(of: $0) }
        func admits(_ device: DeviceID, elsewhere: Bool) -> Bool {
            guard device.server != anchor.server, siblings?.devices.contains(device) != true else { return false }
            return !elsewhere || servers[device.server]?.host.failureDomain != domain
        }
        let apart =
            domain == nil ? nil : pool.standbyPlace(for: slice, at: level) { admits($0, elsewhere: true) }
        guard let device = apart ?? pool.standbyPlace(for: slice, at: level, where: { admits($0, elsewhere: false) }),
            let version = try? sharedVersion(instance, on: device)
        else { return }
        if level == .warm {
            guard (try? pool.openWarm(on: device)) != nil else { return }
        } else {
            guard (try? pool.reserve(slice, on: device)) != nil else { return }
        }
        begin(
            instance, on: device, slice: level == .reserved ? slice : nil, version: version, now: now)
    }

    // MARK: Room for a loss

    /// The most sessions of one GPU server that a drill places.
    private static let drilledSessions = 512

    /// Finds out what would find no room if one GPU server, another each step, were lost with the sessions that programs
    /// have on it: the heaviest class first. O(its sessions × log devices)
    mutating func drillOneLoss() {
        let present = servers.keys.filter { servers[$0]?.link != nil }.sorted()
        guard let server = present.first(where: { $0 > lastDrill ?? $0 }) ?? present.first else { return }
        lastDrill = server
        let carried = grants.grants(on: server).compactMap { grants[$0] }.filter(\.lifecycle.isAttached)
        let order = carried.sorted { one, other in
            let weights = (weight(one.stored.instance.id), weight(other.stored.instance.id))
            if weights.0 != weights.1 { return weights.0 > weights.1 }
            return one.stored.slice.memory > other.stored.slice.memory
        }
        let slices = order.prefix(Self.drilledSessions).map(\.stored.slice)
        let left = pool.unplaced(slices, losing: (servers[server]?.devices ?? []).map(\.id))
        unplaced[server] = left.count == 0 ? nil : left
    }

    /// How ready the fleet is for a loss, and how far drained GPU servers are. O(servers + grants of drained servers)
    func recovery(at now: MonotonicTime) -> RecoveryOverview {
        let worst = unplaced.max { ($0.value.memory, $1.key) < ($1.value.memory, $0.key) }
        return RecoveryOverview(
            standbysWanted: standbys.wanted, standbysReady: standbys.ready, worstServer: worst?.key,
            unplacedMemory: worst?.value.memory ?? .zero, unplacedSessions: worst?.value.count ?? 0,
            drains: drains(at: now))
    }
}
