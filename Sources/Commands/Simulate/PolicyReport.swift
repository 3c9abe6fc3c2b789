import Dashboard
import FleetModel
import Foundation
import Simulation

/// A comparison of policies as one page: equal comparisons give equal bytes.
struct PolicyReport {
    /// One trace's comparison.
    struct Run {
        var comparison: PolicyComparison
        var results: [PolicyResult]
        var moments: [PolicyName: [PoolMoment]]
    }

    var runs: [Run]

    var html: String {
        ReportPage(
            title: "Policies compared by replay", content: [.paragraph(Self.words)] + runs.flatMap(sections)
        ).html
    }

    private static let words = """
        Every policy has a pool of its own and sees the same demand, in virtual time. A start of demand is missed where \
        it does not find its memory set aside. Idle cost is the device-seconds that were set aside while no program \
        used them, with those of warm sessions at what one holds of a device. Each policy is drawn over its own knob; \
        its own setting is the larger dot.
        """

    private func sections(_ run: Run) -> [Markup] {
        let trace = run.comparison.trace
        let facts = """
            \(trace.instances.count) instances, \(trace.length) s, \(run.comparison.devices) GPUs of \
            \(Quantity.bytes(run.comparison.deviceMemory)).
            """
        return ReportPage.section(trace.name, [.paragraph(facts)])
            + [.element("figure", [:], [ParetoFigure(results: run.results).drawing])]
            + PolicyName.allCases.compactMap { policy in
                guard [.presync, .keepAlive60, .decayingHistogram].contains(policy),
                    let moments = run.moments[policy], !moments.isEmpty
                else { return nil }
                return .element(
                    "figure", [:],
                    [PoolFigure(policy: policy, moments: moments, devices: run.comparison.devices).drawing])
            }
    }
}

/// Misses against idle cost, one line for each policy.
struct ParetoFigure {
    var results: [PolicyResult]

    var drawing: Markup {
        let costs = results.map(\.idleCost).filter { $0 > 0 }
        let low = floor(log10(max(costs.min() ?? 1, 1e-3)))
        let high = max(ceil(log10(max(costs.max() ?? 10, 1e-2))), low + 1)
        let plot = Plot(
            left: 64, top: 84, width: 884, height: 300,
            horizontal: Axis(
                title: "idle cost, device-seconds", range: low...high,
                ticks: stride(from: low, through: high, by: 1).map {
                    Axis.Tick(value: $0, label: Quantity.compact(pow(10, $0)))
                }),
            vertical: .share("starts missed"))
        let policies = PolicyName.allCases.filter { policy in results.contains { $0.policy == policy } }
        let half = (policies.count + 1) / 2
        let legends = [policies.prefix(half), policies.dropFirst(half)].enumerated().map { row, names in
            Drawing.legend(
                names.map { ($0.rawValue, .line(Self.style($0))) }, x: 64, y: 15 + 20 * Double(row))
        }
        let curves = policies.reversed().flatMap { curve(of: $0, on: plot) }
        return Drawing.drawing(
            height: 422, title: "Starts missed against idle cost, by policy and knob",
            [plot.axes()] + legends + curves)
    }

    private func curve(of policy: PolicyName, on plot: Plot) -> [Markup] {
        let points = results.filter { $0.policy == policy && $0.tally.starts > 0 }
            .sorted { $0.idleCost < $1.idleCost }
        func place(_ result: PolicyResult) -> (x: Double, y: Double) {
            (
                log10(max(result.idleCost, 1e-3)),
                Double(result.tally.starts - result.tally.reserved) / Double(result.tally.starts)
            )
        }
        let dots = points.map { result -> Markup in
            let text = """
                \(policy.rawValue), \(policy.knobName) \(result.knob): \
                \(Quantity.percent(place(result).y)) missed at \(Quantity.compact(result.idleCost)) device-seconds
                """
            return plot.dot(
                place(result).x, place(result).y, result.isOwnKnob ? "came" : Self.style(policy), says: text)
        }
        return [plot.line(points.map(place), Self.style(policy))] + dots
    }

    private static func style(_ policy: PolicyName) -> String {
        switch policy {
        case .presync: "presync"
        case .keepAlive60: "rolling"
        case .keepAlive600: "last"
        case .idleHistogram: "network"
        case .decayingHistogram: "climate"
        case .nSigma: "ewma"
        case .reactive, .oracle, .hindsightKeepAlive: "ideal"
        }
    }
}

/// What of one policy's pool was used and what stood idle, over time.
struct PoolFigure {
    var policy: PolicyName
    var moments: [PoolMoment]
    var devices: Int

    var drawing: Markup {
        let last = Double(moments.last?.second ?? 1)
        let greatest = moments.map { $0.used + $0.reservedIdle }.max() ?? 1
        let plot = Plot(
            left: 64, top: 44, width: 884, height: 150, horizontal: .time(0...max(last, 1), marks: 9),
            vertical: .number("devices", upTo: max(greatest, 0.1), marks: 4))
        let used = moments.map { (x: Double($0.second), y: 0...$0.used) }
        let idle = moments.map { (x: Double($0.second), y: $0.used...$0.used + max($0.reservedIdle, 0)) }
        let legend = Drawing.legend(
            [("used", .area(["within50"])), ("set aside and idle", .area(["part"]))], x: 64, y: 15)
        return Drawing.drawing(
            height: 232, title: "The pool under \(policy.rawValue)",
            [plot.axes(title: "\(policy.rawValue), of \(devices) devices"), legend]
                + [plot.band(used, "within50"), plot.band(idle, "part")])
    }
}
