import FleetModel

/// How probable it is that GPU demand comes within 5, 15 and 30 s, learned online from what followed before.
///
/// A table of conditional frequencies: seconds are sorted into the cells of ``OnsetContext``, and once a horizon has
/// passed, each second is counted as followed by demand or not. A frequency is shrunk to that of a wider circle until
/// enough was seen: a cell of an application type to the cell of the fleet, that to its group of similar cells, that to
/// a stated prior. An instance's own record then multiplies it: how often demand came where these figures expected it.
/// Counts decay with a half-life of 3,600 s. O(1) per instance and second.
struct OnsetModel: Sendable {
    /// Application types with a table of their own; later ones share the first table.
    static let applicationLimit = 64

    /// How many seconds' worth of evidence the wider circle is worth. Neighbouring quiet or busy seconds share most of
    /// their horizon, so that a single one of them says little; the few seconds of a surge say much.
    private struct Strength {
        let prior: Double
        let group: Double
        let fleet: Double

        static let ofSurge = Strength(prior: 2, group: 4, fleet: 8)
        static let ofOthers = Strength(prior: 20, group: 20, fleet: 20)
    }

    private struct Frequency: Sendable {
        var trials: InlineArray<3, Float> = InlineArray(repeating: 0)
        var hits: InlineArray<3, Float> = InlineArray(repeating: 0)

        mutating func count(_ horizon: Int, hit: Bool, weight: Float) {
            trials[horizon] += weight
            if hit { hits[horizon] += weight }
        }

        mutating func scale(by factor: Float) {
            for index in trials.indices {
                trials[index] *= factor
                hits[index] *= factor
            }
        }

        func encode(to writer: inout SnapshotWriter) {
            writer.put(trials)
            writer.put(hits)
        }

        init() {}

        init(from reader: inout SnapshotReader) throws(SnapshotFailure) {
            trials = try reader.singles(in: 0...1e16)
            for index in hits.indices { hits[index] = try reader.single(in: 0...(trials[index] * 1.001)) }
        }

        /// The frequency of hits, with `strength` seconds of `prior` beside what was counted.
        func shrunk(_ horizon: Int, to prior: Double, strength: Double, weight: Double) -> Double {
            let added = strength * weight
            return (Double(hits[horizon]) + added * prior) / (Double(trials[horizon]) + added)
        }
    }

    private var groups = [Frequency](repeating: Frequency(), count: OnsetContext.groupCount)
    private var cells = [Frequency](repeating: Frequency(), count: OnsetContext.cellCount)
    /// Indexed by application × cells + cell.
    private var applicationCells: [Frequency] = []
    private var era: Int64?
    /// The weight of one second now.
    private var weight = 1.0
    private var second: Int64 = .min

    /// Brings what was counted up to `second`.
    mutating func advance(to second: Int64, clock: DecayClock) {
        guard second != self.second else { return }
        self.second = second
        weight = clock.weight(of: second)
        let now = clock.era(of: second)
        defer { era = now }
        guard let era, era != now else { return }
        scale(by: Float(clock.factor(from: era, to: now)))
    }

    private mutating func scale(by factor: Float) {
        for index in groups.indices { groups[index].scale(by: factor) }
        for index in cells.indices { cells[index].scale(by: factor) }
        for index in applicationCells.indices { applicationCells[index].scale(by: factor) }
    }

    /// Counts the seconds of `track` whose horizon ended with its last second. `application` is below
    /// ``applicationLimit``.
    mutating func learn(from track: inout OnsetTrack, application: Int) {
        for horizon in ForecastHorizon.allCases {
            guard let context = track.pastContext(horizon.seconds) else { continue }
            let hit = track.hadDemand(within: horizon.seconds)
            let expected = pooledProbability(context, application: application, horizon.rawValue)
            track.count(context.kind, horizon, expected: expected, hit: hit)
            groups[context.group].count(horizon.rawValue, hit: hit, weight: Float(weight))
            cells[Int(context.cell)].count(horizon.rawValue, hit: hit, weight: Float(weight))
            let index = application * OnsetContext.cellCount + Int(context.cell)
            if index >= applicationCells.count {
                let missing = (application + 1) * OnsetContext.cellCount - applicationCells.count
                applicationCells.append(contentsOf: repeatElement(Frequency(), count: missing))
            }
            applicationCells[index].count(horizon.rawValue, hit: hit, weight: Float(weight))
        }
    }

    /// The probability of demand within each horizon from a second with this context on: ascending, 0...1. `records` are
    /// the instance's own of that kind of second, by horizon.
    func probabilities(
        _ context: OnsetContext, records: InlineArray<3, OnsetTrack.HitRecord>, application: Int
    ) -> InlineArray<3, Float> {
        var floor: Float = 0
        var result = InlineArray<3, Float>(repeating: 0)
        for horizon in ForecastHorizon.allCases {
            let pooled = pooledProbability(context, application: application, horizon.rawValue)
            let record = records[horizon.rawValue]
            // What its own record must outweigh: three seconds of surge, or two onsets, each seen for a whole horizon.
            let doubt: Float = context.kind == .surge ? 3 : 2 * Float(horizon.seconds)
            let own = (record.hits + doubt) / (record.expected + doubt)
            floor = min(max(floor, Float(pooled) * own), 0.99)
            result[horizon.rawValue] = floor
        }
        return result
    }

    private func pooledProbability(_ context: OnsetContext, application: Int, _ horizon: Int) -> Double {
        let (short, medium, long) = context.prior
        let prior = horizon == 0 ? short : horizon == 1 ? medium : long
        let strength = context.kind == .surge ? Strength.ofSurge : .ofOthers
        let group = groups[context.group].shrunk(horizon, to: prior, strength: strength.prior, weight: weight)
        let fleet = cells[Int(context.cell)].shrunk(horizon, to: group, strength: strength.group, weight: weight)
        let index = application * OnsetContext.cellCount + Int(context.cell)
        guard index < applicationCells.count else { return fleet }
        return applicationCells[index].shrunk(horizon, to: fleet, strength: strength.fleet, weight: weight)
    }

    func encode(to writer: inout SnapshotWriter) {
        writer.put(second: second == .min ? nil : second)
        for frequency in groups { frequency.encode(to: &writer) }
        for frequency in cells { frequency.encode(to: &writer) }
        writer.put(UInt32(applicationCells.count / OnsetContext.cellCount))
        for frequency in applicationCells { frequency.encode(to: &writer) }
    }

    init() {}

    init(
        from reader: inout SnapshotReader, applications: Int, clock: DecayClock
    ) throws(SnapshotFailure) {
        if let second = try reader.secondIfAny(upTo: reader.newest) { advance(to: second, clock: clock) }
        for index in groups.indices { groups[index] = try Frequency(from: &reader) }
        for index in cells.indices { cells[index] = try Frequency(from: &reader) }
        for _ in 0..<(try reader.count(in: 0...applications)) * OnsetContext.cellCount {
            applicationCells.append(try Frequency(from: &reader))
        }
    }
}
