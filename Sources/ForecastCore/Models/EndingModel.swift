import FleetModel

/// What a second with demand looks like, as far as it tells whether the burst under way is about to end: by how long it
/// has lasted, how long the instance's bursts usually last, and whether work waits.
///
/// What is usual of the instance is part of the cell; that makes a record of its own, as ``OnsetModel`` has one, and the
/// bytes for it superfluous.
struct EndingContext: SecondContext {
    /// Seconds at which the bins after the first begin, of ages and of usual lengths.
    private static let binBegins: InlineArray<10, Float> = [2, 3, 4, 6, 8, 12, 16, 32, 64, 128]
    private static let ages = 11
    /// "Not known", and the bins; lengths from 64 s on share one.
    private static let usualLengths = 11

    static let cellCount = ages * usualLengths * 2
    /// Cells of equal age that do or do not have work.
    static let groupCount = ages * 2

    let cell: UInt16

    init(cell: UInt16) { self.cell = cell }

    /// A second of a burst that began `age` seconds ago. `usualLength` is the mean of the instance's bursts in seconds,
    /// nil before one has ended.
    init(age: Int64, usualLength: Float?, hasWork: Bool) {
        let usual = usualLength.map { min(1 + Self.bin(of: $0), Self.usualLengths - 1) } ?? 0
        cell = UInt16((Self.bin(of: Float(age)) * Self.usualLengths + usual) * 2 + (hasWork ? 1 : 0))
    }

    var group: Int { Int(cell) / (Self.usualLengths * 2) * 2 + Int(cell) % 2 }

    static func prior(ofGroup group: Int) -> InlineArray<3, Double> { [0.3, 0.5, 0.65] }

    /// Neighbouring seconds share most of their horizon, so that a single one says little.
    var strength: EvidenceStrength { EvidenceStrength(prior: 20, group: 20, fleet: 20) }

    private static func bin(of seconds: Float) -> Int {
        var bin = 0
        while bin < binBegins.count, seconds >= binBegins[bin] { bin += 1 }
        return bin
    }
}

/// How probable it is that the burst under way ends within each horizon, learned online from what followed before
/// (``FrequencyTable``).
///
/// Whether a service's bursts end changes with its load, faster than the table learns. So an application type's record
/// of the last minutes multiplies the frequency: how often bursts ended where it was expected. O(1) per instance and
/// second, and no state of an instance's own.
struct EndingModel: Sendable {
    /// What came of an application type's expectations, by horizon.
    private struct Record: Sendable {
        /// Seconds. What is older counts in the table.
        static let halfLife = 300.0

        var expected: InlineArray<3, Float> = InlineArray(repeating: 0)
        var hits: InlineArray<3, Float> = InlineArray(repeating: 0)

        mutating func fade(to kept: Float) {
            for index in expected.indices {
                expected[index] *= kept
                hits[index] *= kept
            }
        }

        /// How much more often than expected within a horizon of `seconds`; three horizons' worth of "as expected" are
        /// to be outweighed.
        func ratio(_ horizon: ForecastHorizon, seconds: Int) -> Float {
            let doubt = 3 * Float(seconds)
            return (hits[horizon.rawValue] + doubt) / (expected[horizon.rawValue] + doubt)
        }

        func encode(to writer: inout SnapshotWriter) {
            writer.put(expected)
            writer.put(hits)
        }

        init() {}

        init(from reader: inout SnapshotReader) throws(SnapshotFailure) {
            expected = try reader.singles(in: 0...1e9)
            hits = try reader.singles(in: 0...1e9)
        }
    }

    private let horizons: ForecastHorizons
    private var table: FrequencyTable<EndingContext>
    /// By application.
    private var records: [Record] = []
    /// The newest second so far.
    private var second: Int64?

    /// Brings what was counted up to `second`.
    mutating func advance(to second: Int64, clock: DecayClock) {
        table.advance(to: second, clock: clock)
        let elapsed = second - (self.second ?? second)
        guard elapsed >= 0 else { return }
        self.second = second
        guard elapsed > 0 else { return }
        let kept = Float(BinaryPowers.power(-Double(elapsed) / Record.halfLife))
        for index in records.indices { records[index].fade(to: kept) }
    }

    /// Counts the seconds of `track` whose horizon ended with its last second. `application` is below
    /// ``OnsetModel/applicationLimit``.
    mutating func learn(from track: borrowing OnsetTrack, application: Int) {
        for horizon in ForecastHorizon.allCases {
            guard let context = track.pastEnding(horizons[horizon]) else { continue }
            let hit = track.burstEnded(within: horizons[horizon])
            while records.count <= application { records.append(Record()) }
            records[application].expected[horizon.rawValue] +=
                Float(table.probability(context, application: application, horizon))
            if hit { records[application].hits[horizon.rawValue] += 1 }
            table.count(context, application: application, horizon, hit: hit)
        }
    }

    /// The probability that the burst ends within each horizon from a second with this context on: ascending, 0...1.
    func probabilities(_ context: EndingContext, application: Int) -> InlineArray<3, Float> {
        let record = records.indices.contains(application) ? records[application] : Record()
        var floor: Float = 0
        var result = InlineArray<3, Float>(repeating: 0)
        for horizon in ForecastHorizon.allCases {
            let pooled = Float(table.probability(context, application: application, horizon))
            floor = min(max(floor, pooled * record.ratio(horizon, seconds: horizons[horizon])), 0.99)
            result[horizon.rawValue] = floor
        }
        return result
    }

    func encode(to writer: inout SnapshotWriter) {
        table.encode(to: &writer)
        writer.put(UInt32(records.count))
        for record in records { record.encode(to: &writer) }
    }

    init(horizons: ForecastHorizons) {
        self.horizons = horizons
        table = FrequencyTable(horizons: horizons)
    }

    init(
        from reader: inout SnapshotReader, applications: Int, clock: DecayClock, horizons: ForecastHorizons
    ) throws(SnapshotFailure) {
        self.horizons = horizons
        table = try FrequencyTable(from: &reader, applications: applications, clock: clock, horizons: horizons)
        for _ in 0..<(try reader.count(in: 0...applications)) { records.append(try Record(from: &reader)) }
        second = reader.newest
    }
}
