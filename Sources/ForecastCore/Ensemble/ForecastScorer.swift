package import FleetModel

/// Quantile loss and coverage of forecasts that have come true, decayed with a half-life of 1,200 steps: of the fleet,
/// by kind of curve, and by application type.
///
/// The loss is that of the evaluation protocol: twice the pinball loss over the demand, mean over 11 levels, then over
/// the 12 curves. Two-sided coverage counts peaks and points of instances that are busy in more than ``busyShare`` of
/// their seconds, one-sided coverage those of all.
struct ForecastScorer: Sendable {
    /// Below this share of busy seconds an interval is `0 ... 0` most of the time and covers trivially. The evaluation
    /// protocol sets 20 %; a live fleet of programs that come and go would then be measured by hardly any instance.
    static let busyShare = 0.05

    private static let retention = 0.999_422_5  // 2^(-1/1200)

    /// Sums of one kind of curve.
    private struct CellSums: Sendable {
        var share = 0.0
        var loss = 0.0
        /// Of the curves that can be compared with the climate's.
        var comparedLoss = 0.0
        var climateLoss = 0.0
        var demand = 0.0
        /// Outcomes not above the quantiles .9, .95 and .99; those of all instances, negligibly idle ones among them.
        var covered: InlineArray<3, Double> = InlineArray(repeating: 0)
        var outcomes = 0.0
    }

    private var sampled: UInt64 = 0
    private var scored: UInt64 = 0
    /// By ``DemandForecast/curveIndex(_:_:_:)``.
    private var cells: InlineArray<12, CellSums> = InlineArray(repeating: CellSums())
    private var outcomes = 0.0
    private var within80 = 0.0
    private var within95 = 0.0
    /// By application.
    private var applications: [SkillTally] = []

    /// Counts a forecast that is kept to be scored.
    mutating func noteSampled() { sampled += 1 }

    /// Counts one curve that has come true; `share` is how many forecasts it stands for.
    mutating func count(_ curve: ScoredCurve, index: Int, isBusy: Bool, share: Double) {
        scored += 1
        cells[index].share += share
        cells[index].loss += share * curve.loss
        if let climateLoss = curve.climateLoss {
            cells[index].comparedLoss += share * curve.loss
            cells[index].climateLoss += share * climateLoss
        }
        cells[index].demand += share * curve.outcome
        cells[index].outcomes += share
        for place in QuantileLevels.oneSided.indices
        where curve.stated.isNotBelow(curve.outcome, at: QuantileLevels.oneSided[place]) {
            cells[index].covered[place] += share
        }
        guard isBusy else { return }
        outcomes += share
        if curve.stated.covers(curve.outcome, in: .eighty) { within80 += share }
        if curve.stated.covers(curve.outcome, in: .ninetyFive) { within95 += share }
    }

    /// Counts the same curve for the instance's application type; see ``SkillTally/count(_:scale:share:)``.
    mutating func count(_ curve: ScoredCurve, application: Int, scale: Float?, share: Float) {
        let missing = application + 1 - applications.count
        if missing > 0 { applications.append(contentsOf: repeatElement(SkillTally(), count: missing)) }
        applications[application].count(curve, scale: scale, share: share)
    }

    /// Counts forecasts of instances that are negligibly idle, for one horizon: there was nothing to miss.
    mutating func countCovered(_ horizon: ForecastHorizon, share: Double) {
        for index in cells.indices where index % 3 == horizon.rawValue {
            cells[index].outcomes += share
            for place in cells[index].covered.indices { cells[index].covered[place] += share }
        }
    }

    /// The mean of what came true, decayed; 0 before anything did.
    func meanOutcome(_ index: Int) -> Double { cells[index].share > 0 ? cells[index].demand / cells[index].share : 0 }

    /// How good the forecasts of an application type were.
    func trust(application: Int) -> ForecastTrust {
        let tally = applications.indices.contains(application) ? applications[application] : SkillTally()
        return tally.trust(.application)
    }

    /// Lets one step's worth of the past fade.
    mutating func fade() {
        for index in cells.indices {
            cells[index].share *= Self.retention
            cells[index].loss *= Self.retention
            cells[index].comparedLoss *= Self.retention
            cells[index].climateLoss *= Self.retention
            cells[index].demand *= Self.retention
            for place in cells[index].covered.indices { cells[index].covered[place] *= Self.retention }
            cells[index].outcomes *= Self.retention
        }
        for index in applications.indices { applications[index].fade(to: Float(Self.retention)) }
        outcomes *= Self.retention
        within80 *= Self.retention
        within95 *= Self.retention
    }

    /// What is known of the fleet; types and networks are left out.
    var overview: AccuracyOverview {
        var (sum, comparedSum, climateSum, count) = (0.0, 0.0, 0.0, 0.0)
        for index in cells.indices where cells[index].demand > 0 {
            sum += cells[index].loss / cells[index].demand
            comparedSum += cells[index].comparedLoss / cells[index].demand
            climateSum += cells[index].climateLoss / cells[index].demand
            count += 1
        }
        return AccuracyOverview(
            sampled: sampled, scored: scored, weightedQuantileLoss: count > 0 ? sum / count : nil,
            lossAgainstClimate: SkillTally.ratio(comparedSum, climateSum),
            coverage80: outcomes > 0 ? within80 / outcomes : nil,
            coverage95: outcomes > 0 ? within95 / outcomes : nil,
            cells: scored > 0 ? cells.indices.map(cell) : [])
    }

    private func cell(_ index: Int) -> AccuracyOverview.Cell {
        let (resource, target, horizon) = CurveKind.all[index]
        let sums = cells[index]
        func share(_ level: Int) -> Double? { sums.outcomes > 0 ? sums.covered[level] / sums.outcomes : nil }
        return AccuracyOverview.Cell(
            resource: resource, target: target, horizon: horizon,
            weightedQuantileLoss: sums.demand > 0 ? sums.loss / sums.demand : nil,
            lossAgainstClimate: SkillTally.ratio(sums.comparedLoss, sums.climateLoss), coverage90: share(0),
            coverage95: share(1),
            coverage99: share(2))
    }
}

/// The loss by which quantiles are judged.
package enum PinballLoss {
    /// The levels that are scored: .1 to .9, .95 and .99, as indices of ``QuantileLevels/all``.
    package static let scoredLevels: [Int] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12]

    /// Twice the pinball loss of one quantile.
    package static func loss(quantile: Double, level: Double, outcome: Double) -> Double {
        let distance = outcome - quantile
        return 2 * (distance >= 0 ? level * distance : (level - 1) * distance)
    }

    /// The mean loss of a curve over the 11 scored levels.
    package static func mean(_ curve: QuantileCurve, outcome: Double) -> Double {
        var sum = 0.0
        for index in 1...12 where index != 11 {
            sum += loss(quantile: curve[index], level: QuantileLevels.shared[index], outcome: outcome)
        }
        return sum / 11
    }
}

/// The two-sided intervals whose coverage is watched.
package enum TwoSidedInterval: Sendable {
    case eighty
    case ninetyFive
}

extension QuantileLevels {
    /// The levels whose one-sided coverage is watched: .9, .95 and .99, as indices of ``all``.
    static let oneSided: InlineArray<3, Int> = [9, 10, 12]
}

extension QuantileCurve {
    /// An outcome in the precision of curves, to be compared with their quantiles: one that equals a quantile must not lie
    /// beside it by rounding.
    static func comparable(_ outcome: Double) -> Double { Double(Float(outcome)) }

    /// Whether an outcome is not above the quantile at `level`, an index of ``QuantileLevels/all``.
    func isNotBelow(_ outcome: Double, at level: Int) -> Bool { Self.comparable(outcome) <= self[level] }

    /// Whether an outcome lies in the interval, its ends included.
    package func covers(_ outcome: Double, in interval: TwoSidedInterval) -> Bool {
        let value = Self.comparable(outcome)
        return switch interval {
        case .eighty: self[1] <= value && value <= self[9]
        case .ninetyFive: self[0] <= value && value <= self[11]
        }
    }
}
