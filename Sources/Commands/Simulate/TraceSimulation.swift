import Dashboard
import FleetModel
import Simulation
import TraceFiles

/// A telemetry trace through the shipped machines, once for each policy.
struct TraceSimulation {
    var path: String
    var devices: Int
    var deviceMemory: Bytes
    var seed: UInt64

    /// Prints the policies side by side.
    /// - Returns: whether no rule was broken.
    /// - Throws: ``CommandFailure`` when the file cannot be read.
    func run() throws -> Bool {
        let replay = TraceReplay(
            instances: try readInstances(), devices: devices, deviceMemory: deviceMemory, seed: seed)
        let reports = ReplayPolicy.allCases.map { replay.run($0) }
        print(Self.table(reports).rendered(header: true, style: .plain), terminator: "")
        for report in reports {
            guard let violation = report.violation else { continue }
            print("\(report.policy.rawValue): \(violation.rule.rawValue): \(violation.detail)")
        }
        return reports.allSatisfy { $0.violation == nil }
    }

    /// Every second of a trace is simulated, those without rows as well: seven days, which take minutes.
    private static let longestTrace = 604_800.0

    private func readInstances() throws -> [ReplayInstance] {
        let trace: TelemetryTrace
        do { trace = try TelemetryTrace.read(path: path, limits: TraceLimits(seconds: Self.longestTrace)) } catch {
            throw CommandFailure(.noInput, "\(error)", advice: "name a telemetry trace: see docs/traces.md")
        }
        var instances: [InstanceID: ReplayInstance] = [:]
        for row in trace.rows {
            let description = InstanceDescription(
                id: row.instance, tenant: TenantID(unchecked: "trace"), application: row.application)
            instances[row.instance, default: ReplayInstance(description: description, loads: [])]
                .loads.append(row.observation)
        }
        return instances.keys.sorted().compactMap { instances[$0] }
    }

    private static func table(_ reports: [ReplayReport]) -> TextTable {
        var table = TextTable(titles: ["MEASURE"] + reports.map { $0.policy.rawValue.uppercased() })
        func row(_ name: String, _ value: (ReplayReport) -> String) {
            table.rows.append([TextTable.Cell(name)] + reports.map { TextTable.Cell(value($0)) })
        }
        row("starts") { String($0.starts) }
        row("  found reserved") { String($0.foundReserved) }
        row("  found warm") { String($0.foundWarm) }
        row("  not served") { String($0.unserved) }
        row("  short of memory") { String($0.shortOfMemory) }
        row("wait, found reserved: p50 ms, p99 ms") { text($0.readyWaits) }
        row("wait, the others") { text($0.otherWaits) }
        row("reserved, instance seconds") { Quantity.compact($0.totals.reservedSeconds) }
        row("  of these, idle") { Quantity.compact($0.totals.reservedIdleSeconds) }
        row("used, instance seconds") { Quantity.compact($0.totals.usedSeconds) }
        row("contention") { String($0.totals.contention) }
        row("outcomes within the 80 % interval") { $0.accuracy.coverage80.map(Quantity.percent) ?? "-" }
        row("outcomes within the 95 % interval") { $0.accuracy.coverage95.map(Quantity.percent) ?? "-" }
        return table
    }

    private static func text(_ waits: [Duration]) -> String {
        let distribution = Distribution(waits.map(\.inMilliseconds))
        return [distribution.p50, distribution.p99].map { $0.map(Quantity.milliseconds) ?? "-" }.joined(separator: ", ")
    }
}
