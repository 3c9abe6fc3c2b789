package import ControlLoop
import Determinism
import FleetModel

/// The shipped machines in virtual time, in a world where everything goes wrong: one manager at a time (or two, when
/// one has been replaced and does not know it yet), agents with instances and programs, GPU servers with workers.
///
/// One thread, no clock, no socket. Everything random is drawn from the seed, so a seed is a run; see ``run()``.
package struct FaultyWorld {
    let seed: UInt64
    let managerConfiguration: ManagerMachineConfiguration
    let bugs: Set<SeededBug>
    /// Whether a manager's step is cut into slices with time between them.
    let isSliced: Bool
    let mix: FaultMix
    var random: SeededGenerator
    var queue = EventQueue<WorldEvent>()
    var now = MonotonicTime.zero
    var phase = Phase.faulty
    var end = MonotonicTime.seconds(600)
    var maximumEvents: UInt64 = 200_000

    var managers: [SimulatedManager] = []
    var agents: [SimulatedAgent] = []
    var servers: [SimulatedServer] = []
    /// By ``LinkID``.
    var links: [SimulatedLink] = []
    var store = SimulatedStore()
    /// What the manager's forecaster had learned when that was last kept.
    var snapshot: [UInt8]?
    var workers: [SimulatedWorker] = []
    var programs: [SimulatedProgram] = []
    var published: [InterfaceVersion] = []
    /// Whether some instance had more sessions than it is to have when all should have been at rest.
    var surplusIsSeen = false
    /// The trace whose demand this world has; nil where programs come and go at random.
    var replayed: ReplayDemand?

    var checkers: SafetyCheckers
    var faults = FaultCounts()
    var trace = TraceHash()
    var events: UInt64 = 0
    var journal: Journal

    /// What the world is doing: after the faults it must heal by itself.
    enum Phase: Hashable, Sendable {
        case faulty
        /// No more faults; programs end. Everything comes to rest.
        case healing
        /// Each instance in turn asks once, and must be served.
        case probing
        /// All instances are gone: everything must become free.
        case emptying
        /// There are no faults at all, and demand comes from a trace.
        case replaying
    }

    /// - Parameters:
    ///   - bugs: deliberate faults of the machines, for the tests of the checkers.
    ///   - ignored: rules that may be broken, to see whether another checker finds the same bug.
    ///   - keepsJournal: whether the last happenings are kept as text for ``FaultyRun/journal``.
    ///   - sliceSize: how many instances a manager takes in at once, as if the fleet were too large for more; nil for as
    ///     many as in operation.
    package init(
        seed: UInt64, bugs: Set<SeededBug> = [], ignoring ignored: Set<Violation.Rule> = [],
        keepsJournal: Bool = false, sliceSize: Int? = nil
    ) {
        self.seed = seed
        self.bugs = bugs
        var managerConfiguration = ManagerMachineConfiguration(
            softwareVersion: "simulated", silence: .seconds(3), forgetAfter: .seconds(12), snapshotPeriod: .seconds(15),
            classes: Self.classes(seed), bugs: bugs)
        // In half of the runs what is published is used by itself, in the others it waits for a rollout.
        if seed.isMultiple(of: 2) { managerConfiguration.updates = .rollout }
        isSliced = sliceSize != nil
        if let sliceSize { managerConfiguration.sliceSize = sliceSize }
        self.managerConfiguration = managerConfiguration
        var random = SeededGenerator(seed: seed)
        mix = FaultMix(random: &random)
        let fleet = SimulatedFleet(random: &random)
        checkers = SafetyCheckers(
            devices: fleet.servers.flatMap(\.devices), recoveryTimeToLive: Self.recoveryTimeToLive, ignored: ignored,
            instances: fleet.agents.flatMap(\.members), waitsForRollouts: seed.isMultiple(of: 2))
        journal = Journal(isOn: keepsJournal)
        self.random = random
        build(fleet)
        begin()
    }

    /// A world without faults, for a replay.
    init(fleet: SimulatedFleet, seed: UInt64, configuration: ManagerMachineConfiguration) {
        self.seed = seed
        bugs = []
        isSliced = false
        managerConfiguration = configuration
        mix = .none
        checkers = SafetyCheckers(
            devices: fleet.servers.flatMap(\.devices), recoveryTimeToLive: Self.recoveryTimeToLive)
        journal = Journal(isOn: false)
        random = SeededGenerator(seed: seed)
        build(fleet)
    }

    /// Runs to the end, or to the first violation.
    package mutating func run() -> FaultyRun {
        while checkers.violation == nil, events < maximumEvents, let (at, event) = queue.popFirst() {
            now = max(now, at)
            guard now < end else { break }
            if let resumes = pauseEnd(of: event) {
                queue.insert(event, at: resumes)
                continue
            }
            events += 1
            trace.add(now)
            handle(event)
            // A deliberate bug is left to the checkers: a machine's own checks would end the process.
            guard bugs.isEmpty else { continue }
            for server in servers where server.process.isUp { server.machine.checkInvariants() }
            // A manager's are the most to go through, and what is wrong in it stays wrong.
            guard events.isMultiple(of: 8) else { continue }
            for manager in managers where manager.process.isUp { manager.machine.checkInvariants() }
        }
        if events >= maximumEvents { observe(.stuck("no rest after \(events) events")) }
        trace.add(faults.total)
        return FaultyRun(
            seed: seed, events: events, faults: faults, violation: checkers.violation, hash: trace,
            journal: journal.lines)
    }

    // MARK: The plan of a run, in the world's time

    static let healsAt = MonotonicTime.seconds(30)
    static let probesAt = MonotonicTime.seconds(55)
    static let probePatience: Duration = .seconds(25)
    static let emptiesWithin: Duration = .seconds(30)
    /// How long an instance may have more sessions than it is to have.
    static let surplusPatience: Duration = .seconds(6)
    static let period: Duration = .seconds(1)
    /// What a returning GPU server gives the workers that it finds.
    static let recoveryTimeToLive: Duration = .seconds(10)

    /// In two runs of three interactive instances have a second session, warm or reserved, and sessions of batch
    /// instances may be taken after a notice.
    private static func classes(_ seed: UInt64) -> [PriorityClass] {
        var classes = PriorityClass.builtIn
        for index in classes.indices where seed % 3 != 0 {
            if classes[index].name == PriorityClass.interactive.name {
                classes[index].backup = seed % 3 == 1 ? .warm : .reserved
            }
            if classes[index].name == PriorityClass.batch.name { classes[index].notice = notice }
        }
        return classes
    }

    private static let notice = Duration.seconds(2)

    // MARK: Chance

    /// A delay of `range` milliseconds, on the grid of this run.
    mutating func delay(_ range: ClosedRange<Int64>) -> Duration {
        let width = UInt64(range.upperBound - range.lowerBound)
        let exact = range.lowerBound + Int64(random.below(width + 1))
        return .milliseconds((exact + mix.gridMs - 1) / mix.gridMs * mix.gridMs)
    }

    /// Whether a fault of this kind happens now; counted if so.
    mutating func happens(_ kind: FaultKind) -> Bool {
        guard phase == .faulty, mix.chance(kind) > 0, random.chance(mix.chance(kind), in: FaultMix.denominator)
        else { return false }
        faults[kind] += 1
        return true
    }

    mutating func schedule(_ event: WorldEvent, after delay: Duration) { queue.insert(event, at: now + delay) }

    // MARK: Facts

    /// Shows a fact to the checkers. `local` is the clock of the process that it is about.
    mutating func observe(_ fact: Fact, local: MonotonicTime? = nil) {
        checkers.observe(fact, now: now, local: local ?? now)
        journal.note(now, fact)
    }
}

/// What one run came to.
package struct FaultyRun: Sendable {
    package let seed: UInt64
    package let events: UInt64
    package let faults: FaultCounts
    package let violation: Violation?
    /// Over everything that happened, in order.
    package let hash: TraceHash
    /// The last happenings, oldest first; empty unless they were asked for.
    package let journal: [String]
}
