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

    /// Those of `wanted` after which the longest of `horizons` ends within the panel.
    package func origins(within wanted: Range<Int>, horizons: ForecastHorizons) -> Range<Int> {
        wanted.clamped(to: 0..<max(0, seconds - horizons[.long]))
    }

    /// How many of `seconds` an instance had demand in. O(seconds).
    package func busySeconds(_ instance: Int, within seconds: Range<Int>) -> Int {
        observations[instance][seconds].count(where: \.hasDemand)
    }

    /// What comes true of a forecast made at `origin`, `ahead` seconds ahead; `origin + ahead` is within the panel.
    package func outcome(
        _ instance: Int, _ resource: Resource, _ target: ForecastTarget, ahead: Int, origin: Int
    ) -> Double {
        let end = origin + ahead
        guard target == .peak else { return observations[instance][end].demand(resource) }
        return observations[instance][(origin + 1)...end].reduce(0) { max($0, $1.demand(resource)) }
    }
}

/// One forecast that an evaluation scored: one instance, curve and origin.
package struct ScoredForecast: Sendable {
    /// Index of ``DemandPanel/instances``.
    package let instance: Int
    /// The second at which it was made.
    package let origin: Int
    /// By ``DemandForecast/curveIndex(_:_:_:)``.
    package let curve: Int
    /// As it was scored: quantiles that are taken as 0 are 0.
    package let stated: QuantileCurve
    /// What came, in the resource's unit.
    package let outcome: Double
}

/// The protocol by which forecasters are compared: rolling origins, 12 curves at the forecaster's horizons, 11 scored
/// levels, causal.
///
/// At each origin the forecaster has seen everything up to and including it. A quantile below 5 % of the series' causal
/// mean scale is taken as 0. Instances and origins are pooled: wQL is twice the summed pinball loss over the summed
/// demand, mean over the levels .1 to .9, .95 and .99; 0 is perfect. (Weighted quantile loss as in Park et al.,
/// "Learning quantile functions without quantile crossing", AISTATS 2022, section 4.)
package enum Evaluation {
    /// Runs `forecaster` over the panel, and scores what it says at `origins`, every `step` seconds. `beforeSecond` may
    /// change the forecaster before it is shown a second: put networks into service that were fitted on what came
    /// before, say. `onScored` is told of each forecast that is scored, by origin, then instance, then curve.
    ///
    /// Origins whose longest horizon ends beyond the panel are left out. O(instances × seconds).
    package static func run<Model: Forecaster>(
        _ forecaster: inout Model, on panel: DemandPanel, origins: Range<Int>, step: Int = 1,
        beforeSecond: (Int, inout Model) -> Void = { _, _ in }, onScored: (ScoredForecast) -> Void = { _ in }
    ) -> EvaluationResult {
        let slots = panel.instances.map { forecaster.admit($0) }
        let scored = panel.origins(within: origins, horizons: forecaster.horizons)
        let isBusy = panel.instances.indices.map {
            Double(panel.busySeconds($0, within: scored)) > 0.2 * Double(scored.count)
        }
        var tally = EvaluationTally(horizons: forecaster.horizons)
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
                    let zeroBelow = Double(FleetScale.zeroShare) * scales[index * 2 + resource.rawValue]
                    let stated = forecasts[index].curves[curve]
                    let forecast = ScoredForecast(
                        instance: index, origin: second, curve: curve,
                        stated: QuantileCurve { stated[$0] < zeroBelow ? 0 : stated[$0] },
                        outcome: panel.outcome(
                            index, resource, target, ahead: forecaster.horizons[horizon], origin: second))
                    tally.count(forecast, isBusy: isBusy[index])
                    onScored(forecast)
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
