import FleetModel

/// The second model: the last value, with quantiles of what followed it, pooled over the fleet.
///
/// What followed is counted as a ratio to the last value, or to the instance's scale when the last value is 0. Ratios
/// are kept per horizon, target and resource in rows of 96 bins, a row for each *state*: how great the last value is,
/// whether demand rises, for how long there has been none, and how busy the instance usually is. A row that has seen
/// little leans on the row of all instances in its state. Counts decay with a half-life of 3,600 s.
struct PersistenceTable: Sendable {
    /// What an instance is doing, as far as this model distinguishes.
    struct Situation: Sendable {
        /// 0..<``PersistenceTable/stateCount``.
        fileprivate(set) var state: UInt8
        /// 0..<``PersistenceTable/activityCount``.
        fileprivate(set) var activity: UInt8

        static let longIdle = Situation(state: UInt8(stateOfLongIdle), activity: 0)

        /// Whether the last value was above 0: then ratios are to it, and not to the instance's scale.
        var hasDemand: Bool { state > stateOfLongIdle }
    }

    private static let stateCount = 22
    private static let activityCount = 4
    fileprivate static let stateOfLongIdle = 7
    private static let ratioBins = 96
    private static let binOfEqual = 40
    private static let binsPerDoubling = 1 / BinaryPowers.logarithm(1.1)

    private struct Row: Sendable {
        var bins: InlineArray<96, Float> = InlineArray(repeating: 0)
        var zero: Float = 0
        var mass: Float = 0
    }

    /// Indexed by (activity × states + state) × 12 + curve; the rows of all activities together come last.
    private var rows: [Row]
    /// Seconds after which all 12 outcomes were 0, indexed as `rows` without the curve: one count instead of 12.
    private var quiet: [Float]
    private var era: Int64?
    private let edges: [Double]

    /// Ratios made from `rows` at `second`; made anew when they are 5 s old.
    private struct CachedRatios: Sendable {
        var second: Int64 = .min
        var curve = QuantileCurve.zero
    }
    private var cache: [CachedRatios]

    init() {
        let groups = (Self.activityCount + 1) * Self.stateCount
        rows = Array(repeating: Row(), count: groups * DemandForecast.curveCount)
        quiet = Array(repeating: 0, count: groups)
        edges = (0...Self.ratioBins).map {
            BinaryPowers.power((Double($0 - Self.binOfEqual) - 0.5) / Self.binsPerDoubling)
        }
        cache = Array(
            repeating: CachedRatios(),
            count: Self.activityCount * Self.stateCount * DemandForecast.curveCount)
    }

    /// What an instance is doing whose resource had `previous` and then `last`. `idle` is seconds since it had any
    /// demand; `busyShare` the share of seconds in which it usually has.
    static func situation(
        last: Double, previous: Double, scale: Double, idle: Int64, busyShare: Double
    ) -> Situation {
        let activity: UInt8 = busyShare < 0.03 ? 0 : busyShare < 0.1 ? 1 : busyShare < 0.3 ? 2 : 3
        guard last > 0 else {
            let state = min(Int64.bitWidth - max(0, idle - 1).leadingZeroBitCount, stateOfLongIdle)
            return Situation(state: UInt8(state), activity: activity)
        }
        var size = 0
        var bound = scale / 4
        while size < 6, last >= bound {
            size += 1
            bound *= 2
        }
        return Situation(state: UInt8(stateOfLongIdle + 1 + size * 2 + (last >= previous ? 0 : 1)), activity: activity)
    }

    // MARK: Learning

    /// Counts what followed a second in `situation`, for one curve.
    mutating func count(
        outcome: Double, reference: Double, _ situation: Situation, curve: Int, weight: Float
    ) {
        let own = Self.group(situation) * DemandForecast.curveCount + curve
        let pooled = Self.pooledGroup(situation) * DemandForecast.curveCount + curve
        let bin = outcome > 0 && reference > 0 ? Self.ratioBin(outcome / reference) : nil
        for row in [own, pooled] {
            rows[row].mass += weight
            if let bin { rows[row].bins[bin] += weight } else { rows[row].zero += weight }
        }
    }

    /// Counts a second of an instance that has long been idle, after which nothing came at any horizon.
    mutating func countQuiet(weight: Float) {
        quiet[Self.group(.longIdle)] += weight
        quiet[Self.pooledGroup(.longIdle)] += weight
    }

    private static func group(_ situation: Situation) -> Int {
        Int(situation.activity) * stateCount + Int(situation.state)
    }

    private static func pooledGroup(_ situation: Situation) -> Int { activityCount * stateCount + Int(situation.state) }

    /// Brings what was counted into the era of `second`. Touches the whole table, once in 16 hours.
    mutating func advance(to second: Int64, clock: DecayClock) {
        let now = clock.era(of: second)
        defer { era = now }
        guard let era, era != now else { return }
        let factor = Float(clock.factor(from: era, to: now))
        for row in rows.indices {
            for bin in rows[row].bins.indices { rows[row].bins[bin] *= factor }
            rows[row].zero *= factor
            rows[row].mass *= factor
        }
        for index in quiet.indices { quiet[index] *= factor }
    }

    private static func ratioBin(_ ratio: Double) -> Int {
        let position = BinaryPowers.logarithm(min(max(ratio, 1e-9), 1e12)) * binsPerDoubling + 0.5
        return min(max(Int(position.rounded(.down)) + binOfEqual, 0), ratioBins - 1)
    }

    // MARK: Forecasting

    /// Quantiles of the ratio of what follows to the reference. `weight` is the weight of one second at `second`.
    mutating func ratios(_ situation: Situation, curve: Int, at second: Int64, weight: Float) -> QuantileCurve {
        let index = Self.group(situation) * DemandForecast.curveCount + curve
        if second >= cache[index].second, second - 5 < cache[index].second { return cache[index].curve }
        let made = mixedRatios(situation, curve: curve, weight: weight)
        cache[index] = CachedRatios(second: second, curve: made)
        return made
    }

    /// A row, plus the row of its state as if that had been seen for 30 s, plus 5 s of "as it was".
    private func mixedRatios(_ situation: Situation, curve: Int, weight: Float) -> QuantileCurve {
        let group = Self.group(situation)
        let pooledGroup = Self.pooledGroup(situation)
        let own = rows[group * DemandForecast.curveCount + curve]
        let pooled = rows[pooledGroup * DemandForecast.curveCount + curve]
        let pooledMass = pooled.mass + quiet[pooledGroup]
        let share = pooledMass > 0 ? min(1, 30 * weight / pooledMass) : 0
        let prior = 5 * weight
        let priorEqual: Float = situation.hasDemand ? prior / 2 : 0
        let zero = own.zero + quiet[group] + share * (pooled.zero + quiet[pooledGroup]) + prior - priorEqual
        let total = own.mass + quiet[group] + share * pooledMass + prior
        var passed = zero
        var bin = -1
        var count: Float = 0
        return QuantileCurve { level in
            let wanted = Float(QuantileLevels.shared[level]) * total
            guard wanted > zero else { return 0 }
            while bin < 0 || (passed < wanted && bin < Self.ratioBins - 1) {
                bin += 1
                count = own.bins[bin] + share * pooled.bins[bin] + (bin == Self.binOfEqual ? priorEqual : 0)
                passed += count
            }
            let part = count > 0 ? 1 - min(1, max(0, passed - wanted) / count) : 1
            return edges[bin] + Double(part) * (edges[bin + 1] - edges[bin])
        }
    }
}
