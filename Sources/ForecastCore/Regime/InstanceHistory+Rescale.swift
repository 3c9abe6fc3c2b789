import FleetModel

extension InstanceHistory {
    /// How far demand in each of the last 48 seconds lay from the mean of what the instance wanted before them, in bins
    /// of the ``DemandGrid``; nil where it wanted nothing, and everywhere while too little is known.
    func distances(
        _ resource: Resource, at second: Int64, clocks: ForecastClocks, recent: RecentLoads, row: Int
    ) -> InlineArray<48, Float?>? {
        guard second - lastDemand < Int64(AmountShift.tested) else { return nil }
        let grid = DemandGrid.shared
        var positions = InlineArray<48, Float?>(repeating: nil)
        var (mass, sum) = pointSum(resource)
        let unit = clocks.short.weight(of: second, in: histogramEra)
        for age in 0..<AmountShift.window {
            let value = recent.demand(resource, row: row, at: second - Int64(age), last: last)
            guard value > 0 else { continue }
            let position = grid.position(of: value, resource)
            positions[age] = position
            let weight = Float(clocks.short.weight(of: second - Int64(age), in: histogramEra))
            mass -= weight
            sum -= weight * position
        }
        guard Double(mass) > Self.leastUsualSeconds * unit else { return nil }
        let usual = sum / mass
        return InlineArray { age in positions[age].map { $0 - usual } }
    }

    /// Busy seconds, decayed, before those looked at, that make a usual demand known.
    private static let leastUsualSeconds = 8.0

    /// Takes all that was seen more than `seconds` ago, at most 48, as if it had been 1.3 to the power of `bins` as much.
    ///
    /// What has been counted since is taken out, what remains is moved by whole bins, and it is counted again: peaks
    /// that reach back before the change hold what was before as it is taken now. Exact but for rounding, for seconds
    /// up to 64 less the longest horizon ago. O(seconds × horizons).
    ///
    /// - Returns: the sum of demand since.
    mutating func rescale(
        _ resource: Resource, bins: Int, olderThan seconds: Int, at second: Int64, clocks: ForecastClocks,
        recent: inout RecentLoads, row: Int
    ) -> Float {
        let factor = Float(DemandGrid.factor(bins: bins))
        let changed = second - Int64(seconds)
        // As far back as all of the longest peak is in ``RecentLoads``.
        let recounted = max(changed, last - Int64(RecentLoads.length - clocks.horizons[.long])) + 1
        for counted in stride(from: recounted, through: last, by: 1) {
            recount(resource, at: counted, sign: -1, clocks: clocks, recent, row: row)
        }
        shift(resource, bins: bins)
        var since = LoadSince(last: last)
        for passed in stride(from: last - Int64(RecentLoads.length) + 1, through: last, by: 1) {
            if passed <= changed {
                recent.scale(resource, row: row, at: passed, by: factor)
            } else {
                since.add(recent.demand(resource, row: row, at: passed, last: last), at: passed)
            }
        }
        rescaleMeans(resource, by: factor, since: since, clocks: clocks)
        rescaleBurst(resource, by: factor, recent, row: row)
        for counted in stride(from: recounted, through: last, by: 1) {
            recount(resource, at: counted, sign: 1, clocks: clocks, recent, row: row)
        }
        return since.sum
    }
}

/// Demand of one resource since some second, one value each second.
struct LoadSince {
    let last: Int64
    private(set) var seconds: [(second: Int64, load: Float)] = []
    private(set) var sum: Float = 0

    init(last: Int64) { self.last = last }

    mutating func add(_ load: Float, at second: Int64) {
        guard load > 0 else { return }
        seconds.append((second, load))
        sum += load
    }
}
