package import FleetModel

/// What a fleet of instances did, second by second: what a forecaster is judged on.
package struct DemandPanel: Sendable {
    package let instances: [InstanceDescription]
    /// For each instance, one observation for each of ``seconds``, from second 0 on.
    package let observations: [[LoadObservation]]

    /// The panel, or nil unless there is one list for each instance and all are equally long.
    package init?(instances: [InstanceDescription], observations: [[LoadObservation]]) {
        guard instances.count == observations.count, !instances.isEmpty,
            observations.allSatisfy({ $0.count == observations[0].count })
        else { return nil }
        self.instances = instances
        self.observations = observations
    }

    package var seconds: Int { observations[0].count }

    /// What comes true of a forecast made at `origin`; `origin + horizon` is within the panel.
    package func outcome(
        _ instance: Int, _ resource: Resource, _ target: ForecastTarget, _ horizon: ForecastHorizon, origin: Int
    ) -> Double {
        let end = origin + horizon.seconds
        guard target == .peak else { return observations[instance][end].demand(resource) }
        return observations[instance][(origin + 1)...end].reduce(0) { max($0, $1.demand(resource)) }
    }
}

/// How good forecasts were, pooled over instances and origins.
package struct EvaluationResult: Hashable, Sendable {
    /// One forecast is one instance, curve and origin.
    package var forecasts = 0
    /// wQL of each of the 12 curves, by ``DemandForecast/curveIndex(_:_:_:)``; 0 where there was no demand to weigh by.
    package var weightedQuantileLoss = [Double](repeating: 0, count: DemandForecast.curveCount)
    /// The same at the .99 level alone.
    package var weightedQuantileLoss99 = [Double](repeating: 0, count: DemandForecast.curveCount)
    /// The share of outcomes not above the quantiles .9, .95 and .99.
    package var coverage90 = 0.0
    package var coverage95 = 0.0
    package var coverage99 = 0.0
    /// The share of outcomes within the two-sided intervals, of instances busy in over 20 % of the scored seconds; nil
    /// when there are none.
    package var two80: Double?
    package var two95: Double?

    /// The mean over the 12 curves.
    package var meanLoss: Double { weightedQuantileLoss.reduce(0, +) / Double(DemandForecast.curveCount) }
    package var meanLoss99: Double { weightedQuantileLoss99.reduce(0, +) / Double(DemandForecast.curveCount) }
}

/// The protocol by which forecasters are compared: rolling origins, 12 curves, 11 scored levels, causal.
///
/// At each origin the forecaster has seen everything up to and including it. A quantile below 5 % of the series' causal
/// mean scale is taken as 0. Instances and origins are pooled: wQL is twice the summed pinball loss over the summed
/// demand, mean over the levels .1 to .9, .95 and .99; 0 is perfect. (Weighted quantile loss as in Park et al.,
/// "Learning quantile functions without quantile crossing", AISTATS 2022, section 4.)
package enum Evaluation {
    /// Runs `forecaster` over the panel, and scores what it says at `origins`, every `step` seconds.
    ///
    /// Origins whose longest horizon ends beyond the panel are left out. O(instances × seconds).
    package static func run<Model: Forecaster>(
        _ forecaster: inout Model, on panel: DemandPanel, origins: Range<Int>, step: Int = 1,
        beforeSecond: (Int, inout Model) -> Void = { _, _ in }
    ) -> EvaluationResult {
        let slots = panel.instances.map { forecaster.admit($0) }
        let scored = origins.clamped(to: 0..<max(0, panel.seconds - ForecastHorizon.long.seconds))
        let isBusy = panel.observations.map { series in
            let busy = series[scored].count { $0.gpuMemory > 0 || $0.gpuCompute > 0 }
            return Double(busy) > 0.2 * Double(scored.count)
        }
        var tally = Tally()
        var sums = [Double](repeating: 0, count: slots.count * 2)
        for second in 0..<scored.upperBound {
            beforeSecond(second, &forecaster)
            for (index, slot) in slots.enumerated() {
                let observation = panel.observations[index][second]
                forecaster.observe(slot, observation)
                for resource in Resource.allCases {
                    sums[index * 2 + resource.rawValue] += observation.demand(resource)
                }
            }
            // Made every second, as the manager does: forecasters learn from what became of their forecasts.
            let forecasts = forecaster.forecast(slots, madeAt: .seconds(Double(second)))
            guard scored.contains(second), (second - scored.lowerBound) % step == 0 else { continue }
            let scales = causalScales(sums: sums, seconds: second + 1)
            for index in slots.indices {
                for curve in 0..<DemandForecast.curveCount {
                    let (resource, target, horizon) = CurveKind.all[curve]
                    let zeroBelow = FleetScale.zeroShare * scales[index * 2 + resource.rawValue]
                    let stated = forecasts[index].curves[curve]
                    tally.count(
                        QuantileCurve { stated[$0] < zeroBelow ? 0 : stated[$0] }, curve: curve,
                        outcome: panel.outcome(index, resource, target, horizon, origin: second),
                        isBusy: isBusy[index])
                }
            }
        }
        return tally.result
    }

    /// (sum so far + 60 × panel mean so far) / (seconds so far + 60), by instance × 2 + resource.
    private static func causalScales(sums: [Double], seconds: Int) -> [Double] {
        let series = Double(sums.count / 2)
        let means = Resource.allCases.map { resource in
            stride(from: resource.rawValue, to: sums.count, by: 2).reduce(0) { $0 + sums[$1] }
                / (series * Double(seconds))
        }
        return sums.indices.map { (sums[$0] + 60 * means[$0 % 2]) / Double(seconds + 60) }
    }
}

/// Sums of one evaluation.
private struct Tally {
    private var losses = [Double](repeating: 0, count: DemandForecast.curveCount)
    private var losses99 = [Double](repeating: 0, count: DemandForecast.curveCount)
    private var demands = [Double](repeating: 0, count: DemandForecast.curveCount)
    private var outcomes = 0
    private var below = [0, 0, 0]
    private var busyOutcomes = 0
    private var within80 = 0
    private var within95 = 0

    mutating func count(_ stated: QuantileCurve, curve: Int, outcome: Double, isBusy: Bool) {
        losses[curve] += PinballLoss.mean(stated, outcome: outcome)
        losses99[curve] += PinballLoss.loss(quantile: stated[12], level: QuantileLevels.all[12], outcome: outcome)
        demands[curve] += outcome
        outcomes += 1
        for (position, level) in [9, 10, 12].enumerated() where Double(Float(outcome)) <= stated[level] {
            below[position] += 1
        }
        guard isBusy else { return }
        busyOutcomes += 1
        if stated.covers(outcome, in: .eighty) { within80 += 1 }
        if stated.covers(outcome, in: .ninetyFive) { within95 += 1 }
    }

    var result: EvaluationResult {
        var result = EvaluationResult()
        result.forecasts = outcomes
        for curve in demands.indices where demands[curve] > 0 {
            result.weightedQuantileLoss[curve] = losses[curve] / demands[curve]
            result.weightedQuantileLoss99[curve] = losses99[curve] / demands[curve]
        }
        let count = Double(max(outcomes, 1))
        (result.coverage90, result.coverage95, result.coverage99) =
            (Double(below[0]) / count, Double(below[1]) / count, Double(below[2]) / count)
        if busyOutcomes > 0 {
            result.two80 = Double(within80) / Double(busyOutcomes)
            result.two95 = Double(within95) / Double(busyOutcomes)
        }
        return result
    }
}
