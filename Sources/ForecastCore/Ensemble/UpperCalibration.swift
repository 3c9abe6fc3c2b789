import FleetModel

/// Moves the levels .95, .975 and .99 of each curve so that as many outcomes as they say lie at or below them, pooled
/// over the fleet.
///
/// Each is multiplied by a factor that grows a little whenever more outcomes than stated lay above, and shrinks when
/// fewer did: online quantile tracking (Gibbs and Candès, "Adaptive conformal inference under distribution shift",
/// NeurIPS 2021; Angelopoulos, Candès and Tibshirani, "Conformal PID control", NeurIPS 2023). Zeros stay 0. One factor
/// for the whole fleet: those of single instances would be learned from too few outcomes.
struct UpperCalibration: Sendable {
    /// The lowest level that is moved, as an index of ``QuantileLevels/all``; all above it are, too.
    static let firstLevel = 10
    private static let levels = QuantileLevels.count - firstLevel
    /// What is aimed at: a little above the level, since an outcome that is missed costs more than one that is covered.
    private static let aims: InlineArray<3, Float> = [0.957, 0.975, 0.9905]
    /// How far a factor's logarithm moves for an outcome's worth of error, per 1 / √(1 - level).
    private static let paces: InlineArray<3, Float> = [0.045, 0.062, 0.1]
    /// How much faster a factor returns to 1 while the opposite of what moved it away is seen: feedback comes late, so
    /// that after a change of regime factors overshoot.
    private static let haste: Float = 10
    /// Less than this share of what may be missed is next to nothing; the fewer may be, the less tells it from chance.
    private static let nextToNothing: InlineArray<3, Float> = [0.7, 0.55, 0.15]
    private static let paceOfRecent: Float = 0.05
    private static let bounds: ClosedRange<Float> = -0.25...1

    /// Logarithms of the factors, by curve × 3 + level, and the factors.
    private var logarithms: InlineArray<36, Float> = InlineArray(repeating: 0)
    private var factors: InlineArray<36, Float> = InlineArray(repeating: 1)
    /// The share missed in about the last 20 steps.
    private var recent: InlineArray<36, Float> = InlineArray(repeating: 0.05)
    /// Of the step under way.
    private var misses: InlineArray<36, Float> = InlineArray(repeating: 0)
    private var counts: InlineArray<12, Float> = InlineArray(repeating: 0)

    /// Writes the 12 curves of a row of a tile, upper levels moved, and 0 where a value is under `zeroBelow`.
    func write(
        _ combined: [Float], row: Int, zeroBelow: InlineArray<2, Float>, to curves: inout InlineArray<12, QuantileCurve>
    ) {
        // By addresses: an inline array that is indexed where it stands is copied for each element.
        withUnsafeBytes(of: factors) { factors in
            let factors = factors.assumingMemoryBound(to: Float.self)
            combined.withUnsafeBufferPointer { combined in
                for curve in 0..<DemandForecast.curveCount {
                    let first = row * ForecastTile.combinedRow + curve * ExpertLayout.levels
                    let floor = zeroBelow[curve / 6]
                    curves[curve].write { values in
                        for level in 0..<QuantileLevels.count {
                            var value = combined[first + level]
                            if level >= Self.firstLevel {
                                value *= factors[curve * Self.levels + level - Self.firstLevel]
                            }
                            values[level] = value < floor ? 0 : value
                        }
                    }
                }
            }
        }
    }

    /// Takes in what became of one curve; `share` is how many forecasts it stands for.
    ///
    /// `combined` is what the models had said, and what is counted is whether today's factor would have covered the
    /// outcome, not whether the factor of then did: outcomes come up to 32 s late, and a factor that has since moved far
    /// enough must not be moved on by what had been missed before it did. `stated` says where a quantile was taken as 0.
    mutating func count(
        _ combined: UnsafePointer<Float>, stated: QuantileCurve, curve: Int, outcome: Float, share: Float
    ) {
        counts[curve] += share
        // Ascending, as what is written.
        var said = combined[Self.firstLevel - 1]
        for level in 0..<Self.levels {
            let index = curve * Self.levels + level
            let isZero = stated.values[Self.firstLevel + level] == 0
            said = max(said, combined[Self.firstLevel + level] * factors[index])
            if outcome > (isZero ? 0 : said) { misses[index] += share }
        }
    }

    /// Takes in forecasts of instances that are negligibly idle, for one horizon: there was nothing to miss.
    mutating func countCovered(_ horizon: ForecastHorizon, share: Float) {
        for curve in 0..<DemandForecast.curveCount where curve % 3 == horizon.rawValue { counts[curve] += share }
    }

    /// Moves the factors by what was counted since the last call.
    mutating func learn() {
        for curve in 0..<DemandForecast.curveCount where counts[curve] > 0 {
            for level in 0..<Self.levels {
                let index = curve * Self.levels + level
                let allowed = 1 - Self.aims[level]
                let missed = misses[index] / counts[curve]
                recent[index] += Self.paceOfRecent * (missed - recent[index])
                let returns =
                    (logarithms[index] > 0 && recent[index] < Self.nextToNothing[level] * allowed)
                    || (logarithms[index] < 0 && recent[index] > 1.6 * allowed)
                let moved =
                    logarithms[index] + (returns ? Self.haste : 1) * Self.paces[level] * (missed - allowed)
                logarithms[index] = min(max(moved, Self.bounds.lowerBound), Self.bounds.upperBound)
                setFactor(index)
                misses[index] = 0
            }
            counts[curve] = 0
        }
    }

    private mutating func setFactor(_ index: Int) {
        factors[index] = Float(BinaryPowers.power(Double(logarithms[index]) * 1.442_695))
    }

    func encode(to writer: inout SnapshotWriter) {
        writer.put(logarithms)
        writer.put(recent)
    }

    mutating func restore(from reader: inout SnapshotReader) throws(SnapshotFailure) {
        logarithms = try reader.singles(in: Self.bounds)
        recent = try reader.singles(in: 0...1.001)
        for index in logarithms.indices { setFactor(index) }
    }
}
