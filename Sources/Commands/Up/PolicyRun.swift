import Dashboard
import FleetModel
import Foundation
import Observability

/// One run of the whole system under one policy, from the start of the first daemon to the end of the last.
struct PolicyRun {
    /// What a run is made of.
    struct Parameters {
        var instances: Int
        var length: Duration
        var memory: Bytes
        var warmUp: Int
        var load: LoadOptions
        /// Seconds; a start after a longer idle gap counts as one after idle.
        var idleThreshold: Double
        var period: Duration
        /// Takes what instances do while the clock runs.
        var recording: TelemetryRecording?
    }

    struct Outcome {
        var summary: PolicySummary
        var records: [BurstRecord]
        /// Bursts that were under way when the user ended the run; they are in neither of the others.
        var cutShort: Int
    }

    private static let startLimit = Duration.seconds(60)
    private static let warmUpLimit = Duration.seconds(180)
    /// After the end of the clock, for bursts that still run.
    private static let lastBurstsLimit = Duration.seconds(120)
    private static let drainLimit = Duration.seconds(15)
    private static let tick = Duration.milliseconds(250)

    let policy: Policy
    let parameters: Parameters
    let folder: String
    let interruption: Interruption
    private var state: DashboardState

    init(_ policy: Policy, _ parameters: Parameters, folder: String, interruption: Interruption) {
        self.policy = policy
        self.parameters = parameters
        self.folder = folder
        self.interruption = interruption
        state = DashboardState(heading: .init(policy: policy.rawValue, note: "starting the manager"))
    }

    /// Runs to the end, to an interruption or to a failure; in each case all processes have ended when it returns.
    mutating func run(view: any LiveView) async throws -> Outcome {
        let layout = try LocalSystem.Layout(
            folder: folder, policy: policy, memory: parameters.memory, period: parameters.period)
        let system = try LocalSystem(layout: layout)
        defer { system.stop() }
        state.heading.hints = layout.hints
        try system.startManager()
        var run = self
        return try await ManagerConnection.withClient(address: layout.managerAddress) { client in
            try await run.drive(system, client, view)
        }
    }

    private mutating func drive(
        _ system: LocalSystem, _ client: any FleetClient, _ view: any LiveView
    ) async throws -> Outcome {
        try await wait("the manager", system, client, view) { _ in true }
        state.heading.note = "starting the GPU server"
        try system.startGPUServer()
        try await wait("a device", system, client, view) { $0.devices.contains { $0.available } }
        state.heading.note = "starting the agent"
        try system.startAgent(watchesUsers: parameters.load.users)
        try await wait("the agent", system, client, view) { [layout = system.layout] _ in
            (try? AgentSocket(path: layout.agentSocket))?.close() != nil
        }
        try await wait("the agent to install the interface", system, client, view) { [layout = system.layout] _ in
            FileManager.default.isReadableFile(atPath: layout.clientLibrary)
        }
        let fleet = try SampleFleet(
            count: parameters.instances, layout: system.layout, load: parameters.load, length: parameters.length,
            warmUp: parameters.warmUp)
        state.heading.note = "warming up: \(parameters.warmUp) bursts of each instance, which count nowhere"
        let (warmUps, instances) = (parameters.warmUp * parameters.instances, parameters.instances)
        do {
            try await wait("the warm-up", system, client, view, limit: Self.warmUpLimit) { overview in
                _ = fleet.update()
                return fleet.records.count >= warmUps && overview.instances.count >= instances
            }
            let outcome =
                if let recording = parameters.recording {
                    try await recording.run(from: client) { try await measure(system, fleet, client, view) }
                } else {
                    try await measure(system, fleet, client, view)
                }
            await end(fleet, client, view)
            return outcome
        } catch {
            await end(fleet, client, view)
            throw error
        }
    }

    private mutating func end(_ fleet: SampleFleet, _ client: any FleetClient, _ view: any LiveView) async {
        state.heading.note = "ending…"
        view.show(state)
        fleet.stop()
        await drain(client, view)
    }

    /// Lets the system take back what the instances held. Workers outlive their GPU server, which is why it is ended
    /// only when it has none.
    private mutating func drain(_ client: any FleetClient, _ view: any LiveView) async {
        let limit = MonotonicClock.now() + Self.drainLimit
        while MonotonicClock.now() < limit, let overview = try? await client.overview() {
            let sessions = overview.devices.map { $0.warmSessions + $0.reservedSessions + $0.attachedSessions }
            guard sessions.contains(where: { $0 > 0 }) || !overview.instances.isEmpty else { return }
            state.heading.note = "ending… \(sessions.reduce(0, +)) sessions are still to be given back"
            state.update(overview)
            view.show(state)
            try? await Task.sleep(for: Self.tick)
        }
    }

    /// From the start of the clock to the end of the last burst.
    private mutating func measure(
        _ system: LocalSystem, _ fleet: SampleFleet, _ client: any FleetClient, _ view: any LiveView
    ) async throws -> Outcome {
        let baseline = try await client.overview().totals
        let clock = MonotonicClock.now()
        fleet.startClock(at: clock)
        state.heading.total = parameters.length
        let limit = clock + parameters.length + Self.lastBurstsLimit
        while fleet.isRunning, MonotonicClock.now() < limit, !interruption.isRequested {
            state.heading.elapsed = MonotonicClock.now() - clock
            let isOver = state.heading.elapsed > parameters.length
            state.heading.note = isOver ? "waiting for the last bursts" : "q or Ctrl-C ends the run"
            try system.checkAlive()
            try await refresh(client, view)
            if let failure = await parameters.recording?.failure { throw failure }
            take(fleet.update())
            try await Task.sleep(for: Self.tick)
        }
        if let failure = fleet.failure, !interruption.isRequested {
            throw CommandFailure(
                .software,
                "instance \(failure.name) ended with \(failure.end)\n"
                    + LogTail.read(system.layout.log(failure.name)), advice: "read \(system.layout.log(failure.name))")
        }
        take(fleet.update())
        let final = try await client.overview()
        // A burst that has not ended when all had time enough is a start that failed.
        let unfinished = interruption.isRequested ? [] : fleet.underWay
        let records = fleet.records + unfinished
        let summary = PolicySummary(
            policy: policy.rawValue, records: records, idleThreshold: parameters.idleThreshold,
            totals: final.totals.since(baseline), accuracy: final.accuracy,
            measuredSeconds: min(MonotonicClock.now() - clock, parameters.length).inSeconds)
        return Outcome(
            summary: summary, records: records, cutShort: interruption.isRequested ? fleet.underWay.count : 0)
    }

    /// Shows the state until `condition` holds of the manager's answer.
    private mutating func wait(
        _ what: String, _ system: LocalSystem, _ client: any FleetClient, _ view: any LiveView,
        limit: Duration = PolicyRun.startLimit, _ condition: (FleetOverview) -> Bool
    ) async throws {
        let start = MonotonicClock.now()
        while !interruption.isRequested {
            try system.checkAlive()
            try? await refresh(client, view)
            if let overview = state.overview, condition(overview) { return }
            guard MonotonicClock.now() - start < limit else {
                throw CommandFailure(
                    .unavailable, "waited \(Quantity.clock(limit)) for \(what)", advice: "read \(folder)/logs")
            }
            try await Task.sleep(for: Self.tick)
        }
        throw CommandFailure(.failure, "interrupted while waiting for \(what)")
    }

    private mutating func refresh(_ client: any FleetClient, _ view: any LiveView) async throws {
        state.update(try await client.overview())
        state.events = try await client.events(limit: 50)
        if view.showsFan, let focus = state.focus { state.fan = try await client.forecast(of: focus) }
        view.show(state)
        for command in view.takeCommands() {
            switch command {
            case .quit: interruption.request()
            case .nextInstance: state.chooseNext()
            }
        }
    }

    private mutating func take(_ records: [BurstRecord]) {
        for record in records where record.phase == .measured {
            var starts = state.starts[InstanceID(unchecked: record.instance)] ?? DashboardState.Starts()
            starts.count += 1
            starts.foundReserved += record.wasReady ? 1 : 0
            starts.failures += record.succeeded ? 0 : 1
            starts.lastFirstCommand = record.measured.firstCommandMilliseconds
            starts.lastFound = record.measured.readiness
            state.starts[InstanceID(unchecked: record.instance)] = starts
        }
    }
}
