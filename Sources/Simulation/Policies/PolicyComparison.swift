package import AllocationCore
package import FleetModel
package import ForecastCore

/// The policies that can be compared.
package enum PolicyName: String, CaseIterable, Sendable {
    case reactive
    case keepAlive60 = "keep-alive-60"
    case keepAlive600 = "keep-alive-600"
    case idleHistogram = "idle-histogram"
    case decayingHistogram = "vpa"
    case nSigma = "n-sigma"
    case presync
    case hindsightKeepAlive = "keep-alive-hindsight"
    case oracle

    /// Those that are compared where none are named: all but the bound that has seen the trace.
    package static let standard = allCases.filter { $0 != .hindsightKeepAlive }

    /// Whether it knows the future: a bound, and no policy that could be run.
    package var isBound: Bool { self == .hindsightKeepAlive || self == .oracle }

    /// What the policy is tuned by, in the unit of ``knobName``: the values that a comparison sweeps, its own among them.
    package var knobs: [Double] {
        switch self {
        case .reactive, .oracle: [0]
        case .keepAlive60: [60, 2, 5, 10, 20, 40, 90, 120]
        case .keepAlive600: [600, 180, 300, 450, 900, 1_200]
        case .idleHistogram: [0.99, 0.25, 0.5, 0.75, 0.9, 0.95]
        case .decayingHistogram: [0.9, 0.5, 0.75, 0.8, 0.95, 0.98, 0.99]
        case .nSigma: [5, 0, 0.5, 1, 2, 3, 10]
        case .hindsightKeepAlive: [1, 0.03, 0.1, 0.3, 3, 10, 30, 100, 1_000]
        case .presync:
            [
                AllocationConfiguration().idlePrice, 0.000_000_1, 0.000_001, 0.000_006, 0.000_02, 0.000_06, 0.000_2,
                0.000_6, 0.006, 0.02, 0.06, 0.2,
            ]
        }
    }

    package var knobName: String {
        switch self {
        case .reactive, .oracle: "none"
        case .keepAlive60, .keepAlive600: "seconds kept"
        case .idleHistogram: "tail percentile"
        case .decayingHistogram: "percentile"
        case .nSigma: "standard deviations"
        case .hindsightKeepAlive: "device-seconds that a start found is worth"
        case .presync: "seconds of waiting per idle device-second"
        }
    }
}

/// One policy with one knob on one trace.
package struct PolicyResult: Sendable {
    package let policy: PolicyName
    package let knob: Double
    /// Whether it is the policy's own knob, with which it is shown where only one line is.
    package let isOwnKnob: Bool
    package let tally: PolicyTally
    /// Reserved idle device-seconds, and those of warm sessions at what one holds of a device.
    package let idleCost: Double
}

/// The pool of one policy at one time, for a picture.
package struct PoolMoment: Sendable {
    package var second: Int
    /// Device-seconds per second, means since the moment before.
    package var used: Double
    package var reservedIdle: Double
    package var starts: Int
    package var missed: Int
}

/// Replays one trace under many policies at once, in virtual time: every policy has a pool of its own, and all see the
/// same second before it decides.
package struct PolicyComparison: Sendable {
    package let trace: DemandTrace
    package let devices: Int
    package let deviceMemory: Bytes
    package let costs: LadderCosts
    package let priority = PriorityClass.standard

    /// How many moments of each policy's pool are kept.
    package static let momentCount = 200

    fileprivate enum Rule: Sendable {
        case shipped(PresyncPolicy)
        case other(any ReplayedPolicy)
    }

    fileprivate struct Run: Sendable {
        let policy: PolicyName
        let knob: Double
        let isOwnKnob: Bool
        var rule: Rule
        var world: PolicyWorld
        var moments: [PoolMoment] = []
        var before = PolicyTally()
    }

    /// - Parameter devices: nil for 60 % of the trace's peak demand, and at least 1.
    package init(_ trace: DemandTrace, devices: Int?, deviceMemory: Bytes, costs: LadderCosts) {
        self.trace = trace
        self.deviceMemory = deviceMemory
        self.costs = costs
        self.devices = devices ?? max(1, Int((0.6 * trace.peakDevices(of: deviceMemory)).rounded(.up)))
    }

    /// - Parameters:
    ///   - forecaster: a fresh one; asked only where Presync is among the policies.
    ///   - sweeps: whether each policy runs with all of its knobs, or with its own only.
    ///   - progress: called about a hundred times with the share that is done, 0 to 1.
    /// - Returns: results in the order of `policies`, and of the first knob of each the moments of its pool.
    /// O(seconds × (entries + policies × instances))
    package func run(
        _ policies: [PolicyName], sweeps: Bool, forecaster: consuming any Forecaster,
        progress: (Double) -> Void = { _ in }
    ) -> (results: [PolicyResult], moments: [PolicyName: [PoolMoment]]) {
        var runs = policies.flatMap { policy in
            (sweeps ? policy.knobs[...] : policy.knobs.prefix(1)).enumerated().map { index, knob in
                makeRun(policy, knob: knob, isOwnKnob: index == 0)
            }
        }
        var forecasts = FleetForecasts(
            policies.contains(.presync) ? trace.instances : [], serviceLevel: priority.serviceLevel,
            forecaster: forecaster)
        let stride = max(1, trace.length / Self.momentCount)
        let tick = max(1, trace.length / 100)
        var next = trace.entries.startIndex
        var seen = trace.entries[next..<next]
        for second in 0..<trace.length {
            let end = trace.entries[next...].firstIndex { $0.second != second } ?? trace.entries.endIndex
            let now = trace.entries[next..<end]
            if second > 0 { forecasts.advance(to: second, seen: seen) }
            for index in runs.indices { runs[index].step(second, seen: seen, now: now, forecasts) }
            if (second + 1) % stride == 0 {
                for index in runs.indices where runs[index].isOwnKnob { runs[index].keepMoment(second, stride) }
            }
            if second % tick == 0 { progress(Double(second) / Double(trace.length)) }
            (next, seen) = (end, now)
        }
        progress(1)
        let results = runs.map { run in
            PolicyResult(
                policy: run.policy, knob: run.knob, isOwnKnob: run.isOwnKnob, tally: run.world.tally,
                idleCost: run.world.tally.reservedIdleSeconds
                    + costs.warmShare * Double(run.world.tally.warmIdleSeconds))
        }
        let moments = runs.filter(\.isOwnKnob).map { ($0.policy, $0.moments) }
        return (results, Dictionary(moments) { first, _ in first })
    }

    private func makeRun(_ policy: PolicyName, knob: Double, isOwnKnob: Bool) -> Run {
        let count = trace.instances.count
        let rule: Rule =
            switch policy {
            case .reactive: .other(ReactivePolicy())
            case .keepAlive60, .keepAlive600:
                .other(KeepAlivePolicy(seconds: Array(repeating: Int(knob), count: count)))
            case .idleHistogram: .other(IdleHistogramPolicy(tail: knob))
            case .decayingHistogram: .other(DecayingHistogramPolicy(percentile: knob))
            case .nSigma: .other(NSigmaPolicy(deviations: knob))
            case .hindsightKeepAlive:
                .other(
                    KeepAlivePolicy(
                        seconds: HindsightKeepAlive.seconds(trace, memory: deviceMemory, price: knob)))
            case .oracle: .other(OraclePolicy(trace))
            case .presync:
                .shipped(
                    PresyncPolicy(
                        planner: AllocationPlanner(
                            configuration: AllocationConfiguration(idlePrice: knob, costs: costs)),
                        priority: priority))
            }
        // The others promise compute as it was used at its peak, up to four times the device; Presync promises the sum
        // of the forecasts, up to the device.
        let world = PolicyWorld(
            instances: trace.instances, devices: devices, memory: deviceMemory, costs: costs,
            computeOvercommit: policy == .presync ? 1 : 4)
        return Run(policy: policy, knob: knob, isOwnKnob: isOwnKnob, rule: rule, world: world)
    }
}

extension PolicyComparison.Run {
    fileprivate mutating func step(
        _ second: Int, seen: ArraySlice<DemandTrace.Entry>, now: ArraySlice<DemandTrace.Entry>,
        _ forecasts: FleetForecasts
    ) {
        if second > 0 {
            switch rule {
            case .shipped(var policy):
                policy.decide(at: second, forecasts, in: &world)
                rule = .shipped(policy)
            case .other(var policy):
                // Not shared while it changes, or every second would copy what it has learned.
                rule = .other(ReactivePolicy())
                policy.decide(at: second, seen: seen, in: &world)
                rule = .other(policy)
            }
        }
        world.advance(now, second: second)
    }

    fileprivate mutating func keepMoment(_ second: Int, _ stride: Int) {
        let now = world.tally
        let missed = (now.starts - now.reserved) - (before.starts - before.reserved)
        moments.append(
            PoolMoment(
                second: second, used: (now.usedSeconds - before.usedSeconds) / Double(stride),
                reservedIdle: (now.reservedIdleSeconds - before.reservedIdleSeconds) / Double(stride),
                starts: now.starts - before.starts, missed: missed))
        before = now
        before.forgetWaits()
    }
}
