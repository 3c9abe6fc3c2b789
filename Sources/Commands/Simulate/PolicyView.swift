import Dashboard
import FleetModel
import Simulation

/// Policies side by side, as `presync simulate --trace` writes them.
struct PolicyView: RenderableAnswer {
    struct Wait: Encodable {
        /// Milliseconds from the request to the end of the first command; absent where nothing was served.
        var p50: Double?
        var p99: Double?
    }

    /// One policy with one knob on one trace.
    struct Policy: Encodable {
        var name: String
        var trace: String
        var knob: Double
        /// What the knob is.
        var knobName: String
        /// Whether it is the policy's own knob.
        var isOwnKnob: Bool
        /// Starts of demand, and how many of them found the GPU at each level.
        var starts: Int
        var reserved: Int
        var warm: Int
        var staged: Int
        var cold: Int
        var waitMs: Wait
        /// Device-seconds.
        var usedSeconds: Double
        var reservedIdleSeconds: Double
        /// Session-seconds.
        var warmIdleSeconds: Double
        /// Device-seconds: reserved idle, and warm idle at a warm session's share.
        var idleCost: Double
        /// Device-seconds in which more compute was wanted than the device has.
        var overloadSeconds: Double
        var contention: Int
        /// Instance-seconds in which a program wanted more memory than it got.
        var shortSeconds: Int
        var preemptions: Int
        var notificationsPerInstanceHour: Double

        var missed: Int { starts - reserved }
    }

    /// Presync beside another policy that lets as much stand idle.
    struct Comparison: Encodable {
        var trace: String
        var policy: String
        var knob: Double
        var idleCost: Double
        /// Starts not found reserved; Presync's between those of its two nearest knobs, in proportion.
        var missed: Int
        var presyncMissed: Double
    }

    struct Setting: Encodable {
        var trace: String
        var instances: Int
        var seconds: Int
        var gpus: Int
    }

    var traces: [Setting]
    var policies: [Policy]
    var atEqualIdleCost: [Comparison]

    init(_ runs: [(comparison: PolicyComparison, results: [PolicyResult])]) {
        traces = runs.map { run in
            Setting(
                trace: run.comparison.trace.name, instances: run.comparison.trace.instances.count,
                seconds: run.comparison.trace.length, gpus: run.comparison.devices)
        }
        let figures = runs.map { run in run.results.map { Policy($0, of: run.comparison) } }
        policies = figures.flatMap(\.self)
        atEqualIdleCost = figures.flatMap(Self.compare)
    }

    /// Where Presync stands at the idle cost of each other policy's points.
    private static func compare(_ policies: [Policy]) -> [Comparison] {
        let own = policies.filter { $0.name == PolicyName.presync.rawValue }
        let front = own.map { (cost: $0.idleCost, missed: Double($0.missed)) }.sorted { $0 < $1 }
        guard !front.isEmpty else { return [] }
        let bounds = PolicyName.allCases.filter(\.isBound).map(\.rawValue)
        return policies.filter { $0.name != PolicyName.presync.rawValue && !bounds.contains($0.name) }
            .map { policy in
                Comparison(
                    trace: policy.trace, policy: policy.name, knob: policy.knob, idleCost: policy.idleCost,
                    missed: policy.missed, presyncMissed: Self.missed(front, at: policy.idleCost, of: policy.starts))
            }
    }

    /// Misses on the way between two knobs, as if each served its part of the time; all starts below the least cost.
    static func missed(_ front: [(cost: Double, missed: Double)], at cost: Double, of starts: Int) -> Double {
        guard let first = front.first, let last = front.last else { return Double(starts) }
        if cost < first.cost { return Double(starts) }
        if cost >= last.cost { return front.map(\.missed).min() ?? last.missed }
        var best = Double(starts)
        for (low, high) in zip(front, front.dropFirst()) {
            if low.cost <= cost { best = min(best, low.missed) }
            guard low.cost <= cost, cost < high.cost else { continue }
            let share = (cost - low.cost) / (high.cost - low.cost)
            best = min(best, low.missed + share * (high.missed - low.missed))
        }
        return best
    }

    func table() -> TextTable {
        var table = TextTable(
            titles: [
                "TRACE", "POLICY", "KNOB", "STARTS", "RESERVED", "WARM", "STAGED", "WAIT P50", "P99 MS", "USED GPU-S",
                "IDLE GPU-S", "WARM S", "OVERLOAD S", "CONTENTION", "PREEMPTED", "NOTICES/H",
            ])
        for policy in policies where policy.isOwnKnob {
            func share(_ count: Int) -> String {
                policy.starts > 0 ? Quantity.percent(Double(count) / Double(policy.starts)) : "-"
            }
            table.rows.append(
                [
                    policy.trace, policy.name, Self.knob(policy.knob), String(policy.starts), share(policy.reserved),
                    share(policy.warm), share(policy.staged), policy.waitMs.p50.map(Quantity.milliseconds) ?? "-",
                    policy.waitMs.p99.map(Quantity.milliseconds) ?? "-", Quantity.compact(policy.usedSeconds),
                    Quantity.compact(policy.idleCost), Quantity.compact(policy.warmIdleSeconds),
                    Quantity.compact(policy.overloadSeconds), String(policy.contention), String(policy.preemptions),
                    Quantity.decimal(policy.notificationsPerInstanceHour, digits: 1),
                ].map { TextTable.Cell($0) })
        }
        return table
    }

    func lines(header: Bool, width: Int) -> [StyledLine] {
        var lines = traces.map { trace in
            StyledLine(
                "\(trace.trace): \(trace.instances) instances, \(trace.seconds) s, \(trace.gpus) GPUs")
        }
        lines.append(StyledLine(""))
        lines += table().lines(header: header)
        let best = bestAtEqualCost()
        guard !best.rows.isEmpty else { return lines }
        lines.append(StyledLine(""))
        lines.append(StyledLine("Misses at equal idle cost, over all knobs:"))
        return lines + best.lines(header: header)
    }

    /// For each other policy the point at which it comes nearest to Presync.
    private func bestAtEqualCost() -> TextTable {
        var table = TextTable(titles: ["TRACE", "POLICY", "KNOB", "IDLE GPU-S", "MISSED", "PRESYNC", "RATIO"])
        var seen: Set<String> = []
        func ratio(_ comparison: Comparison) -> Double {
            comparison.missed > 0 ? comparison.presyncMissed / Double(comparison.missed) : 1
        }
        for comparison in atEqualIdleCost {
            guard seen.insert(comparison.trace + "/" + comparison.policy).inserted else { continue }
            let others = atEqualIdleCost.filter {
                $0.trace == comparison.trace && $0.policy == comparison.policy && $0.missed > 0
            }
            guard let nearest = others.max(by: { ratio($0) < ratio($1) }) else { continue }
            table.rows.append(
                [
                    nearest.trace, nearest.policy, Self.knob(nearest.knob), Quantity.compact(nearest.idleCost),
                    String(nearest.missed), Quantity.decimal(nearest.presyncMissed, digits: 0),
                    Quantity.decimal(ratio(nearest), digits: 2),
                ].map { TextTable.Cell($0) })
        }
        return table
    }

    private static func knob(_ value: Double) -> String {
        value == 0 ? "-" : value >= 1 ? Quantity.decimal(value, digits: value < 10 ? 1 : 0) : "\(value)"
    }
}

extension PolicyView.Policy {
    fileprivate init(_ result: PolicyResult, of comparison: PolicyComparison) {
        let tally = result.tally
        name = result.policy.rawValue
        trace = comparison.trace.name
        knob = result.knob
        knobName = result.policy.knobName
        isOwnKnob = result.isOwnKnob
        starts = tally.starts
        reserved = tally.reserved
        warm = tally.warm
        staged = tally.staged
        cold = tally.cold
        waitMs = PolicyView.Wait(p50: tally.wait(share: 0.5), p99: tally.wait(share: 0.99))
        usedSeconds = tally.usedSeconds
        reservedIdleSeconds = tally.reservedIdleSeconds
        warmIdleSeconds = tally.warmIdleSeconds
        idleCost = result.idleCost
        overloadSeconds = tally.overloadSeconds
        contention = tally.contention
        shortSeconds = tally.shortSeconds
        preemptions = tally.preemptions
        let hours = Double(comparison.trace.length) / 3_600 * Double(max(comparison.trace.instances.count, 1))
        notificationsPerInstanceHour = hours > 0 ? Double(tally.notifications) / hours : 0
    }
}
