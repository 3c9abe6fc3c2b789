import Dashboard
import FleetModel

/// What `presync up` says at its end.
struct RunReport: Encodable {
    var policies: [PolicySummary]
    private var instances: Int
    private var warmUp: Int
    private var leadMilliseconds: Double?
    private var gaps: [Double]
    private var cutShort: Int

    private enum CodingKeys: CodingKey { case policies }

    /// - Parameters:
    ///   - records: of all policies; they tell by how much the telemetry led the first GPU calls.
    ///   - cutShort: bursts that were under way when the user ended the run.
    init(policies: [PolicySummary], instances: Int, warmUp: Int, records: [BurstRecord], cutShort: Int = 0) {
        self.cutShort = cutShort
        self.policies = policies
        self.instances = instances
        self.warmUp = warmUp
        let measured = records.filter { $0.phase == .measured }
        leadMilliseconds = Distribution(measured.compactMap(\.measured.leadMilliseconds)).p50
        gaps = measured.compactMap(\.idleGapSeconds)
    }

    /// The figures of the policies side by side.
    func table() -> TextTable {
        var table = TextTable(titles: ["MEASURE"] + policies.map { $0.policy.uppercased() })
        func row(_ name: String, _ value: (PolicySummary) -> String) {
            table.rows.append([TextTable.Cell(name)] + policies.map { TextTable.Cell(value($0)) })
        }
        row("starts") { String($0.starts) }
        row("starts after an idle gap") { String($0.startsAfterIdle) }
        row("  of these, reserved before the request") { Self.share($0.readyBeforeRequest, of: $0.startsAfterIdle) }
        row("first command, ready: count, p50, p99") { Self.text($0.timeToFirstCommandMs.ready) }
        row("first command, not ready") { Self.text($0.timeToFirstCommandMs.notReady) }
        row("first kernel, ready") { Self.text($0.timeToFirstKernelMs.ready) }
        row("first kernel, not ready") { Self.text($0.timeToFirstKernelMs.notReady) }
        row("reserved, instance seconds") { Quantity.compact($0.reservedSeconds) }
        row("  of these, idle") { Quantity.compact($0.reservedIdleSeconds) }
        row("used, instance seconds") { Quantity.compact($0.usedSeconds) }
        row("contention") { String($0.contention) }
        row("errors") { String($0.errors) }
        row("outcomes within the 80 % interval") { $0.coverage.two80.map(Quantity.percent) ?? "-" }
        row("outcomes within the 95 % interval") { $0.coverage.two95.map(Quantity.percent) ?? "-" }
        return table
    }

    /// What is good and what is not, a sentence each.
    func sentences() -> [String] {
        var sentences: [String] = []
        if warmUp > 0 {
            sentences.append(
                "Before the clock each instance did \(warmUp) warm-up burst\(warmUp == 1 ? "" : "s"), which count nowhere."
            )
        }
        if cutShort > 0 {
            sentences.append("Bursts under way when the run was interrupted, which count nowhere: \(cutShort).")
        }
        if let gapSentence { sentences.append(gapSentence) }
        if let lead = leadMilliseconds {
            let text = Quantity.milliseconds(lead)
            sentences.append("Network and CPU work led the first GPU call by \(text) in the median.")
        }
        for policy in policies { sentences += findings(policy) }
        if let comparison { sentences.append(comparison) }
        return sentences
    }

    private var gapSentence: String? {
        guard gaps.count > 1, let shortest = gaps.min() else { return nil }
        let mean = gaps.reduce(0, +) / Double(gaps.count)
        let variance = gaps.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(gaps.count)
        return "Idle gaps before the starts: \(Quantity.compact(mean)) s in the mean, shortest "
            + "\(Quantity.compact(shortest)) s, coefficient of variation "
            + "\(Quantity.compact(variance.squareRoot() / mean))."
    }

    private func findings(_ summary: PolicySummary) -> [String] {
        let name = summary.policy
        guard summary.starts > 0 else { return ["\(name): no burst began; let it run longer."] }
        var findings: [String] = []
        if summary.startsAfterIdle > 0, name != Policy.reactive.rawValue {
            let reached = summary.readyBeforeRequest * 10 >= summary.startsAfterIdle * 8
            findings.append(
                "\(name): \(Self.share(summary.readyBeforeRequest, of: summary.startsAfterIdle)) of the starts "
                    + "after an idle gap found the GPU reserved (\(Self.verdict(reached)): at least 80 %).")
        }
        // What holding every instance reserved all the time would take.
        let holdAll = Double(instances) * summary.measuredSeconds
        let idleShare = holdAll > 0 ? summary.reservedIdleSeconds / holdAll : 0
        findings.append(
            "\(name): reserved and idle for \(Quantity.compact(summary.reservedIdleSeconds)) instance seconds, "
                + "\(Quantity.percent(idleShare)) of what holding all instances reserved would take "
                + "(\(Self.verdict(idleShare <= 0.5)): at most 50 %).")
        if summary.errors > 0 { findings.append("\(name): \(summary.errors) starts FAILED; the results say why.") }
        return findings
    }

    /// How much sooner a first command is done when it was foreseen, against the reactive run.
    private var comparison: String? {
        guard let foreseen = policies.first(where: { $0.policy == Policy.presync.rawValue }),
            let reactive = policies.first(where: { $0.policy == Policy.reactive.rawValue }),
            let ready = foreseen.timeToFirstCommandMs.ready.p50,
            let unforeseen = reactive.timeToFirstCommandMs.notReady.p50, ready > 0
        else { return nil }
        let ratio = unforeseen / ready
        return "A first command that was foreseen took \(Quantity.milliseconds(ready)) in the median, one of the "
            + "reactive run \(Quantity.milliseconds(unforeseen)): \(Quantity.compact(ratio)) times as long "
            + "(\(Self.verdict(ratio >= 20)): at least 20 times)."
    }

    private static func verdict(_ reached: Bool) -> String { reached ? "reached" : "NOT reached" }

    private static func share(_ part: Int, of whole: Int) -> String {
        whole == 0 ? "0 of 0" : "\(part) of \(whole) (\(Quantity.percent(Double(part) / Double(whole))))"
    }

    private static func text(_ distribution: Distribution) -> String {
        guard distribution.count > 0 else { return "0" }
        let figures = [distribution.p50, distribution.p99].map { $0.map(Quantity.milliseconds) ?? "not reached" }
        return "\(distribution.count), \(figures[0]), \(figures[1])"
    }
}

/// How the manager of a run decides.
enum Policy: String, CaseIterable {
    /// Prepares what the forecasts say will be needed.
    case presync
    /// Prepares nothing but bundles: everything else happens when a program asks.
    case reactive
}
