import FleetModel

/// Where a time ahead lies among horizons that something is known for: on a line through two neighbours, over the
/// logarithm of seconds, in which what is forecast changes about evenly (from 5 to 10 s as much as from 15 to 30).
struct HorizonBlend: Hashable, Sendable {
    /// Raw values of ``ForecastHorizon``; equal where one of those known is the time itself, or stands for it.
    let lower: Int
    let upper: Int
    /// What ``upper`` counts: 0..<1 between the two, and outside it by up to the reach beyond the outermost.
    let share: Double

    /// - Parameter reach: how far beyond the outermost two the line is followed, as a share of their distance; there is
    ///   no more beyond that, and with 0 the outermost stands for all that is beyond it.
    init(_ seconds: Int, among known: ForecastHorizons, reach: Double = 0) {
        let all = known.all
        let isOutside = seconds < all[0] || seconds > all[all.count - 1]
        if let same = all.firstIndex(of: seconds)
            ?? (isOutside && reach == 0 ? (seconds < all[0] ? 0 : all.count - 1) : nil)
        {
            (lower, upper, share) = (same, same, 0)
            return
        }
        upper = all.dropFirst().firstIndex { $0 > seconds } ?? all.count - 1
        lower = upper - 1
        let passed = BinaryPowers.logarithm(Double(seconds) / Double(all[lower]))
        share = min(max(passed / BinaryPowers.logarithm(Double(all[upper]) / Double(all[lower])), -reach), 1 + reach)
    }

    /// The blend of what is known for each horizon; bit for bit what is known where the time is one of those known.
    func value(_ known: InlineArray<3, Double>) -> Double {
        share == 0 ? known[lower] : known[lower] + share * (known[upper] - known[lower])
    }
}
