import FleetModel

/// What is remembered of one instance that has had demand: the last 64 seconds, and decaying histograms of its demand,
/// of its peaks over each horizon, and of the peaks of its bursts. About 2 KB; instances without demand have none.
///
/// Seconds without demand cost nothing: the weight of "no demand" is what the counted seconds leave of the total.
struct InstanceHistory: Sendable {
    static let ringLength = 64
    /// Demand that is this close together, in seconds, is one burst.
    static let burstGap: Int64 = 3

    private let admitted: Int64
    private(set) var last: Int64
    private(set) var lastDemand: Int64
    private var era: Int64
    private var longEra: Int64
    /// Indexed by `second & 63`.
    private var recent: InlineArray<2, InlineArray<64, Float>>
    /// What the persistence model made of each second, indexed by `second & 63`.
    private var situations: InlineArray<2, InlineArray<64, PersistenceTable.Situation>>
    /// Point, then peaks over 5, 15 and 30 seconds; the four of a resource lie together.
    private var histograms: InlineArray<8, WindowedHistogram>
    private(set) var bursts: InlineArray<2, WindowedHistogram>
    private var burstPeak: InlineArray<2, Double>
    /// The decayed weight of seconds with demand.
    private var busyMass: Double
    private var sums: InlineArray<2, Double>

    /// The history of an instance that was first observed in the second after `admitted`, and without demand since.
    init(admitted: Int64, last: Int64, clocks: ForecastClocks) {
        self.admitted = admitted
        self.last = last
        lastDemand = .min
        era = clocks.short.era(of: last)
        longEra = clocks.long.era(of: last)
        recent = InlineArray(repeating: InlineArray(repeating: 0))
        situations = InlineArray(repeating: InlineArray(repeating: .longIdle))
        histograms = InlineArray(repeating: WindowedHistogram())
        bursts = InlineArray(repeating: WindowedHistogram())
        burstPeak = InlineArray(repeating: 0)
        busyMass = 0
        sums = InlineArray(repeating: 0)
    }

    /// Demand in one of the last 64 seconds; 0 before and after them.
    func demand(_ resource: Resource, at second: Int64) -> Double {
        guard second <= last, second > last - Int64(Self.ringLength) else { return 0 }
        return Double(recent[resource.rawValue][Self.slot(second)])
    }

    /// The greatest demand of the `seconds` that end with `end`. O(seconds).
    func peak(_ resource: Resource, over seconds: Int, through end: Int64) -> Double {
        let first = max(end - Int64(seconds), last - Int64(Self.ringLength)) + 1
        var peak: Float = 0
        for second in first..<max(first, min(end, last) + 1) {
            peak = max(peak, recent[resource.rawValue][Self.slot(second)])
        }
        return Double(peak)
    }

    /// What the persistence model made of one of the last 64 seconds.
    func situation(_ resource: Resource, at second: Int64) -> PersistenceTable.Situation {
        situations[resource.rawValue][Self.slot(second)]
    }

    mutating func note(_ situation: PersistenceTable.Situation, _ resource: Resource) {
        situations[resource.rawValue][Self.slot(last)] = situation
    }

    private static func slot(_ second: Int64) -> Int { Int(truncatingIfNeeded: second) & (ringLength - 1) }

    /// Takes in one second. `second` is after the last; those between had no demand.
    ///
    /// O(horizon); the whole is scaled once in 16 half-lives.
    mutating func observe(_ load: InlineArray<2, Double>, at second: Int64, clocks: ForecastClocks) {
        for skipped in 0..<min(second - last - 1, Int64(Self.ringLength)) {
            store(InlineArray(repeating: 0), at: second - 1 - skipped)
            for index in situations.indices { situations[index][Self.slot(second - 1 - skipped)] = .longIdle }
        }
        last = second
        store(load, at: second)
        scale(clocks)
        let hasDemand = load[0] > 0 || load[1] > 0
        trackBurst(load, hasDemand: hasDemand)
        guard hasDemand || second - lastDemand <= Int64(ForecastHorizon.long.seconds) else { return }
        let weight = clocks.short.weight(of: second, in: era)
        let longWeight = clocks.long.weight(of: second, in: longEra)
        if hasDemand { busyMass += weight }
        for resource in Resource.allCases {
            let value = load[resource.rawValue]
            if value > 0 {
                sums[resource.rawValue] += value * longWeight
                count(value, in: resource.rawValue * 4, resource, weight: Float(weight))
            }
            for horizon in ForecastHorizon.allCases where second - admitted > Int64(horizon.seconds) {
                let peak = peak(resource, over: horizon.seconds, through: second)
                guard peak > 0 else { continue }
                count(peak, in: resource.rawValue * 4 + 1 + horizon.rawValue, resource, weight: Float(weight))
            }
        }
    }

    private mutating func store(_ load: InlineArray<2, Double>, at second: Int64) {
        recent[0][Self.slot(second)] = Float(load[0])
        recent[1][Self.slot(second)] = Float(load[1])
    }

    private mutating func count(_ value: Double, in index: Int, _ resource: Resource, weight: Float) {
        histograms[index].add(DemandGrid.shared.bin(of: value, resource), weight: weight)
    }

    /// Brings what was counted into the era of the last second.
    private mutating func scale(_ clocks: ForecastClocks) {
        let now = clocks.short.era(of: last)
        if now != era {
            let factor = clocks.short.factor(from: era, to: now)
            for index in histograms.indices { histograms[index].scale(by: Float(factor)) }
            busyMass *= factor
            era = now
        }
        let longNow = clocks.long.era(of: last)
        if longNow != longEra {
            let factor = clocks.long.factor(from: longEra, to: longNow)
            for index in sums.indices { sums[index] *= factor }
            longEra = longNow
        }
    }
}

// MARK: - Bursts

extension InstanceHistory {
    /// The greatest demand of the burst that is under way or just over; 0 outside bursts.
    func currentBurst(_ resource: Resource) -> Double { burstPeak[resource.rawValue] }

    private mutating func trackBurst(_ load: InlineArray<2, Double>, hasDemand: Bool) {
        if hasDemand {
            for index in load.indices { burstPeak[index] = max(burstPeak[index], load[index]) }
            lastDemand = last
        }
    }

    /// Ends the burst under way if its last demand is long enough ago, and counts it.
    ///
    /// - Returns: the burst's greatest demand of each resource, when one ended.
    mutating func endBurst(at second: Int64) -> InlineArray<2, Double>? {
        guard burstPeak[0] > 0 || burstPeak[1] > 0, second - lastDemand >= Self.burstGap else { return nil }
        let ended = burstPeak
        for resource in Resource.allCases where ended[resource.rawValue] > 0 {
            let index = resource.rawValue
            bursts[index].add(DemandGrid.shared.bin(of: ended[index], resource), weight: 1)
            // Half is forgotten whenever 64 bursts have been counted.
            if bursts[index].mass > 64 { bursts[index].scale(by: 0.5) }
        }
        burstPeak = InlineArray(repeating: 0)
        return ended
    }
}

// MARK: - What the history says

extension InstanceHistory {
    /// Quantiles of what the instance has usually wanted, by its decayed histogram, as seen at `second`.
    func climate(
        _ resource: Resource, _ target: ForecastTarget, _ horizon: ForecastHorizon, at second: Int64,
        clocks: ForecastClocks
    ) -> QuantileCurve {
        let histogram = histograms[Self.index(resource, target, horizon)]
        let zero = totalMass(target, horizon, at: second, clocks: clocks) - Double(histogram.mass)
        return histogram.curve(zeroMass: max(zero, 0), resource)
    }

    /// Quantiles of the peak, given that there is demand with probability `probability`: the instance's usual peaks.
    func peaks(_ resource: Resource, _ horizon: ForecastHorizon, probability: Double) -> QuantileCurve {
        let histogram = histograms[Self.index(resource, .peak, horizon)]
        let zero = Double(histogram.mass) * (1 - probability) / max(probability, 1e-9)
        return histogram.curve(zeroMass: zero, resource)
    }

    /// For how many seconds, decayed, there was a peak above 0 over the horizon.
    func peakSeconds(_ resource: Resource, _ horizon: ForecastHorizon, clocks: ForecastClocks) -> Double {
        Double(histograms[Self.index(resource, .peak, horizon)].mass) / clocks.short.weight(of: last, in: era)
    }

    /// The share of seconds whose following 30 had demand, decayed: near 0 for an instance that has long been idle.
    func climateOnsetShare(at second: Int64, clocks: ForecastClocks) -> Double {
        let counted = max(histograms[3].mass, histograms[7].mass)
        return Double(counted) / max(totalMass(.peak, .long, at: second, clocks: clocks), 1e-9)
    }

    /// The decayed share of seconds with demand, 0...1, leaning to 0 while little is known.
    func busyShare(at second: Int64, clocks: ForecastClocks) -> Double {
        let total = totalMass(.point, .short, at: second, clocks: clocks)
        return busyMass / (total + 30 * clocks.short.weight(of: second, in: era))
    }

    /// The decayed sum of demand over the decayed count of seconds, in units of the last second's weight.
    func sum(_ resource: Resource, at second: Int64, clocks: ForecastClocks) -> (sum: Double, seconds: Double) {
        let weight = clocks.long.weight(of: second, in: longEra)
        let mass = clocks.long.mass(after: admitted, through: second) / clocks.long.weight(of: second)
        return (sums[resource.rawValue] / weight, mass)
    }

    private static func index(_ resource: Resource, _ target: ForecastTarget, _ horizon: ForecastHorizon) -> Int {
        resource.rawValue * 4 + (target == .point ? 0 : 1 + horizon.rawValue)
    }

    /// The decayed weight of all seconds for which a target is known at `second`, in this history's era.
    private func totalMass(
        _ target: ForecastTarget, _ horizon: ForecastHorizon, at second: Int64, clocks: ForecastClocks
    ) -> Double {
        let first = target == .point ? admitted : admitted + Int64(horizon.seconds)
        let mass = clocks.short.mass(after: first, through: second)
        return mass / clocks.short.factor(from: era, to: clocks.short.era(of: second))
    }
}

/// The two paces of forgetting: what an instance usually wants, and what holds for the fleet.
struct ForecastClocks: Sendable {
    /// Half-life 600 s, for histograms of single instances.
    let short = DecayClock(halfLife: 600)
    /// Half-life 3,600 s, for what is pooled, and for scales.
    let long = DecayClock(halfLife: 3_600)
}
