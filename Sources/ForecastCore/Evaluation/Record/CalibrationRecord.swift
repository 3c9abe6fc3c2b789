package import FleetModel

/// For each curve and level, how many outcomes lay below the stated quantile, and how many not above it.
///
/// The two differ where an outcome equals the quantile: mostly where both are 0.
package struct CalibrationRecord: Hashable, Sendable {
    /// By curve × levels + level.
    private var below = [Int](repeating: 0, count: DemandForecast.curveCount * QuantileLevels.count)
    private var notAbove = [Int](repeating: 0, count: DemandForecast.curveCount * QuantileLevels.count)
    /// By curve.
    private var outcomes = [Int](repeating: 0, count: DemandForecast.curveCount)

    mutating func count(_ forecast: ScoredForecast) {
        outcomes[forecast.curve] += 1
        let outcome = QuantileCurve.comparable(forecast.outcome)
        let first = forecast.curve * QuantileLevels.count
        for level in 0..<QuantileLevels.count {
            if outcome < forecast.stated[level] { below[first + level] += 1 }
            if outcome <= forecast.stated[level] { notAbove[first + level] += 1 }
        }
    }

    /// The shares of outcomes of both resources below and not above the quantile at an index of ``QuantileLevels/all``,
    /// 0...1. Well calibrated quantiles have their level between the two. 0 where nothing was counted.
    package func shares(
        _ target: ForecastTarget, _ horizon: ForecastHorizon, level: Int
    ) -> (below: Double, notAbove: Double) {
        let curves = Resource.allCases.map { DemandForecast.curveIndex($0, target, horizon) }
        func sum(_ counts: [Int]) -> Double {
            Double(curves.reduce(0) { $0 + counts[$1 * QuantileLevels.count + level] })
        }
        let count = Double(max(1, curves.reduce(0) { $0 + outcomes[$1] }))
        return (sum(below) / count, sum(notAbove) / count)
    }
}
