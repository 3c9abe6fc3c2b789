package import FleetModel

/// Divides one device's time among the tenants that want it, in proportion to their weights.
///
/// One tenant at a time has the *turn*: it alone gives commands to the device. While no other wants the device it keeps
/// the turn, idle or not, so that its commands ask nobody. When others want it, turns go by start-time fair queueing
/// (Goyal, Vin and Cheng, "Start-time Fair Queuing", SIGCOMM 1996): each tenant has a tag, its device time divided by
/// its weight; the least tag goes first, and a tenant that comes back from idling starts at the tag of the turn that is
/// being served, so that idling earns nothing, but for pauses too short to be idling. Device time is charged when it is
/// known, after it was used, so that no command's length need be foreseen: the tags of tenants that want the device
/// without pause differ by at most a quantum and the longest turn, each by its weight.
///
/// A tenant that waits for each command's end before it gives the next is idle for moments, and would lose its turn with
/// each. The device is left idle for it as long as its pauses are known to be short and it is owed most (Iyer and
/// Druschel, "Anticipatory scheduling: a disk scheduling framework to overcome deceptive idleness", SOSP 2001).
///
/// What a worker says it used is believed only in part: a turn that others waited for costs at least half of its time.
///
/// States of the turn: free; held; held and taken back, until its commands have ended. Events are facts, taken in with
/// ``observe(_:_:at:)``, and ``decide(at:)`` draws the consequences. Unknown tenants are ignored: they have left.
package struct DeviceArbiter: Sendable {
    private struct Tenant {
        var weight: Int64
        /// Device time in nanoseconds by weight, from the arbiter's origin.
        var tag = 0.0
        var seen = TenantObservation()
        /// Since when its commands have all ended, where they have.
        var idleSince: MonotonicTime?
        /// How long it paused last before it wanted the device again.
        var pause: Duration = .seconds(1)
        /// Since when its commands run beyond its turn, while others are let in.
        var overrunsSince: MonotonicTime?
        /// Its worker is to be killed; nothing is given to it any more.
        var isEnded = false
    }

    private struct Turn {
        var tenant: GrantID
        /// Since when others want the device, or since it began; nil while nobody else does.
        var sharedSince: MonotonicTime?
        /// When it is decided next whether it goes on.
        var quantumEnds: MonotonicTime
        /// Device time that was charged since ``sharedSince``.
        var charged: Duration = .zero
        var takenAt: MonotonicTime?
        var isAnticipated = false
    }

    private let settings: ArbiterSettings
    private var tenants: [GrantID: Tenant] = [:]
    private var turn: Turn?
    /// The tag at which the last turn began.
    private var virtualTime = 0.0

    package init(_ settings: ArbiterSettings = ArbiterSettings()) { self.settings = settings }

    // MARK: Facts

    /// A tenant that wants nothing yet, or one whose weight changed. Weights below 1 count as 1.
    package mutating func join(_ id: GrantID, weight: Int64) {
        tenants[id, default: Tenant(weight: 1, tag: virtualTime)].weight = max(1, weight)
    }

    /// The tenant's worker is gone, and with it its commands.
    package mutating func leave(_ id: GrantID) {
        tenants[id] = nil
        if turn?.tenant == id { turn = nil }
    }

    /// Takes in what a worker shows.
    package mutating func observe(_ id: GrantID, _ seen: TenantObservation, at now: MonotonicTime) {
        guard var tenant = tenants[id] else { return }
        let used = max(.zero, seen.busy - tenant.seen.busy)
        tenant.tag += Double(used.nanoseconds) / Double(tenant.weight)
        if turn?.tenant == id { turn?.charged += used }
        if seen.isWaiting, !tenant.seen.isWaiting {
            if let since = tenant.idleSince { tenant.pause = since.duration(to: now) }
            tenant.tag = start(of: tenant)
        }
        let isIdle = seen.outstanding <= 0 && !seen.isWaiting
        tenant.idleSince = isIdle ? tenant.idleSince ?? now : nil
        if seen.outstanding <= 0 { tenant.overrunsSince = nil }
        tenant.seen = seen
        tenants[id] = tenant
    }

    // MARK: Decisions

    /// What follows from the facts at `now`. O(tenants).
    package mutating func decide(at now: MonotonicTime) -> [ArbiterEffect] {
        var effects: [ArbiterEffect] = []
        while let effect = next(at: now) { effects.append(effect) }
        effects += endings(at: now)
        return effects
    }

    /// When ``decide(at:)`` has something to decide though nothing was observed; nil for never.
    package var nextDeadline: MonotonicTime? {
        var deadlines: [MonotonicTime] = []
        if let longest = settings.longestCommand {
            for tenant in tenants.values where !tenant.isEnded {
                if let since = tenant.overrunsSince { deadlines.append(since + longest) }
            }
        }
        if let turn, turn.sharedSince != nil {
            if let takenAt = turn.takenAt {
                deadlines.append(takenAt + settings.patience)
            } else if turn.isAnticipated, let since = tenants[turn.tenant]?.idleSince {
                deadlines.append(since + settings.anticipation)
            } else {
                deadlines.append(turn.quantumEnds)
            }
        }
        return deadlines.min()
    }

    /// The tenant that has the turn; nil while nobody has.
    package var holder: GrantID? { turn?.tenant }

    private mutating func next(at now: MonotonicTime) -> ArbiterEffect? {
        guard let turn, let holder = tenants[turn.tenant] else { return giveTurn(at: now) }
        if turn.takenAt != nil { return settle(turn, holder, at: now) }
        guard let rival = leastWaiting(beside: turn.tenant) else {
            guard turn.sharedSince != nil else { return nil }
            self.turn?.sharedSince = nil
            self.turn?.isAnticipated = false
            return .give(turn.tenant, isShared: false)
        }
        guard turn.sharedSince != nil else {
            share(turn, at: now)
            return .give(turn.tenant, isShared: true)
        }
        return goesOn(turn, holder, against: rival.tag, at: now) ? nil : take(turn.tenant, at: now)
    }

    private mutating func giveTurn(at now: MonotonicTime) -> ArbiterEffect? {
        guard let (id, tag) = leastWaiting(beside: nil) else { return nil }
        virtualTime = max(virtualTime, tag)
        tenants[id]?.idleSince = nil
        guard leastWaiting(beside: id) != nil else {
            turn = Turn(tenant: id, quantumEnds: now)
            return .give(id, isShared: false)
        }
        begin(sharing: id, at: now)
        return .give(id, isShared: true)
    }

    /// From now on the turn is at others' cost. What its tenant used before was at nobody's: those who wait begin where
    /// it is.
    private mutating func share(_ turn: Turn, at now: MonotonicTime) {
        virtualTime = max(virtualTime, tenants[turn.tenant]?.tag ?? 0)
        for (id, tenant) in tenants where tenant.seen.isWaiting {
            let start = start(of: tenant)
            tenants[id]?.tag = start
        }
        begin(sharing: turn.tenant, at: now)
    }

    /// The tag of a tenant that wants the device again.
    private func start(of tenant: Tenant) -> Double {
        let owed = tenant.pause <= settings.recall ? settings.recall : .zero
        return max(tenant.tag, virtualTime - Double(owed.nanoseconds) / Double(tenant.weight))
    }

    private mutating func begin(sharing id: GrantID, at now: MonotonicTime) {
        turn = Turn(tenant: id, sharedSince: now, quantumEnds: now + settings.quantum)
    }

    /// Whether the turn stays where it is, though `rival` is the least tag of those that wait.
    private mutating func goesOn(_ turn: Turn, _ holder: Tenant, against rival: Double, at now: MonotonicTime) -> Bool {
        let elapsed = (turn.sharedSince ?? now).duration(to: now)
        // What runs now is not known yet, but not longer than the turn.
        let isIdle = holder.seen.outstanding <= 0 && !holder.seen.isWaiting
        let unknown = isIdle ? .zero : max(.zero, elapsed - turn.charged)
        let isOwed = holder.tag + Double(unknown.nanoseconds) / Double(holder.weight) <= rival
        if let since = holder.idleSince {
            let isShortPause = holder.pause <= settings.anticipation
            guard isOwed, isShortPause else { return false }
            self.turn?.isAnticipated = true
            if since.duration(to: now) < settings.anticipation { return true }
            tenants[turn.tenant]?.pause = .seconds(1)
            return false
        }
        self.turn?.isAnticipated = false
        guard now >= turn.quantumEnds else { return true }
        if isOwed { self.turn?.quantumEnds = now + settings.quantum }
        return isOwed
    }

    private mutating func take(_ id: GrantID, at now: MonotonicTime) -> ArbiterEffect {
        turn?.takenAt = now
        // Until it is observed anew it may have given a command that was not seen.
        if let seen = tenants[id]?.seen, seen.outstanding <= 0 { tenants[id]?.seen.outstanding = 1 }
        return .take(id)
    }

    /// Ends a turn that was taken back, when its commands have ended or the patience with them has.
    private mutating func settle(_ turn: Turn, _ holder: Tenant, at now: MonotonicTime) -> ArbiterEffect? {
        let takenAt = turn.takenAt ?? now
        let hasEnded = holder.seen.outstanding <= 0
        guard hasEnded || takenAt.duration(to: now) >= settings.patience else { return nil }
        let least = (turn.sharedSince ?? now).duration(to: now) / 2
        if least > turn.charged {
            tenants[turn.tenant]?.tag += Double((least - turn.charged).nanoseconds) / Double(holder.weight)
        }
        if !hasEnded { tenants[turn.tenant]?.overrunsSince = takenAt }
        self.turn = nil
        return giveTurn(at: now)
    }

    private mutating func endings(at now: MonotonicTime) -> [ArbiterEffect] {
        guard let longest = settings.longestCommand else { return [] }
        let late = tenants.filter { _, tenant in
            !tenant.isEnded && tenant.overrunsSince.map { $0.duration(to: now) >= longest } ?? false
        }
        for id in late.keys { tenants[id]?.isEnded = true }
        return late.keys.sorted().map { .end($0) }
    }

    /// Of those that wait and whose last commands do not run beyond their turn.
    private func leastWaiting(beside holder: GrantID?) -> (id: GrantID, tag: Double)? {
        var least: (id: GrantID, tag: Double)?
        for (id, tenant) in tenants where id != holder {
            guard tenant.seen.isWaiting, tenant.overrunsSince == nil, !tenant.isEnded else { continue }
            if let known = least, (known.tag, known.id) < (tenant.tag, id) { continue }
            least = (id, tenant.tag)
        }
        return least
    }
}
