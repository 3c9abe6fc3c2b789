import FleetModel

/// How probable it is that GPU demand comes within each horizon, learned online from what followed before.
///
/// Seconds are sorted into the cells of ``OnsetContext``, and once a horizon has passed, each is counted as followed by
/// demand or not (``FrequencyTable``). An instance's own record then multiplies the frequency: how often demand came
/// where these figures expected it. O(1) per instance and second.
struct OnsetModel: Sendable {
    /// Application types with a table of their own; later ones share the first table.
    static let applicationLimit = 64

    private let horizons: ForecastHorizons
    private var table: FrequencyTable<OnsetContext>

    /// Brings what was counted up to `second`.
    mutating func advance(to second: Int64, clock: DecayClock) { table.advance(to: second, clock: clock) }

    /// Counts the seconds of `track` whose horizon ended with its last second. `application` is below
    /// ``applicationLimit``.
    mutating func learn(from track: inout OnsetTrack, application: Int, tenants: inout TenantPools, pool: Int16?) {
        let circles = tenants.circles(of: pool)
        for horizon in ForecastHorizon.allCases {
            let seconds = horizons[horizon]
            guard let context = track.pastContext(seconds) else { continue }
            let hit = track.hadDemand(within: seconds)
            let expected = table.probability(context, application: application, horizon)
            let ratio = tenants.count(
                context.kind, horizon, seconds: seconds, expected: expected, hit: hit, in: circles)
            track.count(
                context.kind, horizon, seconds: seconds, expected: min(expected * ratio, 0.99), hit: hit)
            table.count(context, application: application, horizon, hit: hit)
        }
    }

    /// The probability of demand within each horizon from a second with this context on: ascending, 0...1. `records` are
    /// the instance's own of that kind of second, by horizon.
    func probabilities(
        _ context: OnsetContext, records: InlineArray<3, OnsetTrack.HitRecord>, application: Int,
        tenants: TenantPools = TenantPools(), pool: Int16? = nil
    ) -> InlineArray<3, Float> {
        let circles = tenants.circles(of: pool)
        var floor: Float = 0
        var result = InlineArray<3, Float>(repeating: 0)
        for horizon in ForecastHorizon.allCases {
            let seconds = horizons[horizon]
            let pooled = table.probability(context, application: application, horizon)
            let expected =
                circles.isEmpty
                ? pooled : min(pooled * tenants.onsetRatio(context.kind, horizon, seconds: seconds, in: circles), 0.99)
            // What its own record must outweigh: three seconds of surge, or two onsets, each seen for a whole horizon.
            let doubt: Float = context.kind == .surge ? 3 : 2 * Float(seconds)
            let own = records[horizon.rawValue].ratio(doubt: doubt)
            floor = min(max(floor, Float(expected) * own), 0.99)
            result[horizon.rawValue] = floor
        }
        return result
    }

    func encode(to writer: inout SnapshotWriter) { table.encode(to: &writer) }

    init(horizons: ForecastHorizons) {
        self.horizons = horizons
        table = FrequencyTable(horizons: horizons)
    }

    init(
        from reader: inout SnapshotReader, applications: Int, clock: DecayClock, horizons: ForecastHorizons
    ) throws(SnapshotFailure) {
        self.horizons = horizons
        table = try FrequencyTable(from: &reader, applications: applications, clock: clock, horizons: horizons)
    }
}
