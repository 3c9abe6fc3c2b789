import AllocationCore
import Dashboard
import FleetModel
import ForecastCore
import Foundation
import Simulation

/// Compares policies over traces, and prints them side by side.
struct PolicySimulation {
    var traces: [DemandTraceFile]
    var policies: [PolicyName]
    var sweeps: Bool
    /// Nil for 60 % of each trace's peak demand.
    var devices: Int?
    var deviceMemory: Bytes
    var costs: LadderCosts
    var json: Bool
    var report: OutputFile?

    /// - Throws: ``CommandFailure`` when a trace cannot be read or the report not be written.
    func run() throws {
        var runs: [PolicyReport.Run] = []
        for (number, file) in traces.enumerated() {
            let comparison = PolicyComparison(
                try file.read(), devices: devices, deviceMemory: deviceMemory, costs: costs)
            let place = traces.count > 1 ? " (\(number + 1) of \(traces.count))" : ""
            let progress = SimulationProgress(name: comparison.trace.name + place)
            let (results, moments) = comparison.run(
                policies, sweeps: sweeps, forecaster: FleetForecaster(), progress: progress.show)
            runs.append(PolicyReport.Run(comparison: comparison, results: results, moments: moments))
        }
        if let report {
            try report.write(PolicyReport(runs: runs).html)
            StandardError.write("presync simulate: wrote the report\n")
        }
        let view = PolicyView(runs.map { ($0.comparison, $0.results) })
        print(try AnswerRenderer(format: json ? .json : .table, style: .standardOutput).render(view), terminator: "")
    }
}

/// How far a replay is: on a terminal a line that is written over, elsewhere one line for each quarter.
final class SimulationProgress {
    private let name: String
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private var shown = -1

    init(name: String) { self.name = name }

    func show(_ share: Double) {
        let percent = Int(share * 100)
        guard percent > shown, isTerminal || percent / 25 > shown / 25 || shown < 0 else { return }
        shown = percent
        let end = isTerminal ? (percent >= 100 ? "\r\u{1B}[K" : "\r") : "\n"
        StandardError.write("presync simulate: \(name): \(percent) %\(end)")
    }
}

/// A policy by its name, several parted by commas.
struct PolicyList {
    var policies: [PolicyName]

    /// - Throws: ``CommandFailure`` where a name is not known.
    init(_ text: String) throws(CommandFailure) {
        var policies: [PolicyName] = []
        for name in text.split(separator: ",") {
            guard let policy = PolicyName(rawValue: name.trimmingCharacters(in: .whitespaces)) else {
                throw CommandFailure(
                    .usage, "there is no policy \(name)",
                    advice: "name some of \(PolicyName.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            if !policies.contains(policy) { policies.append(policy) }
        }
        guard !policies.isEmpty else {
            throw CommandFailure(.usage, "no policy is named", advice: "leave --policies out for all of them")
        }
        self.policies = policies
    }
}
