/// What a manager does of what it decides.
package enum ManagerMode: String, Hashable, Sendable, Codable, CaseIterable {
    /// It carries out what it decides.
    case active
    /// It serves programs that ask and what operators have ordered; what it would prepare ahead of demand it decides and
    /// records, and does not do.
    case forecastOnly = "forecast-only"
}

/// What operators have ordered beside classes, rules and quotas: whether the manager acts, where instances must be, what
/// is kept for whom, and when GPU servers are worked on. It outlives the manager.
package struct OperatorOrders: Hashable, Sendable {
    /// Grows with each change of orders, classes, rules or quotas: what was planned on an older one is refused.
    package var revision: UInt64
    /// Nil for what the manager is configured to.
    package var mode: ManagerMode?
    /// Where an instance's slices may be.
    package var pins: [InstanceID: PinnedPlace]
    /// At most one for each instance, ascending by instance.
    package var reservations: [ManualReservation]
    /// Ascending by server, then by start.
    package var maintenance: [MaintenanceWindow]
    /// GPU servers whose maintenance is over and which have not shown since that they work: nothing is placed there
    /// before an interface version has passed its self-test on them.
    package var returning: Set<GPUServerID>
    /// Which interface versions are allowed, before what the manager is configured to.
    package var versionRules: VersionRules

    package init(
        revision: UInt64 = 0, mode: ManagerMode? = nil, pins: [InstanceID: PinnedPlace] = [:],
        reservations: [ManualReservation] = [], maintenance: [MaintenanceWindow] = [],
        returning: Set<GPUServerID> = [], versionRules: VersionRules = VersionRules()
    ) {
        self.versionRules = versionRules
        self.revision = revision
        self.mode = mode
        self.pins = pins
        self.reservations = reservations
        self.maintenance = maintenance
        self.returning = returning
    }
}

/// Where an instance's slices must be.
package enum PinnedPlace: Hashable, Sendable, CustomStringConvertible {
    case server(GPUServerID)
    case device(DeviceID)

    package var server: GPUServerID {
        switch self {
        case .server(let server): server
        case .device(let device): device.server
        }
    }

    package func admits(_ device: DeviceID) -> Bool {
        switch self {
        case .server(let server): device.server == server
        case .device(let one): device == one
        }
    }

    /// `gpu-1`, or `gpu-1#0`.
    package var description: String {
        switch self {
        case .server(let server): server.rawValue
        case .device(let device): device.description
        }
    }
}

/// A slice that an operator sets aside for an instance, whatever is forecast: not given back when it is not used, and not
/// taken for others.
package struct ManualReservation: Hashable, Sendable {
    package var instance: InstanceID
    package var slice: Slice
    package var from: WallTime
    /// Nil for until it is released.
    package var until: WallTime?

    package init(instance: InstanceID, slice: Slice, from: WallTime, until: WallTime? = nil) {
        self.instance = instance
        self.slice = slice
        self.from = from
        self.until = until
    }

    package func isInForce(at now: WallTime) -> Bool { from <= now && until.map { now < $0 } ?? true }
    package func isOver(at now: WallTime) -> Bool { until.map { $0 <= now } ?? false }
}

/// When a GPU server is worked on. From its start on nothing is placed there, and what no program holds is taken away;
/// shortly before, nothing speculative is placed there that would outlive the start.
package struct MaintenanceWindow: Hashable, Sendable {
    package var server: GPUServerID
    package var from: WallTime
    /// Nil for until the window is removed: a drain.
    package var until: WallTime?
    /// By when programs' sessions should have ended; nil for whenever they do.
    package var deadline: WallTime?
    package var atDeadline: AtDeadline

    /// What becomes of sessions that programs still have at the deadline.
    package enum AtDeadline: String, Hashable, Sendable, CaseIterable {
        /// They go on; that they are late is said.
        case wait
        /// They are ended: their programs see that the device is gone.
        case end
    }

    package init(
        server: GPUServerID, from: WallTime, until: WallTime? = nil, deadline: WallTime? = nil,
        atDeadline: AtDeadline = .wait
    ) {
        self.server = server
        self.from = from
        self.until = until
        self.deadline = deadline
        self.atDeadline = atDeadline
    }

    package func isUnderWay(at now: WallTime) -> Bool { from <= now && until.map { now < $0 } ?? true }
    package func isOver(at now: WallTime) -> Bool { until.map { $0 <= now } ?? false }
}

/// All that operators have set: classes, rules and quotas, and orders.
package struct OperatorSettings: Hashable, Sendable {
    package var rules: ClassRules
    package var orders: OperatorOrders

    package init(rules: ClassRules = ClassRules(), orders: OperatorOrders = OperatorOrders()) {
        self.rules = rules
        self.orders = orders
    }
}
