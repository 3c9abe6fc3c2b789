import Dashboard
import FleetModel

/// One rollout in a list.
struct RolloutView: Encodable {
    struct Gate: Encodable {
        var name: String
        var trials: UInt64
        var failures: UInt64
        var trialsBefore: UInt64
        var failuresBefore: UInt64
        /// Of the version before; absent for other gates, and before it is measured.
        var commandRateRatio: Double?
    }

    var number: UInt64
    var version: String
    var digest: String
    /// Absent: there is none any more.
    var versionBefore: String?
    var phase: String
    /// 0: the canaries.
    var stage: Int
    var share: String
    var instances: Int
    var instancesInAll: Int
    var gpuServers: Int
    var watchedSeconds: Double
    var sessions: Int
    var sessionsInOtherVersions: Int
    /// Why it is where it is, or what it waits for.
    var reason: String
    var started: String
    /// Absent: it is not over.
    var ended: String?
    var gates: [Gate]

    init(_ rollout: RolloutOverview) {
        number = rollout.id.rawValue
        version = "\(rollout.target.kind) \(rollout.target.version)"
        digest = rollout.target.digest.description
        versionBefore = rollout.baseline.map { "\($0.kind) \($0.version)" }
        phase = rollout.phase.rawValue
        stage = rollout.stage
        share = rollout.share.description
        instances = rollout.admitted
        instancesInAll = rollout.eligible
        gpuServers = rollout.servers
        watchedSeconds = rollout.soaked.inSeconds
        sessions = rollout.sessionsInTarget
        sessionsInOtherVersions = rollout.sessionsInOthers
        reason = rollout.reason
        started = "\(rollout.startedAt)"
        ended = rollout.endedAt.map { "\($0)" }
        gates = rollout.gates.map { gate in
            Gate(
                name: gate.gate.rawValue, trials: gate.target.trials, failures: gate.target.failures,
                trialsBefore: gate.baseline.trials, failuresBefore: gate.baseline.failures,
                commandRateRatio: gate.commandRateRatio)
        }
    }

    var style: TextStyle {
        switch phase {
        case "completed": .good
        case "rolled-back", "rolling-back": .bad
        default: .plain
        }
    }
}

/// What `presync rollout list` shows, oldest first.
struct RolloutsView: RenderableAnswer {
    var rollouts: [RolloutView]

    init(_ rollouts: [RolloutOverview]) { self.rollouts = rollouts.map(RolloutView.init) }

    func table() -> TextTable {
        var table = TextTable(
            titles: ["ROLLOUT", "VERSION", "BEFORE", "PHASE", "STAGE", "INSTANCES", "STARTED", "REASON"],
            emptyText: "No rollouts. Begin one: presync rollout start VERSION")
        table.rows = rollouts.map { one in
            [
                TextTable.Cell(String(one.number)), TextTable.Cell(one.version),
                TextTable.Cell(one.versionBefore ?? "-"),
                TextTable.Cell(one.phase, one.style), TextTable.Cell(String(one.stage)),
                TextTable.Cell("\(one.instances) of \(one.instancesInAll)"), TextTable.Cell(one.started),
                TextTable.Cell(one.reason),
            ]
        }
        return table
    }
}

/// What `presync rollout status` shows: one rollout whole.
struct RolloutStatusView: RenderableAnswer {
    let rollout: RolloutView

    init(_ rollout: RolloutOverview) { self.rollout = RolloutView(rollout) }

    func encode(to encoder: any Encoder) throws { try rollout.encode(to: encoder) }

    func table() -> TextTable {
        var table = TextTable(titles: ["WHAT", "VALUE"])
        func row(_ name: String, _ value: String, _ style: TextStyle = .plain) {
            table.rows.append([TextTable.Cell(name), TextTable.Cell(value, style)])
        }
        row("rollout", String(rollout.number))
        row("version", "\(rollout.version) (\(rollout.digest.prefix(12)))")
        row("before", rollout.versionBefore ?? "none any more")
        row("phase", rollout.phase, rollout.style)
        if !rollout.reason.isEmpty { row("why", rollout.reason) }
        row("stage", "\(rollout.stage), up to \(rollout.share) of instances")
        row("instances", "\(rollout.instances) of \(rollout.instancesInAll)")
        if rollout.ended == nil {
            row("GPU servers", String(rollout.gpuServers))
            row("sessions", "\(rollout.sessions) in it, \(rollout.sessionsInOtherVersions) in other versions")
        }
        for gate in rollout.gates {
            if gate.name == "command-rate" {
                row(gate.name, gate.commandRateRatio.map { "\(Quantity.percent($0)) of before" } ?? "not measured")
            } else {
                row(
                    gate.name,
                    "\(gate.failures) of \(gate.trials), before \(gate.failuresBefore) of \(gate.trialsBefore)")
            }
        }
        row("started", rollout.started)
        if let ended = rollout.ended { row("ended", ended) }
        return table
    }
}
