/// Count and percentiles of a set of figures, of which some may be missing: of what never came to be measured. They
/// count, and stand above all others. Percentiles are nearest-rank: each is one of the figures.
struct Distribution: Hashable, Encodable {
    var count: Int
    /// Nil where there are no figures, and where it falls on one that is missing.
    var p50: Double?
    var p99: Double?

    /// O(n log n).
    init(_ values: [Double?]) {
        let sorted = values.compactMap(\.self).sorted()
        count = values.count
        p50 = Self.percentile(0.5, ofSorted: sorted, missing: count - sorted.count)
        p99 = Self.percentile(0.99, ofSorted: sorted, missing: count - sorted.count)
    }

    /// The least value that at least `share` (above 0, at most 1) of `sorted` and of `missing` figures above them do
    /// not exceed; nil where it is missing, and when there are none.
    static func percentile(_ share: Double, ofSorted sorted: [Double], missing: Int = 0) -> Double? {
        let count = sorted.count + missing
        let rank = min(max(Int((share * Double(count)).rounded(.up)), 1), count)
        return rank >= 1 && rank <= sorted.count ? sorted[rank - 1] : nil
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
        ready = Distribution(records.filter(\.wasReady).map { figure($0.measured) })
        notReady = Distribution(records.filter { !$0.wasReady }.map { figure($0.measured) })
    }
}
