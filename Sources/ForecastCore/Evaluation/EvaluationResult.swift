package import FleetModel

/// How good forecasts were, pooled over instances and origins.
package struct EvaluationResult: Hashable, Sendable {
    /// One resource, target and horizon.
    package struct Cell: Hashable, Sendable {
        package let resource: Resource
        package let target: ForecastTarget
        package let horizon: ForecastHorizon
        /// Weighted quantile loss, mean over the 11 scored levels; 0 where there was no demand to weigh by.
        package var loss = 0.0
        /// The same at the .99 level alone.
        package var loss99 = 0.0
        /// The share of outcomes not above the quantiles .9, .95 and .99.
        package var coverage90 = 0.0
        package var coverage95 = 0.0
        package var coverage99 = 0.0
        /// The share of outcomes within the two-sided intervals, of instances busy in over 20 % of the scored seconds;
        /// nil when there are none.
        package var two80: Double?
        package var two95: Double?

        init(curve: Int) { (resource, target, horizon) = CurveKind.all[curve] }
    }

    /// How far ahead the forecasts looked.
    package let horizons: ForecastHorizons
    /// One forecast is one instance, curve and origin.
    package var forecasts = 0
    /// The 12 cells, by ``DemandForecast/curveIndex(_:_:_:)``.
    package var cells = (0..<DemandForecast.curveCount).map(Cell.init(curve:))

    init(horizons: ForecastHorizons) { self.horizons = horizons }

    package var weightedQuantileLoss: [Double] { cells.map(\.loss) }
    /// Means over the 12 cells.
    package var meanLoss: Double { mean(\.loss) }
    package var meanLoss99: Double { mean(\.loss99) }
    package var coverage90: Double { mean(\.coverage90) }
    package var coverage95: Double { mean(\.coverage95) }
    package var coverage99: Double { mean(\.coverage99) }

    private func mean(_ figure: KeyPath<Cell, Double>) -> Double {
        cells.reduce(0) { $0 + $1[keyPath: figure] } / Double(cells.count)
    }
}

/// Sums of one evaluation.
struct EvaluationTally {
    private struct Sums {
        var loss = 0.0
        var loss99 = 0.0
        var demand = 0.0
        var outcomes = 0.0
        var below: InlineArray<3, Double> = InlineArray(repeating: 0)
        var busyOutcomes = 0.0
        var within80 = 0.0
        var within95 = 0.0
    }

    private let horizons: ForecastHorizons
    private var sums = [Sums](repeating: Sums(), count: DemandForecast.curveCount)

    init(horizons: ForecastHorizons) { self.horizons = horizons }

    mutating func count(_ forecast: ScoredForecast, isBusy: Bool) {
        let (curve, stated, outcome) = (forecast.curve, forecast.stated, forecast.outcome)
        sums[curve].loss += PinballLoss.mean(stated, outcome: outcome)
        sums[curve].loss99 += PinballLoss.loss(quantile: stated[12], level: QuantileLevels.all[12], outcome: outcome)
        sums[curve].demand += outcome
        sums[curve].outcomes += 1
        for position in QuantileLevels.oneSided.indices
        where stated.isNotBelow(outcome, at: QuantileLevels.oneSided[position]) {
            sums[curve].below[position] += 1
        }
        guard isBusy else { return }
        sums[curve].busyOutcomes += 1
        if stated.covers(outcome, in: .eighty) { sums[curve].within80 += 1 }
        if stated.covers(outcome, in: .ninetyFive) { sums[curve].within95 += 1 }
    }

    var result: EvaluationResult {
        var result = EvaluationResult(horizons: horizons)
        for (curve, sum) in sums.enumerated() {
            result.forecasts += Int(sum.outcomes)
            if sum.demand > 0 {
                result.cells[curve].loss = sum.loss / sum.demand
                result.cells[curve].loss99 = sum.loss99 / sum.demand
            }
            let count = max(sum.outcomes, 1)
            result.cells[curve].coverage90 = sum.below[0] / count
            result.cells[curve].coverage95 = sum.below[1] / count
            result.cells[curve].coverage99 = sum.below[2] / count
            guard sum.busyOutcomes > 0 else { continue }
            result.cells[curve].two80 = sum.within80 / sum.busyOutcomes
            result.cells[curve].two95 = sum.within95 / sum.busyOutcomes
        }
        return result
    }
}
