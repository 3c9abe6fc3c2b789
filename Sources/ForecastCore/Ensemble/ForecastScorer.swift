package import FleetModel

/// Quantile loss and coverage of forecasts that have come true, decayed with a half-life of 1,200 steps.
///
/// The loss is that of the evaluation protocol: twice the pinball loss over the demand, mean over 11 levels, then over
/// the 12 curves. Coverage counts peaks and points of instances that are busy in more than ``busyShare`` of their
/// seconds.
struct ForecastScorer: Sendable {
    /// Below this share of busy seconds an interval is `0 ... 0` most of the time and covers trivially. The evaluation
    /// protocol sets 20 %; a live fleet of programs that come and go would then be measured by hardly any instance.
    static let busyShare = 0.05

    private static let retention = 0.999_422_5  // 2^(-1/1200)

    private var scored: UInt64 = 0
    private var shares: InlineArray<12, Double> = InlineArray(repeating: 0)
    private var losses: InlineArray<12, Double> = InlineArray(repeating: 0)
    private var demands: InlineArray<12, Double> = InlineArray(repeating: 0)
    private var outcomes = 0.0
    private var within80 = 0.0
    private var within95 = 0.0

    /// Counts one curve that has come true; `share` is how many forecasts it stands for.
    mutating func count(_ curve: QuantileCurve, index: Int, outcome: Double, isBusy: Bool, share: Double) {
        scored += 1
        shares[index] += share
        losses[index] += share * PinballLoss.mean(curve, outcome: outcome)
        demands[index] += share * outcome
        guard isBusy else { return }
        outcomes += share
        if curve.covers(outcome, in: .eighty) { within80 += share }
        if curve.covers(outcome, in: .ninetyFive) { within95 += share }
    }

    /// The mean of what came true, decayed; 0 before anything did.
    func meanOutcome(_ index: Int) -> Double { shares[index] > 0 ? demands[index] / shares[index] : 0 }

    /// Lets one step's worth of the past fade.
    mutating func fade() {
        for index in losses.indices {
            shares[index] *= Self.retention
            losses[index] *= Self.retention
            demands[index] *= Self.retention
        }
        outcomes *= Self.retention
        within80 *= Self.retention
        within95 *= Self.retention
    }

    var overview: AccuracyOverview {
        var sum = 0.0
        var count = 0.0
        for index in losses.indices where demands[index] > 0 {
            sum += losses[index] / demands[index]
            count += 1
        }
        return AccuracyOverview(
            scored: scored, weightedQuantileLoss: count > 0 ? sum / count : nil,
            coverage80: outcomes > 0 ? within80 / outcomes : nil,
            coverage95: outcomes > 0 ? within95 / outcomes : nil)
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

extension QuantileCurve {
    /// Whether an outcome lies in the interval, its ends included.
    package func covers(_ outcome: Double, in interval: TwoSidedInterval) -> Bool {
        // Curves are in single precision: an outcome must not fall out of an interval that ends at it by rounding.
        let value = Double(Float(outcome))
        return switch interval {
        case .eighty: self[1] <= value && value <= self[9]
        case .ninetyFive: self[0] <= value && value <= self[11]
        }
    }
}
