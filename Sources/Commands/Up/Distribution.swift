/// Count and percentiles of a set of figures. Percentiles are nearest-rank: each is one of the figures.
struct Distribution: Hashable, Encodable {
    var count: Int
    /// Nil where there are no figures.
    var p50: Double?
    var p99: Double?

    /// O(n log n).
    init(_ values: [Double]) {
        let sorted = values.sorted()
        count = sorted.count
        p50 = Self.percentile(0.5, ofSorted: sorted)
        p99 = Self.percentile(0.99, ofSorted: sorted)
    }

    /// The least value that at least `share` (above 0, at most 1) of `sorted` do not exceed; nil when that is empty.
    static func percentile(_ share: Double, ofSorted sorted: [Double]) -> Double? {
        guard !sorted.isEmpty else { return nil }
        let rank = Int((share * Double(sorted.count)).rounded(.up))
        return sorted[min(max(rank, 1), sorted.count) - 1]
    }

    private enum Key: CodingKey { case count, p50, p99 }

    /// Writes every key: what is not known is null, not left out.
    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(count, forKey: .count)
        try container.encode(p50, forKey: .p50)
        try container.encode(p99, forKey: .p99)
    }
}

/// The starts that found the GPU reserved before they asked, and the others.
struct ReadinessSplit: Hashable, Encodable {
    var ready: Distribution
    var notReady: Distribution

    init(_ records: [BurstRecord], _ figure: (BurstMeasurements) -> Double?) {
        ready = Distribution(records.filter(\.wasReady).compactMap { figure($0.measured) })
        notReady = Distribution(records.filter { !$0.wasReady }.compactMap { figure($0.measured) })
    }
}
