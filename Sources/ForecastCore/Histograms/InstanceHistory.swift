import FleetModel

/// What is remembered of one instance that has had demand, beside its ``RecentLoads``: decaying histograms of its demand,
/// of its peaks over each horizon, and of the peaks of its bursts; decaying averages; and the rhythm of its bursts. About
/// 1 KB; instances without demand have none.
///
/// Seconds without demand cost nothing: the weight of "no demand" is what the counted seconds leave of the total.
struct InstanceHistory: Sendable {
    /// Demand that is this close together, in seconds, is one burst.
    static let burstGap: Int64 = 3
    /// Longer ago than any second that is observed.
    static let never: Int64 = -(1 << 60)

    let admitted: Int64
    private(set) var last: Int64
    private(set) var lastDemand: Int64
    fileprivate var era: Int64
    fileprivate var longEra: Int64
    /// Point, then peaks over each horizon; the four of a resource lie together.
    fileprivate var histograms: InlineArray<8, WindowedHistogram>
    private(set) var bursts: InlineArray<2, WindowedHistogram>
    private var burstPeak: InlineArray<2, Float>
    /// Seconds with demand in the burst under way.
    private(set) var burstSeconds: Int32 = 0
    private(set) var rhythm = BurstRhythm()
    private(set) var averages: LoadAverages
    /// The decayed weight of seconds with demand.
    private var busyMass: Double
    fileprivate var sums: InlineArray<2, Double>

    /// The history of an instance that was first observed in the second after `admitted`, and without demand since.
    init(admitted: Int64, last: Int64, clocks: ForecastClocks) {
        self.admitted = admitted
        self.last = last
        lastDemand = Self.never
        era = clocks.short.era(of: last)
        longEra = clocks.long.era(of: last)
        histograms = InlineArray(repeating: WindowedHistogram())
        bursts = InlineArray(repeating: WindowedHistogram())
        burstPeak = InlineArray(repeating: 0)
        averages = LoadAverages(before: last + 1)
        busyMass = 0
        sums = InlineArray(repeating: 0)
    }

    /// Takes in one second. `second` is after the last; those between had no demand.
    ///
    /// O(horizon); the histograms are halved once in a half-life.
    mutating func observe(
        _ load: InlineArray<2, Double>, arrivals: Float, at second: Int64, clocks: ForecastClocks,
        recent: inout RecentLoads, row: Int
    ) {
        let wasBusy = lastDemand == second - 1
        for skipped in 0..<min(second - last - 1, Int64(RecentLoads.length)) {
            recent.store(InlineArray(repeating: 0), row: row, at: second - 1 - skipped)
        }
        last = second
        recent.store(load, row: row, at: second)
        scale(clocks)
        let hasDemand = load[0] > 0 || load[1] > 0
        averages.observe(
            load, arrivals: arrivals, isBusy: hasDemand, wasBusy: wasBusy, at: second, decay: clocks.decay)
        if hasDemand { trackBurst(load) }
        guard hasDemand || second - lastDemand <= Int64(clocks.horizons[.long]) else { return }
        let weight = clocks.short.weight(of: second, in: era)
        let longWeight = clocks.long.weight(of: second, in: longEra)
        if hasDemand { busyMass += weight }
        for resource in Resource.allCases {
            let value = load[resource.rawValue]
            if value > 0 {
                sums[resource.rawValue] += value * longWeight
                count(value, in: resource.rawValue * 4, resource, weight: Float(weight))
            }
            countPeaks(resource, weight: Float(weight), clocks.horizons, recent, row: row)
        }
    }

    /// Counts the peaks over each horizon that end with the last second: a longer one holds the shorter.
    private mutating func countPeaks(
        _ resource: Resource, weight: Float, _ horizons: ForecastHorizons, _ recent: RecentLoads, row: Int
    ) {
        var peak: Float = 0
        var passed = 0
        for horizon in ForecastHorizon.allCases {
            let end = last - Int64(passed)
            let seconds = horizons[horizon]
            peak = max(peak, recent.peak(resource, row: row, over: seconds - passed, through: end, last: last))
            passed = seconds
            guard peak > 0, last - admitted > Int64(seconds) else { continue }
            count(Double(peak), in: resource.rawValue * 4 + 1 + horizon.rawValue, resource, weight: weight)
        }
    }

    private mutating func count(_ value: Double, in index: Int, _ resource: Resource, weight: Float) {
        histograms[index].add(DemandGrid.shared.bin(of: value, resource), weight: weight)
    }

    /// Brings what was counted into the era of the last second.
    private mutating func scale(_ clocks: ForecastClocks) {
        let now = clocks.short.era(of: last)
        if now != era {
            for index in histograms.indices { histograms[index].halve(now - era) }
            busyMass *= clocks.short.factor(from: era, to: now)
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

extension [InstanceHistory] {
    /// Reads one history where it lies: as an element, all of its kilobyte would be copied for a figure.
    @inline(__always)
    func read<Result>(_ index: Int, _ body: (UnsafePointer<InstanceHistory>) -> Result) -> Result {
        precondition(indices.contains(index), "a history that is not there")
        return withUnsafeBufferPointer { histories in
            guard let base = histories.baseAddress else { preconditionFailure("a history that is not there") }
            return body(base + index)
        }
    }
}

/// What is asked of every instance in every second is a method of a history's address: as one of the history, it would be
/// called with a copy of it (Swift 6.3).
extension UnsafePointer<InstanceHistory> {
    /// The histograms where they lie.
    private var histograms: UnsafePointer<WindowedHistogram> {
        let offset = MemoryLayout<InstanceHistory>.offset(of: \.histograms) ?? 0
        return (UnsafeRawPointer(self) + offset).assumingMemoryBound(to: WindowedHistogram.self)
    }

    /// Writes the quantiles of what the instance has usually wanted, by its decayed histograms, as seen at `second`, to
    /// the places of the climate in an instance's row of experts.
    func writeClimate(at second: Int64, clocks: ForecastClocks, to experts: UnsafeMutablePointer<Float>) {
        let totals = InlineArray<4, Float> { index in
            Float(
                pointee.totalMass(
                    index == 0 ? .point : .peak, ForecastHorizon(rawValue: max(0, index - 1)) ?? .short, at: second,
                    clocks: clocks))
        }
        for resource in Resource.allCases {
            _ = DemandGrid.shared.withEdges(resource) { edges in
                let base = experts + ExpertLayout.offset(curve: resource.rawValue * 6, model: .climate)
                for index in 0..<4 {
                    let place = base + (index == 0 ? 0 : 2 + index) * ExpertLayout.curve
                    let histogram = resource.rawValue * 4 + index
                    histograms[histogram].write(
                        zeroMass: totals[index] - histograms[histogram].mass, edges: edges, to: place)
                }
                // The climate of a point does not depend on the horizon.
                ExpertLayout.copyCurve(from: base, to: base + ExpertLayout.curve)
                ExpertLayout.copyCurve(from: base, to: base + 2 * ExpertLayout.curve)
            }
        }
    }

    /// Writes quantiles of the peak, given that there is demand with probability `probability`: the usual peaks.
    func writePeaks(
        _ resource: Resource, _ horizon: ForecastHorizon, probability: Double, to place: UnsafeMutablePointer<Float>
    ) {
        let index = InstanceHistory.index(resource, .peak, horizon)
        let zero = Double(histograms[index].mass) * (1 - probability) / max(probability, 1e-9)
        _ = DemandGrid.shared.withEdges(resource) { edges in
            histograms[index].write(zeroMass: Float(zero), edges: edges, to: place)
        }
    }

    /// For how many seconds, decayed, there was a peak above 0 over the horizon.
    func peakSeconds(_ resource: Resource, _ horizon: ForecastHorizon, clocks: ForecastClocks) -> Double {
        Double(histograms[InstanceHistory.index(resource, .peak, horizon)].mass)
            / clocks.short.weight(of: pointee.last, in: pointee.era)
    }

    /// The share of seconds that had demand within the longest horizon, decayed: near 0 for an instance that has long been idle.
    func climateOnsetShare(at second: Int64, clocks: ForecastClocks) -> Double {
        let counted = max(histograms[3].mass, histograms[7].mass)
        return Double(counted) / max(pointee.totalMass(.peak, .long, at: second, clocks: clocks), 1e-9)
    }

    /// The decayed sum of demand over the decayed count of seconds, in units of the last second's weight.
    func sum(_ resource: Resource, at second: Int64, clocks: ForecastClocks) -> (sum: Double, seconds: Double) {
        let weight = clocks.long.weight(of: second, in: pointee.longEra)
        let mass = clocks.long.mass(after: pointee.admitted, through: second) / clocks.long.weight(of: second)
        return (pointee.sums[resource.rawValue] / weight, mass)
    }
}

// MARK: - Changes of amounts

extension InstanceHistory {
    /// The era in whose weights histograms are counted.
    var histogramEra: Int64 { era }

    /// The decayed weight of seconds with demand, and the sum of where they lay on the grid.
    func pointSum(_ resource: Resource) -> (mass: Float, sum: Float) {
        let histogram = histograms[resource.rawValue * 4]
        return (histogram.mass, histogram.positionSum)
    }

    /// Counts demand and peaks of one of the last seconds again, or takes them back with a `sign` below 0.
    mutating func recount(
        _ resource: Resource, at second: Int64, sign: Int, clocks: ForecastClocks, _ recent: RecentLoads, row: Int
    ) {
        let weight = Float(clocks.short.weight(of: second, in: era))
        let first = resource.rawValue * 4
        for index in 0..<4 {
            let seconds = index == 0 ? 1 : clocks.horizons[ForecastHorizon.allCases[index - 1]]
            guard index == 0 || second - admitted > Int64(seconds) else { continue }
            let value = recent.peak(resource, row: row, over: seconds, through: second, last: last)
            guard value > 0 else { continue }
            let bin = DemandGrid.shared.bin(of: Double(value), resource)
            if sign > 0 {
                histograms[first + index].add(bin, weight: weight)
            } else {
                histograms[first + index].remove(bin, weight: weight)
            }
        }
    }

    /// Moves all that the histograms of a resource hold.
    mutating func shift(_ resource: Resource, bins: Int) {
        for index in 0..<4 { histograms[resource.rawValue * 4 + index].shift(by: bins) }
        self.bursts[resource.rawValue].shift(by: bins)
    }

    /// Multiplies what decaying sums and means hold from before the seconds in `since`.
    mutating func rescaleMeans(_ resource: Resource, by factor: Float, since: LoadSince, clocks: ForecastClocks) {
        averages.rescale(resource, by: factor, since: since, decay: clocks.decay)
        var kept = 0.0
        for (second, load) in since.seconds { kept += Double(load) * clocks.long.weight(of: second, in: longEra) }
        let sum = sums[resource.rawValue]
        sums[resource.rawValue] = min(max(0, (sum - kept) * Double(factor) + kept), 1e25)
    }

    /// Finds the greatest demand of the burst under way anew, as far back as recent demand is known.
    mutating func rescaleBurst(_ resource: Resource, by factor: Float, _ recent: RecentLoads, row: Int) {
        guard burstPeak[resource.rawValue] > 0, let began = rhythm.began else { return }
        let known = last - Int64(RecentLoads.length)
        let peak = recent.peak(
            resource, row: row, over: Int(min(last - began + 1, Int64(RecentLoads.length))), through: last, last: last)
        let before = min(burstPeak[resource.rawValue] * factor, Float(FleetForecaster.greatestDemand))
        burstPeak[resource.rawValue] = began > known ? peak : max(peak, before)
    }
}

// MARK: - Bursts

extension InstanceHistory {
    /// The greatest demand of the burst that is under way or just over; 0 outside bursts.
    func currentBurst(_ resource: Resource) -> Double { Double(burstPeak[resource.rawValue]) }

    private mutating func trackBurst(_ load: InlineArray<2, Double>) {
        if burstSeconds == 0 { rhythm.begin(at: last, gap: lastDemand == Self.never ? nil : last - lastDemand - 1) }
        burstSeconds += 1
        for index in load.indices { burstPeak[index] = max(burstPeak[index], Float(load[index])) }
        lastDemand = last
    }

    /// Ends the burst under way if its last demand is long enough ago, and counts it.
    ///
    /// - Returns: the burst's greatest demand of each resource, when one ended.
    mutating func endBurst(at second: Int64) -> InlineArray<2, Double>? {
        guard burstSeconds > 0, second - lastDemand >= Self.burstGap else { return nil }
        let ended = InlineArray<2, Double> { Double(burstPeak[$0]) }
        for resource in Resource.allCases where ended[resource.rawValue] > 0 {
            let index = resource.rawValue
            bursts[index].add(DemandGrid.shared.bin(of: ended[index], resource), weight: 1)
            // Half is forgotten whenever 64 bursts have been counted.
            if bursts[index].mass > 64 { bursts[index].halve(1) }
        }
        rhythm.end(at: lastDemand)
        burstPeak = InlineArray(repeating: 0)
        burstSeconds = 0
        return ended
    }
}

// MARK: - What the history says

extension InstanceHistory {
    /// The decayed share of seconds with demand, 0...1, leaning to 0 while little is known.
    func busyShare(at second: Int64, clocks: ForecastClocks) -> Double {
        let total = totalMass(.point, .short, at: second, clocks: clocks)
        return busyMass / (total + 30 * clocks.short.weight(of: second, in: era))
    }

    fileprivate static func index(_ resource: Resource, _ target: ForecastTarget, _ horizon: ForecastHorizon) -> Int {
        resource.rawValue * 4 + (target == .point ? 0 : 1 + horizon.rawValue)
    }

    /// The decayed weight of all seconds for which a target is known at `second`, in this history's era.
    @inline(__always)
    fileprivate func totalMass(
        _ target: ForecastTarget, _ horizon: ForecastHorizon, at second: Int64, clocks: ForecastClocks
    ) -> Double {
        let first = target == .point ? admitted : admitted + Int64(clocks.horizons[horizon])
        let mass = clocks.short.mass(after: first, through: second)
        return mass / clocks.short.factor(from: era, to: clocks.short.era(of: second))
    }
}

// MARK: - Other horizons

extension InstanceHistory {
    /// The history with the peaks of other horizons than those it was kept for: a blend of what is known of the horizons
    /// on either side, until what comes has taken its place (half-life 600 s).
    func looking(ahead wanted: ForecastHorizons, before known: ForecastHorizons) -> InstanceHistory {
        var moved = self
        for resource in Resource.allCases {
            let first = resource.rawValue * 4 + 1
            for horizon in ForecastHorizon.allCases {
                let blend = HorizonBlend(wanted[horizon], among: known)
                var peaks = WindowedHistogram()
                peaks.add(histograms[first + blend.lower], share: Float(1 - blend.share))
                if blend.share > 0 { peaks.add(histograms[first + blend.upper], share: Float(blend.share)) }
                moved.histograms[first + horizon.rawValue] = peaks
            }
        }
        return moved
    }
}

// MARK: - Snapshots

extension InstanceHistory {
    func encode(to writer: inout SnapshotWriter) {
        writer.put(second: admitted)
        writer.put(second: last)
        writer.put(second: lastDemand == Self.never ? nil : lastDemand)
        for index in histograms.indices { histograms[index].encode(to: &writer) }
        for index in bursts.indices { bursts[index].encode(to: &writer) }
        writer.put(burstPeak)
        writer.put(UInt32(clamping: burstSeconds))
        rhythm.encode(to: &writer)
        averages.encode(to: &writer)
        writer.put(busyMass)
        for index in sums.indices { writer.put(sums[index]) }
    }

    init(from reader: inout SnapshotReader, clocks: ForecastClocks) throws(SnapshotFailure) {
        let admitted = try reader.second(upTo: reader.newest)
        let last = try reader.second(upTo: reader.newest)
        self.init(admitted: admitted, last: last, clocks: clocks)
        lastDemand = try reader.secondIfAny(upTo: last) ?? Self.never
        for index in histograms.indices { histograms[index] = try WindowedHistogram(from: &reader) }
        for index in bursts.indices { bursts[index] = try WindowedHistogram(from: &reader) }
        burstPeak = try reader.singles(in: 0...Float(FleetForecaster.greatestDemand))
        burstSeconds = Int32(try reader.count(in: 0...Int(Int32.max / 2)))
        rhythm = try BurstRhythm(from: &reader)
        averages = try LoadAverages(from: &reader)
        busyMass = try reader.double(in: 0...1e6)
        for index in sums.indices { sums[index] = try reader.double(in: 0...1e25) }
    }
}
