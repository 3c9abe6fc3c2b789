import Dashboard
import FleetModel
import Observability

/// The instances as `presync instances` shows them.
struct InstancesView: RenderableAnswer {
    struct Row: Encodable, Hashable {
        var id: String
        var tenant: String
        var application: String
        /// Absent where that is not known.
        var user: String?
        var priorityClass: String
        var agent: String
        var readiness: String
        var device: String?
        var reservedMemoryBytes: Int64
        var reservedComputeMilli: Int32
        var usedMemoryBytes: Int64
        var usedComputeMilli: Double
        /// Of its program's session; absent without one.
        var commandsPerSecond: Double?
        var sessionInBytesPerSecond: Double?
        var sessionOutBytesPerSecond: Double?
        var queueDepth: Int32?
        var cpuMilli: Double?
        var networkInBytesPerSecond: Double?
        var telemetrySource: String
        var telemetryAgeSeconds: Double
        /// How far ahead is looked.
        var horizonSeconds: [Int]
        /// The probability that demand begins within each horizon.
        var onsetProbability: [Double]
        /// The probability that the burst under way ends within each horizon; 0 in a second without demand.
        var endingProbability: [Double]
        /// Recent loss of what is forecast over that of the climate alone, and the share of outcomes not above the .95
        /// quantile: of the instance, or of its application type.
        var lossAgainstClimate: Double?
        var coverage95: Double?
        /// Levels 0.1, 0.5 and 0.9 of the greatest memory within the shortest horizon.
        var peakMemoryBytes: [Double]
        var shortfall: String?
    }

    var instances: [Row]

    init(_ overview: FleetOverview) { instances = overview.instances.map(Row.init) }

    func table() -> TextTable {
        let shortest = instances.lazy.compactMap(\.horizonSeconds.first).first ?? ForecastHorizons.standard[.short]
        var table = TextTable(
            titles: [
                "ID", "CLASS", "READINESS", "DEVICE", "RESERVED", "GPU MEM", "GPU", "CMDS/S", "CPU", "NET IN",
                "P(\(shortest) S)",
                "WHY NOT",
            ],
            emptyText: "No instances. Start one: presync run --instance NAME -- COMMAND")
        table.rows = instances.map { row in
            [
                TextTable.Cell(row.id), TextTable.Cell(row.priorityClass),
                TextTable.Cell(row.readiness, row.readiness == "reserved" ? .good : .plain),
                TextTable.Cell(row.device ?? "-"), TextTable.Cell(Quantity.bytes(Bytes(row.reservedMemoryBytes))),
                TextTable.Cell(Quantity.bytes(Bytes(row.usedMemoryBytes))),
                TextTable.Cell(Quantity.percent(row.usedComputeMilli / 1_000)),
                TextTable.Cell(row.commandsPerSecond.map { String(Int64($0.rounded())) } ?? "-"),
                TextTable.Cell(row.cpuMilli.map(Quantity.cores(milli:)) ?? "-"),
                TextTable.Cell(row.networkInBytesPerSecond.map(Quantity.rate) ?? "-"),
                TextTable.Cell(row.onsetProbability.first.map(Quantity.percent) ?? "-"),
                TextTable.Cell(row.shortfall ?? "", .warning),
            ]
        }
        return table
    }
}

extension InstancesView.Row {
    init(_ instance: InstanceOverview) {
        id = instance.description.id.rawValue
        tenant = instance.description.tenant.rawValue
        application = instance.description.application.rawValue
        user = instance.description.user?.rawValue
        priorityClass = instance.description.priorityClass.rawValue
        agent = instance.agent.rawValue
        readiness = instance.readiness.description
        device = instance.device?.description
        reservedMemoryBytes = instance.slice.memory.rawValue
        reservedComputeMilli = instance.slice.compute.rawValue
        usedMemoryBytes = Int64(instance.latest?.gpuMemory ?? 0)
        usedComputeMilli = instance.latest?.gpuCompute ?? 0
        commandsPerSecond = instance.activity?.commandRate
        sessionInBytesPerSecond = instance.activity?.receiveRate
        sessionOutBytesPerSecond = instance.activity?.sendRate
        queueDepth = instance.activity?.queueDepth
        cpuMilli = instance.latest?.cpuMilli
        networkInBytesPerSecond = instance.latest?.networkIn
        telemetrySource = instance.source.rawValue
        telemetryAgeSeconds = instance.telemetryAge.inSeconds
        horizonSeconds = instance.forecast?.horizons.all ?? []
        onsetProbability =
            instance.forecast.map { forecast in
                ForecastHorizon.allCases.map(forecast.onsetProbability(within:))
            } ?? []
        endingProbability =
            instance.forecast.map { forecast in
                ForecastHorizon.allCases.map(forecast.endingProbability(within:))
            } ?? []
        lossAgainstClimate = instance.trust?.lossAgainstClimate
        coverage95 = instance.trust?.coverage95
        peakMemoryBytes =
            instance.forecast.map { forecast in
                let curve = forecast.curve(.memory, .peak, .short)
                return [0.1, 0.5, 0.9].map(curve.value(at:))
            } ?? []
        shortfall = instance.shortfall
    }
}

/// The devices as `presync pool` shows them.
struct PoolView: RenderableAnswer {
    struct Row: Encodable, Hashable {
        var id: String
        var kind: String
        var model: String
        var driverVersion: String
        var apiVersion: String
        var available: Bool
        var memoryBytes: Int64
        var reservedMemoryBytes: Int64
        var usedMemoryBytes: Int64
        var reservedComputeMilli: Int32
        /// How much is promised at most: less than 1000 where the host's processors keep up with no more.
        var promisableComputeMilli: Int32
        var usedComputeMilli: Int32
        var warmSessions: Int
        var reservedSessions: Int
        var attachedSessions: Int
    }

    var devices: [Row]

    init(_ overview: FleetOverview) { devices = overview.devices.map(Row.init) }

    func table() -> TextTable {
        var table = TextTable(
            titles: [
                "DEVICE", "KIND", "AVAILABLE", "MEMORY", "RESERVED", "USED", "GPU RESERVED", "GPU USED", "WARM",
                "RESERVED", "ATTACHED", "MODEL",
            ],
            emptyText: "No devices. Start a GPU server: presync gpu-server --manager HOST:PORT")
        table.rows = devices.map { row in
            [
                TextTable.Cell(row.id), TextTable.Cell(row.kind),
                TextTable.Cell(row.available ? "yes" : "no", row.available ? .good : .bad),
                TextTable.Cell(Quantity.bytes(Bytes(row.memoryBytes))),
                TextTable.Cell(Quantity.bytes(Bytes(row.reservedMemoryBytes))),
                TextTable.Cell(Quantity.bytes(Bytes(row.usedMemoryBytes))),
                TextTable.Cell(row.promisedCompute),
                TextTable.Cell(Quantity.percent(MilliShare(row.usedComputeMilli))),
                TextTable.Cell(String(row.warmSessions)), TextTable.Cell(String(row.reservedSessions)),
                TextTable.Cell(String(row.attachedSessions)), TextTable.Cell(row.model),
            ]
        }
        return table
    }
}

extension PoolView.Row {
    /// For example `30 %`, or `30 % of 40 %` where no more than that is promised.
    fileprivate var promisedCompute: String {
        let promised = Quantity.percent(MilliShare(reservedComputeMilli))
        let most = MilliShare(promisableComputeMilli)
        return most < .wholeDevice ? "\(promised) of \(Quantity.percent(most))" : promised
    }

    init(_ device: DeviceOverview) {
        id = device.description.id.description
        kind = device.description.kind.rawValue
        model = device.description.model
        driverVersion = device.description.driverVersion
        apiVersion = device.description.apiVersion
        available = device.available
        memoryBytes = device.description.memory.rawValue
        reservedMemoryBytes = device.reservedMemory.rawValue
        usedMemoryBytes = device.usedMemory.rawValue
        reservedComputeMilli = device.reservedCompute.rawValue
        promisableComputeMilli = device.promisableCompute.rawValue
        usedComputeMilli = device.usedCompute.rawValue
        warmSessions = device.warmSessions
        reservedSessions = device.reservedSessions
        attachedSessions = device.attachedSessions
    }
}

/// The fleet in a few figures, as `presync status` shows it.
struct StatusView: RenderableAnswer {
    var managerTerm: UInt64
    /// When the manager was started, as RFC 3339 writes it, and how long ago that is.
    var managerStartedAt: String
    var uptimeSeconds: Double
    var instances: Int
    /// How many instances are at each readiness, by its name.
    var instancesByReadiness: [String: Int]
    var devices: Int
    var devicesAvailable: Int
    var memoryBytes: Int64
    var reservedMemoryBytes: Int64
    var usedMemoryBytes: Int64
    var totals: FleetTotals
    /// What may never be and was seen to be: how often, by rule.
    var violations: [String: UInt64]
    var accuracy: AccuracyView
    /// `active` or `forecast-only`.
    var mode: String
    /// Programs that wait for a slice.
    var waiting: Int
    var recovery: RecoveryView
    var ladder: LadderView
    /// What GPU servers hold against what is granted: all 0 in a sound system.
    var audit: Audit

    struct Audit: Encodable {
        var unaccountedSlices: Int
        var unaccountedMemoryBytes: Int64
        var unheldGrants: Int
        var unheldMemoryBytes: Int64
        var miscountedBytes: Int64

        init(_ audit: FleetAudit) {
            unaccountedSlices = audit.unaccounted
            unaccountedMemoryBytes = audit.unaccountedMemory.rawValue
            unheldGrants = audit.unheld
            unheldMemoryBytes = audit.unheldMemory.rawValue
            miscountedBytes = audit.miscounted.rawValue
        }

        var isClean: Bool {
            unaccountedSlices == 0 && unheldGrants == 0 && unaccountedMemoryBytes == 0 && unheldMemoryBytes == 0
                && miscountedBytes == 0
        }
    }

    init(_ overview: FleetOverview) {
        mode = overview.mode.rawValue
        waiting = overview.waiting.count
        recovery = RecoveryView(overview.recovery)
        ladder = LadderView(overview.ladder)
        audit = Audit(overview.audit)
        managerTerm = overview.term
        managerStartedAt = WallClock.text(unixMilliseconds: overview.startedAtUnixMs)
        uptimeSeconds = overview.uptime.inSeconds
        instances = overview.instances.count
        instancesByReadiness = overview.instances.reduce(into: [:]) { $0[$1.readiness.description, default: 0] += 1 }
        devices = overview.devices.count
        devicesAvailable = overview.devices.count { $0.available }
        memoryBytes = Self.sum(overview.devices.map(\.description.memory))
        reservedMemoryBytes = Self.sum(overview.devices.map(\.reservedMemory))
        usedMemoryBytes = Self.sum(overview.devices.map(\.usedMemory))
        totals = overview.totals
        violations = Dictionary(uniqueKeysWithValues: overview.violations.map { ($0.key.rawValue, $0.value) })
        accuracy = AccuracyView(overview.accuracy)
    }

    /// A manager may be told of more memory than the sum can hold: then it is the greatest that it can.
    private static func sum(_ amounts: [Bytes]) -> Int64 {
        amounts.reduce(0) { sum, amount in
            let (total, overflow) = sum.addingReportingOverflow(amount.rawValue)
            return overflow ? .max : total
        }
    }

    func table() -> TextTable {
        var table = TextTable(titles: ["WHAT", "VALUE"])
        func row(_ name: String, _ value: String) { table.rows.append([TextTable.Cell(name), TextTable.Cell(value)]) }
        let levels = Readiness.allCases.compactMap { level in
            instancesByReadiness[level.description].map { "\(level) \($0)" }
        }
        row(
            "manager",
            "term \(managerTerm), up \(Quantity.clock(.seconds(uptimeSeconds))), since \(managerStartedAt)")
        row("mode", mode == ManagerMode.active.rawValue ? mode : "\(mode): nothing is prepared ahead of demand")
        row("instances", ([String(instances)] + levels).joined(separator: ", "))
        row("devices", "\(devices), available \(devicesAvailable)")
        let memory = [reservedMemoryBytes, usedMemoryBytes, memoryBytes].map { Quantity.bytes(Bytes($0)) }
        row("memory", "reserved \(memory[0]), used \(memory[1]), of \(memory[2])")
        row(
            "requests",
            "\(totals.requests), found reserved \(totals.requestsFoundReserved), warm \(totals.requestsFoundWarm), "
                + "refused \(totals.requestsRefused)")
        row(
            "reserved time",
            "\(Quantity.compact(totals.reservedSeconds)) s, idle \(Quantity.compact(totals.reservedIdleSeconds)) s, "
                + "used \(Quantity.compact(totals.usedSeconds)) s")
        if mode == ManagerMode.forecastOnly.rawValue {
            row(
                "had it acted",
                "\(totals.rehearsedSteps) steps, found reserved \(totals.rehearsedFoundReserved), "
                    + "warm \(totals.rehearsedFoundWarm), idle \(Quantity.compact(totals.rehearsedIdleSeconds)) s")
        }
        row("waiting", waiting == 1 ? "1 program" : "\(waiting) programs")
        row("if a server is lost", recovery.words)
        for drain in recovery.drains { row("maintenance", drain.sentence) }
        row("steps take", ladder.words)
        row("contention", String(totals.contention))
        row("reclaimed", String(totals.reclaimed) + (totals.taken > 0 ? ", in use \(totals.taken)" : ""))
        row(
            audit.isClean ? "audit" : "AUDIT",
            audit.isClean
                ? "clean: what is held is what is granted"
                : "\(audit.unaccountedSlices) slices that nobody was granted "
                    + "(\(Quantity.bytes(Bytes(audit.unaccountedMemoryBytes)))), "
                    + "\(audit.unheldGrants) grants that nobody holds (\(Quantity.bytes(Bytes(audit.unheldMemoryBytes)))), "
                    + "\(Quantity.bytes(Bytes(audit.miscountedBytes))) counted wrongly")
        if !violations.isEmpty {
            let counts = violations.keys.sorted().map { "\($0) \(violations[$0] ?? 0)" }
            row("VIOLATIONS", counts.joined(separator: ", ") + ": see presync_safety_violations_total in the manual")
        }
        let coverage = [accuracy.coverage80, accuracy.coverage95].map { $0.map(Quantity.percent) ?? "-" }
        let loss = accuracy.lossAgainstClimate.map { Quantity.decimal($0, digits: 2) } ?? "-"
        row(
            "forecasts",
            "\(accuracy.scored) scored, within 80 % interval \(coverage[0]), 95 % \(coverage[1]), "
                + "loss \(loss) of the climate's")
        return table
    }
}
