/// One thing that an operator changes.
package enum OperatorChange: Hashable, Sendable {
    case classes(ClassChange)
    /// Nil for what the manager is configured to.
    case setMode(ManagerMode?)
    /// In place of an older pin of the instance.
    case pin(InstanceID, PinnedPlace)
    case unpin(InstanceID)
    /// In place of an older reservation of the instance.
    case reserve(ManualReservation)
    case releaseReservation(InstanceID)
    case addMaintenance(MaintenanceWindow)
    /// The server's window that begins at this moment; nil for all of the server's.
    case removeMaintenance(GPUServerID, from: WallTime?)
    /// Which interface versions are allowed, in place of an older rule of this kind for the same; nil takes it back.
    case setVersionRule(VersionRules.Scope, VersionRule?)
}

extension OperatorSettings {
    /// Carries out one change, or none of it. O(orders)
    /// - Parameters:
    ///   - configured: the classes that there are without any that was set.
    ///   - now: what the wall clock says; windows and reservations that are over are forgotten.
    package mutating func apply(
        _ change: OperatorChange, configured: [PriorityClass], now: WallTime
    ) throws(OrderError) {
        if case .classes(let change) = change {
            try rules.apply(change, configured: configured)
        } else {
            try orders.apply(change, now: now)
        }
        orders.revision += 1
    }
}

extension OperatorOrders {
    package static let pinLimit = 16_384
    package static let reservationLimit = 4_096
    package static let maintenanceLimit = 4_096
    package static let versionRuleLimit = 4_096
    package static let greatestMemory = Bytes(1 << 50)

    fileprivate mutating func apply(_ change: OperatorChange, now: WallTime) throws(OrderError) {
        var changed = self
        changed.reservations.removeAll { $0.isOver(at: now) }
        changed.maintenance.removeAll { $0.isOver(at: now) }
        switch change {
        case .classes: return
        case .setMode(let mode): changed.mode = mode
        case .pin(let instance, let place):
            changed.pins[instance] = place
            try Self.check(changed.pins.count, "pins", atMost: Self.pinLimit)
        case .unpin(let instance):
            guard changed.pins.removeValue(forKey: instance) != nil else {
                throw OrderError("\(instance) is not pinned")
            }
        case .reserve(let reservation):
            try reservation.validate(now: now)
            changed.reservations.removeAll { $0.instance == reservation.instance }
            changed.reservations.append(reservation)
            changed.reservations.sort { $0.instance < $1.instance }
            try Self.check(changed.reservations.count, "reservations", atMost: Self.reservationLimit)
        case .releaseReservation(let instance):
            let count = changed.reservations.count
            changed.reservations.removeAll { $0.instance == instance }
            guard changed.reservations.count < count else {
                throw OrderError("nothing is reserved by order for \(instance)")
            }
        case .addMaintenance(let window):
            try window.validate(now: now)
            changed.maintenance.removeAll { $0.server == window.server && $0.from == window.from }
            if window.isUnderWay(at: now) { changed.returning.remove(window.server) }
            changed.maintenance.append(window)
            changed.maintenance.sort { ($0.server, $0.from) < ($1.server, $1.from) }
            try Self.check(changed.maintenance.count, "maintenance windows", atMost: Self.maintenanceLimit)
        case .removeMaintenance(let server, let from):
            let count = changed.maintenance.count
            let wasClosed = changed.maintenance.contains { $0.server == server && $0.isUnderWay(at: now) }
            changed.maintenance.removeAll { $0.server == server && (from == nil || $0.from == from) }
            let isClosed = changed.maintenance.contains { $0.server == server && $0.isUnderWay(at: now) }
            if wasClosed, !isClosed { changed.returning.insert(server) }
            try Self.check(changed.returning.count, "GPU servers to come back", atMost: Self.maintenanceLimit)
            guard changed.maintenance.count < count else {
                throw OrderError("\(server) has no maintenance window" + (from.map { " from \($0) on" } ?? ""))
            }
        case .setVersionRule(let scope, let rule):
            guard rule != nil || changed.versionRules.rules[scope] != nil else {
                throw OrderError("no version is pinned by order for \(scope)")
            }
            changed.versionRules.set(rule, for: scope)
            try Self.check(changed.versionRules.rules.count, "version rules", atMost: Self.versionRuleLimit)
        }
        self = changed
    }

    private static func check(_ count: Int, _ what: String, atMost limit: Int) throws(OrderError) {
        guard count <= limit else { throw OrderError("there are \(limit) \(what), the most that may be") }
    }
}

extension ManualReservation {
    package func validate(now: WallTime) throws(OrderError) {
        guard slice.memory > .zero, slice.memory <= OperatorOrders.greatestMemory else {
            throw OrderError("the memory to be reserved is above 0 and at most 1 PiB")
        }
        guard (MilliShare(1)...MilliShare.wholeDevice).contains(slice.compute) else {
            throw OrderError("the compute to be reserved is 1 to 1000 thousandths of a device")
        }
        try OrderError.check(from, until, now: now)
    }
}

extension MaintenanceWindow {
    package func validate(now: WallTime) throws(OrderError) {
        try OrderError.check(from, until, now: now)
        guard let deadline else { return }
        guard WallTime.range.contains(deadline) else { throw OrderError("a time is before 1970 or after 9999") }
        guard deadline >= from, until.map({ deadline <= $0 }) ?? true else {
            throw OrderError("the deadline, \(deadline), is not within the maintenance")
        }
    }
}

extension OrderError {
    fileprivate static func check(_ from: WallTime, _ until: WallTime?, now: WallTime) throws(OrderError) {
        guard WallTime.range.contains(from), until.map(WallTime.range.contains) ?? true else {
            throw OrderError("a time is before 1970 or after 9999")
        }
        guard let until else { return }
        guard from < until else { throw OrderError("the end, \(until), is not after the beginning, \(from)") }
        guard now < until else { throw OrderError("the end, \(until), is past") }
    }
}

extension OperatorChange: CustomStringConvertible {
    /// What is changed, for an event: `i1 is pinned to gpu-1#0`.
    package var description: String {
        switch self {
        case .classes(let change): "\(change)"
        case .setMode(let mode): "the mode is \(mode?.rawValue ?? "as configured")"
        case .pin(let instance, let place): "\(instance) is pinned to \(place)"
        case .unpin(let instance): "\(instance) is no longer pinned"
        case .reserve(let one):
            "\(one.slice.memory.rawValue >> 20) MiB are reserved for \(one.instance) from \(one.from)"
                + (one.until.map { " until \($0)" } ?? "")
        case .releaseReservation(let instance): "nothing is reserved by order for \(instance) any more"
        case .addMaintenance(let window):
            "\(window.server) is worked on from \(window.from)" + (window.until.map { " until \($0)" } ?? "")
                + (window.deadline.map { "; at \($0) sessions \(window.atDeadline == .end ? "are ended" : "are late")" }
                    ?? "")
        case .removeMaintenance(let server, let from):
            "\(server) is not worked on" + (from.map { " from \($0)" } ?? "")
        case .setVersionRule(let scope, let rule?): "\(scope) is pinned to interface versions \(rule)"
        case .setVersionRule(let scope, nil): "\(scope) is no longer pinned to an interface version"
        }
    }
}

extension ClassChange: CustomStringConvertible {
    package var description: String {
        switch self {
        case .set(let name, _): "class \(name) is set"
        case .remove(let name): "what was set of class \(name) is taken back"
        case .addRule(let rule, let place):
            "a rule gives class \(rule.priorityClass)" + (place.map { ", at place \($0 + 1)" } ?? "")
        case .removeRule(let place): "rule \(place + 1) is removed"
        case .setQuota(let tenant, let share): "tenant \(tenant) has a quota of \(share)"
        case .removeQuota(let tenant): "tenant \(tenant) has no quota"
        }
    }
}
