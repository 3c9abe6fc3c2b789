package import AllocationCore
package import FleetModel
package import ForecastCore
import InterfaceCore
import SessionCore
import TelemetryCore

/// What a manager is told at its start.
package struct ManagerMachineConfiguration: Sendable {
    package var softwareVersion: String
    /// Which interface sessions run.
    package var interfaceKind = "opencl"
    /// Which versions operators allow, and for whom.
    package var versionRules = VersionRules()
    /// Whether what is published is used by itself, or waits for a rollout.
    package var updates = InterfaceUpdates.automatic
    /// The share of instances that may be the first to try a version outside a rollout; one always may.
    package var exploration = Permille(clamping: 50)
    /// How often the step runs, and how often peers report.
    package var period: Duration
    /// How long a grant stands without renewal while it is not attached.
    package var timeToLive: Duration
    /// How long a peer may be silent before it counts as lost.
    package var silence: Duration
    /// How long a peer that is away, and its instances, are remembered.
    package var forgetAfter: Duration
    /// How often what the forecaster has learned is to be kept; nil for never.
    package var snapshotPeriod: Duration?
    package var allocation: AllocationConfiguration
    /// Whether the manager acts; an operator's order goes before it.
    package var mode = ManagerMode.active
    /// The priority classes; an instance of an unknown class is treated as ``PriorityClass/standard``.
    package var classes: [PriorityClass]
    /// The least memory of a reservation, for what a program's objects need beside its buffers.
    package var minimumMemory: Bytes
    /// How many instances one slice of a step takes in, so that other events are handled in between.
    package var sliceSize: Int
    /// The most instances that are admitted; reports of more are dropped with an event.
    package var maximumInstances: Int
    /// The most requests that may wait for a slice.
    package var maximumWaiting: Int
    package var bugs: Set<SeededBug>

    package init(
        softwareVersion: String, period: Duration = .seconds(1), timeToLive: Duration = .seconds(5),
        silence: Duration = .seconds(3), forgetAfter: Duration = .seconds(600),
        snapshotPeriod: Duration? = nil, allocation: AllocationConfiguration = AllocationConfiguration(),
        classes: [PriorityClass] = PriorityClass.builtIn, minimumMemory: Bytes = .mebibytes(16),
        sliceSize: Int = 256, maximumInstances: Int = 1_000_000, maximumWaiting: Int = 65_536,
        bugs: Set<SeededBug> = []
    ) {
        self.softwareVersion = softwareVersion
        self.period = period
        self.timeToLive = timeToLive
        self.silence = silence
        self.forgetAfter = forgetAfter
        self.snapshotPeriod = snapshotPeriod
        self.allocation = allocation
        self.classes = classes
        self.minimumMemory = minimumMemory
        self.sliceSize = sliceSize
        self.maximumInstances = maximumInstances
        self.maximumWaiting = maximumWaiting
        self.bugs = bugs
    }
}

/// The Pre-Synchronization Manager: it watches what instances do, forecasts what they will need, and has their virtual
/// GPUs ready before they ask.
///
/// Once a period it runs its step, ``takeInReports(_:_:)`` → ``forecastDemand(_:_:)`` → ``decideReadiness(_:)`` →
/// ``keepAccounts(_:)``; in between it answers what cannot wait: requests that were not foreseen, acknowledgements,
/// peers that come and go.
///
/// Duties: no memory is promised twice (``pool`` counts what is promised until a GPU server has confirmed that it is
/// free); no grant is told before it is durable; every command carries a fresh epoch; what is wanted is compared with
/// what is acknowledged until both agree (``GrantLifecycle``). It decides on what it knows, never on what the store says.
///
/// Terminal state: after ``ManagerEffect/resign(_:seen:)``, when a newer manager has been seen, it does nothing more.
/// Expected races, dropped in silence: messages on an old link, answers to a superseded command or notification.
package struct ManagerMachine: Sendable {
    let configuration: ManagerMachineConfiguration
    let planner: AllocationPlanner
    /// Decides on what is really held while the manager only records.
    let reactivePlanner: AllocationPlanner
    var idlePrice = IdlePrice()
    /// What the steps of the ladder take.
    var ladder: LadderMeasurements
    /// Keys for tickets, from a cryptographic source in production and a seeded one in simulation.
    var random: any RandomNumberGenerator & Sendable
    var forecaster: any Forecaster

    let term: UInt64
    var epoch: Epoch
    let startedAt: MonotonicTime
    var hasResigned = false

    // Peers
    var links: [LinkID: Peer] = [:]
    var agents: [AgentID: AgentRecord] = [:]
    var servers: [GPUServerID: ServerRecord] = [:]
    /// What is published, newest last, and the versions of that.
    var offers: [InterfaceOffer] = []
    var published: [InterfaceVersion] = []
    /// What sessions in a version were like, by kind of device.
    var versionRecords: [RecordKey: VersionRecord] = [:]
    var publishedSource = ""

    var instances = InstanceTable()
    var instanceIndex: [InstanceID: Int] = [:]
    var freePlaces: [Int] = []
    var forecasts = ForecastTable()

    // Grants
    /// Compute is promised as the tenants of a device are expected to use it together, up to the device.
    var pool = Pool(computeOvercommit: 1)
    /// The memory of the largest device that can be had, or that could be when there last was one.
    var largestDevice = Bytes.zero
    /// The memory of the largest devices that can be had, the largest first: as many as a set may have members. Only where
    /// there are sets, and as of the last step.
    var largestDevices: [Bytes] = []
    /// The versions that some GPU server which is there has, each once.
    var installedOnServers: [InterfaceVersion] = []
    var grants = GrantTable()
    /// Grants from the store whose instances have not been heard of yet.
    var orphans: [InstanceID: [GrantID]] = [:]
    var requests: [WaitingRequest] = []
    /// When it was last looked for reservations that could be moved for a program.
    var lastRoomSearch: MonotonicTime?
    /// The places of the members of each set, in the order in which they came.
    var sets: [SetKey: [Int]] = [:]
    /// Instances for which an unused reservation of another is being taken back, and the device that it is on.
    var awaitingRoom: [InstanceID: DeviceID] = [:]
    /// Where something that was promised has become free since it was last looked for use.
    var freedDevices: Set<DeviceID> = []

    // Classes
    /// What an operator has set, as it is stored.
    var setRules: ClassRules
    /// What is in force.
    var rules: ClassRules

    var rollouts: RolloutBook

    // Recovery
    /// GPU servers that have been away for so long that what they hold is prepared elsewhere.
    var lostServers: Set<GPUServerID> = []
    /// Agents and GPU servers that are not connected, of those that are known or have grants; most often none.
    var unlinkedAgents: Set<AgentID> = []
    var unlinkedServers: Set<GPUServerID> = []
    /// Instances that should have a second session, and those that have it, as of the last step.
    var standbys = (wanted: 0, ready: 0)
    /// By GPU server, what of its sessions would find no room elsewhere; none is listed of which all would.
    var unplaced: [GPUServerID: UnplacedSlices] = [:]
    /// The GPU server that was last asked of.
    var lastDrill: GPUServerID?
    // Orders
    /// As it is stored.
    var orders: OperatorOrders
    /// What of the orders holds now, by instance.
    var activeOrders: [InstanceID: ActiveOrder] = [:]
    /// The GPU servers on which nothing is placed because of their maintenance.
    var closedServers: Set<GPUServerID> = []
    /// Since when, for those that were there when it began.
    var closedSince: [GPUServerID: MonotonicTime] = [:]
    /// Sessions of which agents have been told by when they are ended, and those that were, and when.
    var toldOfDeadline: Set<GrantID> = []
    var endedAtDeadline: [GrantID: MonotonicTime] = [:]
    /// What the wall clock shows at the origin of this machine's clock.
    var wallAtZero = WallTime(rawValue: 0)
    var rehearsal = Rehearsal()
    /// How long sessions last: a decayed mean over those that have ended.
    var usualSession = Duration.zero

    // Store
    var revision: UInt64
    var nextGrant: UInt64
    var unwritten = UnwrittenGrants()
    var underWay: StoreTransaction?

    // Step
    /// Of a large fleet, what comes next in the step that is under way.
    var stepPart: StepPart?
    var lastStep: MonotonicTime
    /// When it was last looked for peers that are silent.
    var silenceLookedAt: MonotonicTime
    /// The agents that are there and whose report has not come since the last step.
    var unreported: Set<AgentID> = []
    var lastAccount: MonotonicTime
    var lastSnapshot: MonotonicTime
    var watched = WatchedForecasts()
    package internal(set) var totals = FleetTotals()
    /// How often each rule that may never be broken was seen broken.
    package internal(set) var violations: [SafetyRule: UInt64] = [:]

    /// A manager that comes up on `recovered`, which is what the store held after it had begun a new term.
    /// - Parameter random: draws tickets: `SystemRandomNumberGenerator` in production.
    package init(
        configuration: ManagerMachineConfiguration, recovered: StoredFleet, forecaster: any Forecaster,
        random: any RandomNumberGenerator & Sendable, now: MonotonicTime
    ) {
        var configuration = configuration
        configuration.allocation.horizons = forecaster.horizons
        self.configuration = configuration
        self.forecaster = forecaster
        self.random = random
        planner = AllocationPlanner(configuration: configuration.allocation)
        ladder = LadderMeasurements(prior: configuration.allocation.costs)
        var reactive = configuration.allocation
        reactive.mode = .reactive
        reactivePlanner = AllocationPlanner(configuration: reactive)
        term = recovered.term
        epoch = Epoch(term: recovered.term, counter: 0)
        revision = recovered.revision
        setRules = recovered.rules
        rules = recovered.rules.inForce(over: configuration.classes)
        orders = recovered.orders
        rollouts = RolloutBook(recovered.rollouts, now: now)
        nextGrant = recovered.nextGrant
        startedAt = now
        lastAccount = now
        lastStep = now
        silenceLookedAt = now
        lastSnapshot = now
        guard !configuration.bugs.contains(.forgetGrantsOnRestart) else { return }
        for stored in recovered.grants.sorted(by: { $0.grant < $1.grant }) { recover(stored, now: now) }
    }

    /// Takes in one event.
    /// - Returns: what is to be done, in order.
    package mutating func handle(_ event: ManagerEvent, now: MonotonicTime) -> [ManagerEffect] {
        guard !hasResigned else { return [] }
        var effects: [ManagerEffect]
        switch event {
        case .stepDue: effects = beginStep(now)
        case .stepSliceDue: effects = goOnWithStep(now)
        case .agentMessageReceived(let message, let link): effects = received(message, on: link, now: now)
        case .serverMessageReceived(let message, let link): effects = received(message, on: link, now: now)
        case .linkClosed(let link): effects = closed(link, now: now)
        case .storeAnswered(let outcome): effects = storeAnswered(outcome)
        case .storeReloaded(let fleet): effects = storeReloaded(fleet)
        case .interfacesPublished(let versions, let source): effects = published(versions, source: source, now: now)
        }
        effects += useFreedRoom(now)
        effects += steer(now)
        effects += write()
        return effects
    }

    /// What the forecaster has learned so far, for a later life to go on from; nil while that is nothing.
    package func forecastSnapshot() -> FleetSnapshot? { forecaster.snapshot() }
}
