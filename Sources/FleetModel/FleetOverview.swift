/// The manager's view of the fleet at one moment, for people: the admin calls, the live view and the metrics read it.
package struct FleetOverview: Sendable {
    package var at: MonotonicTime
    package var term: UInt64
    /// Ascending by id.
    package var instances: [InstanceOverview]
    /// Ascending by id.
    package var devices: [DeviceOverview]
    package var totals: FleetTotals
    /// How often each rule that may never be broken was seen broken since the manager started; none is listed that was
    /// not.
    package var violations: [SafetyRule: UInt64]
    package var accuracy: AccuracyOverview
    /// What the loss or the maintenance of a GPU server would find.
    package var recovery: RecoveryOverview
    /// What the steps of the readiness ladder cost.
    package var ladder: LadderOverview
    package var mode: ManagerMode
    package var audit: FleetAudit
    /// Programs that wait for a slice, in the order in which they are served.
    package var waiting: [WaitingOverview]
    /// How long the manager that answers has been running. A machine knows neither this nor the wall clock: the daemon
    /// around it fills in both.
    package var uptime: Duration
    /// When it was started, on the wall clock: milliseconds since 1970 UTC.
    package var startedAtUnixMs: Int64

    package init(
        at: MonotonicTime, term: UInt64, instances: [InstanceOverview], devices: [DeviceOverview],
        totals: FleetTotals, violations: [SafetyRule: UInt64] = [:], accuracy: AccuracyOverview,
        recovery: RecoveryOverview = RecoveryOverview(), ladder: LadderOverview = LadderOverview(),
        mode: ManagerMode = .active, audit: FleetAudit = FleetAudit(), waiting: [WaitingOverview] = [],
        uptime: Duration = .zero, startedAtUnixMs: Int64 = 0
    ) {
        self.mode = mode
        self.audit = audit
        self.waiting = waiting
        self.at = at
        self.term = term
        self.instances = instances
        self.devices = devices
        self.totals = totals
        self.violations = violations
        self.accuracy = accuracy
        self.recovery = recovery
        self.ladder = ladder
        self.uptime = uptime
        self.startedAtUnixMs = startedAtUnixMs
    }
}

/// One instance as the manager sees it.
package struct InstanceOverview: Sendable {
    package var description: InstanceDescription
    package var agent: AgentID
    package var readiness: Readiness
    /// What it holds: zero below ``Readiness/reserved``.
    package var slice: Slice
    package var device: DeviceID?
    package var latest: LoadObservation?
    package var source: TelemetrySource
    /// Seconds since the last sample.
    package var telemetryAge: Duration
    package var forecast: DemandForecast?
    /// How much to trust it; nil where there is no forecast.
    package var trust: ForecastTrust?
    /// The last reason why it has not what it should have; nil when it has.
    package var shortfall: String?
    /// What its program's session does, as its GPU server measured it last; nil without one.
    package var activity: SessionActivity?

    package init(
        description: InstanceDescription, agent: AgentID, readiness: Readiness, slice: Slice, device: DeviceID?,
        latest: LoadObservation?, source: TelemetrySource, telemetryAge: Duration, forecast: DemandForecast?,
        trust: ForecastTrust? = nil, shortfall: String?, activity: SessionActivity? = nil
    ) {
        self.activity = activity
        self.description = description
        self.agent = agent
        self.readiness = readiness
        self.slice = slice
        self.device = device
        self.latest = latest
        self.source = source
        self.telemetryAge = telemetryAge
        self.forecast = forecast
        self.trust = trust
        self.shortfall = shortfall
    }
}

/// One instance's forecast beside what it did and what had been said of that.
package struct InstanceForecast: Sendable {
    package var at: MonotonicTime
    /// With its forecast and how much to trust it, where there is one.
    package var instance: InstanceOverview
    /// What it did; the last is the second that ``InstanceOverview/latest`` describes, in which the forecast was made.
    package var course: DemandCourse
    /// What had been said of those seconds, and of the next few; ascending by second. Kept only of instances that
    /// someone has looked at within two minutes.
    package var past: [PastForecast]
    /// Of the fleet.
    package var accuracy: AccuracyOverview

    package init(
        at: MonotonicTime, instance: InstanceOverview, course: DemandCourse, past: [PastForecast],
        accuracy: AccuracyOverview
    ) {
        self.at = at
        self.instance = instance
        self.course = course
        self.past = past
        self.accuracy = accuracy
    }
}

/// One device of the pool.
package struct DeviceOverview: Sendable {
    package var description: DeviceDescription
    /// Whether its GPU server is connected and has accounted for what it holds.
    package var available: Bool
    package var reservedMemory: Bytes
    package var reservedCompute: MilliShare
    package var usedMemory: Bytes
    package var usedCompute: MilliShare
    package var warmSessions: Int
    package var reservedSessions: Int
    package var attachedSessions: Int
    /// How much of its compute is promised at most: less than all where the processors of its host keep up with no more.
    package var promisableCompute: MilliShare

    package init(
        description: DeviceDescription, available: Bool, reservedMemory: Bytes, reservedCompute: MilliShare,
        usedMemory: Bytes, usedCompute: MilliShare, warmSessions: Int, reservedSessions: Int, attachedSessions: Int,
        promisableCompute: MilliShare = .wholeDevice
    ) {
        self.promisableCompute = promisableCompute
        self.description = description
        self.available = available
        self.reservedMemory = reservedMemory
        self.reservedCompute = reservedCompute
        self.usedMemory = usedMemory
        self.usedCompute = usedCompute
        self.warmSessions = warmSessions
        self.reservedSessions = reservedSessions
        self.attachedSessions = attachedSessions
    }
}

/// Counts and sums since the manager started.
package struct FleetTotals: Hashable, Sendable, Codable {
    /// Programs that asked for their virtual GPU.
    package var requests: UInt64 = 0
    /// Of these, how many found it reserved.
    package var requestsFoundReserved: UInt64 = 0
    /// Of these, how many found a warm session without memory.
    package var requestsFoundWarm: UInt64 = 0
    package var requestsRefused: UInt64 = 0
    /// Sum over instances of seconds with a slice reserved, used or not.
    package var reservedSeconds: Double = 0
    /// Of these, seconds before a program attached (or without one).
    package var reservedIdleSeconds: Double = 0
    /// Seconds attached.
    package var usedSeconds: Double = 0
    /// Times that a raise was wanted and resources were short.
    package var contention: UInt64 = 0
    package var reclaimed: UInt64 = 0
    package var grants: UInt64 = 0
    /// Of a manager that only records: steps that it would have taken, requests that would have found a reservation or a
    /// warm session, and the seconds for which slices would have stood reserved without a program.
    package var rehearsedSteps: UInt64 = 0
    package var rehearsedFoundReserved: UInt64 = 0
    package var rehearsedFoundWarm: UInt64 = 0
    package var rehearsedIdleSeconds: Double = 0
    /// Sessions in use that were taken, after their notice, for programs of higher classes.
    package var taken: UInt64 = 0

    package init() {}
}
