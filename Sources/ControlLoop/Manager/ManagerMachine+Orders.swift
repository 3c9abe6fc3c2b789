import AllocationCore
package import FleetModel
import InterfaceCore
import SessionCore

/// What operators order while the manager runs: its mode, pins, reservations, and maintenance of GPU servers.
extension ManagerMachine {
    /// What an order says of one instance at this moment.
    struct ActiveOrder: Hashable, Sendable {
        var order: InstanceOrder
        /// What is set aside for it by order; nil where nothing is.
        var slice: Slice?
    }

    /// All that was set, as it is in force: the classes with those that are configured.
    package var settings: OperatorSettings { OperatorSettings(rules: rules, orders: orders) }

    /// Whether the manager acts ahead of demand, or only records.
    package var mode: ManagerMode { orders.mode ?? configuration.mode }

    /// Whether all that was changed is durable.
    package var areOrdersStored: Bool {
        !unwritten.orders && underWay?.orders == nil && unwritten.rollouts.isEmpty && underWay?.rollouts == nil
    }

    /// Says what the wall clock shows: windows and reservations are given in its time. Before it is told, the wall clock
    /// shows this machine's own time.
    package mutating func wallClockRead(_ wall: WallTime, at now: MonotonicTime) {
        wallAtZero = WallTime(rawValue: wall.rawValue - now.rawValue / 1_000_000)
    }

    func wallTime(_ now: MonotonicTime) -> WallTime {
        WallTime(rawValue: wallAtZero.rawValue + now.rawValue / 1_000_000)
    }

    /// Carries out the changes in their order, or none of them. They hold from the next step on, and are durable once
    /// ``areOrdersStored``. O(instances + orders)
    /// - Returns: what is to be done: the changes are written.
    package mutating func change(
        _ changes: [OperatorChange], at now: MonotonicTime
    ) throws(OrderError) -> [ManagerEffect] {
        guard !hasResigned else { throw OrderError("another manager has taken over") }
        for case .addMaintenance(let window) in changes where servers[window.server] == nil {
            throw OrderError(
                "no GPU server \(window.server) is known: one is from its first connection to this manager on, and for "
                    + "\(Int(configuration.forgetAfter.inSeconds)) s after its last")
        }
        var settings = OperatorSettings(rules: setRules, orders: orders)
        for change in changes { try settings.apply(change, configured: configuration.classes, now: wallTime(now)) }
        // What is installed follows from rules about versions, and from the classes that these are about; not from drains.
        let isOfVersions = settings.orders.versionRules != orders.versionRules || settings.rules != setRules
        take(settings, now)
        let events = changes.map { ManagerEffect.record(FleetEvent(at: now, kind: .ordered, detail: "\($0)")) }
        return write() + events + noteMaintenance(now) + (isOfVersions ? followVersionRules(now) : [])
    }

    private mutating func take(_ settings: OperatorSettings, _ now: MonotonicTime) {
        unwritten.rules = unwritten.rules || settings.rules != setRules
        unwritten.orders = true
        setRules = settings.rules
        orders = settings.orders
        rules = setRules.inForce(over: configuration.classes)
        for index in instances.indices {
            guard let description = instances[index]?.description else { continue }
            instances[index]?.priority = rules.priority(of: description)
        }
        refreshOrders(now)
        if mode == .active { rehearsal = Rehearsal() }
    }

    /// What of the orders holds now; as time passes reservations begin and end. O(orders)
    mutating func refreshOrders(_ now: MonotonicTime) {
        let wall = wallTime(now)
        // Else what is over would be listed, and told of as still to come, until the next change.
        if orders.reservations.contains(where: { $0.isOver(at: wall) }) {
            orders.reservations.removeAll { $0.isOver(at: wall) }
            unwritten.orders = true
        }
        var active = orders.pins.mapValues { ActiveOrder(order: InstanceOrder(pin: $0)) }
        for reservation in orders.reservations where reservation.isInForce(at: wall) {
            active[reservation.instance, default: ActiveOrder(order: .none)].order.isReserved = true
            active[reservation.instance]?.slice = reservation.slice
        }
        guard active != activeOrders else { return }
        let changed = Set(active.keys).union(activeOrders.keys)
        activeOrders = active
        for instance in changed { update(instance) { $0.order = active[instance]?.order ?? .none } }
    }

    // MARK: Before maintenance

    /// Devices on which nothing is placed ahead of demand, because it would outlive the start of work on their server:
    /// what is foreseen may take half a minute to come, is kept for its grace, and stands for as long as sessions do.
    func closingDevices(_ now: MonotonicTime) -> [DeviceID] {
        guard !orders.maintenance.isEmpty else { return [] }
        let wall = wallTime(now)
        let horizon = wall + closingLead
        let closing = orders.maintenance.filter { $0.from > wall && $0.from <= horizon }.map(\.server)
        return Set(closing).sorted().flatMap { servers[$0]?.devices.map(\.id) ?? [] }
    }

    /// How long before work begins nothing speculative is placed any more.
    var closingLead: Duration {
        let grace = rules.classes.map(\.grace).max() ?? .zero
        return .seconds(planner.configuration.horizons[.long]) + grace + min(usualSession, Self.longestLead)
    }

    private static var longestLead: Duration { .seconds(600) }

    // MARK: In words

    /// What is ordered that bears on an instance, in sentence fragments.
    func notes(on record: InstanceRecord, at now: MonotonicTime) -> [String] {
        let wall = wallTime(now)
        let instance = record.description.id
        var notes: [String] = []
        if mode == .forecastOnly {
            notes.append("the manager only records: nothing is prepared ahead of demand")
            if let held = rehearsal.holdings[instance] {
                notes.append("if it acted it would hold: \(held.level) on \(held.device)")
            }
        }
        if let missing = missingClass(of: record.description) { notes.append(missing) }
        if let rollout = rollouts.active {
            let version = "\(rollout.target.kind) \(rollout.target.version)"
            notes.append(
                rollouts.admits(instance)
                    ? "the rollout of \(version) has come to it: its new sessions open in that"
                    : "the rollout of \(version) has not come to it")
        }
        if let pin = record.order.pin { notes.append("pinned to \(pin) by order") }
        if let reservation = orders.reservations.first(where: { $0.instance == instance }) {
            let slice = reservation.slice
            let amount = "\(slice.memory.inWholeUnits) and \(slice.compute.rawValue)/1000 compute"
            let until = reservation.until.map { " until \($0)" } ?? ""
            notes.append(
                reservation.isInForce(at: wall)
                    ? "\(amount) are reserved for it by order\(until)"
                    : "\(amount) will be reserved for it by order from \(reservation.from)\(until)")
        }
        let near = orders.maintenance.filter { !$0.isOver(at: wall) && $0.from <= wall + closingLead }
        for window in near.prefix(Self.notedWindows) {
            notes.append(
                window.isUnderWay(at: wall)
                    ? "\(window.server) is worked on\(window.until.map { " until \($0)" } ?? ""): nothing goes there"
                    : "work on \(window.server) begins at \(window.from): nothing goes there ahead of demand")
        }
        return notes
    }

    private static var notedWindows: Int { 8 }
}
