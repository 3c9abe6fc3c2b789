import FleetModel

/// What a second looks like, as far as it tells what follows: seconds of one cell are counted together.
protocol SecondContext: Sendable {
    static var cellCount: Int { get }
    /// Groups of cells that are similar before anything is learned.
    static var groupCount: Int { get }
    /// 0..<``cellCount``.
    var cell: UInt16 { get }
    /// 0..<``groupCount``.
    var group: Int { get }
    /// What is assumed of a group before anything was seen: the probability of what is counted within the standard
    /// horizons of 5, 15 and 30 s.
    static func prior(ofGroup group: Int) -> InlineArray<3, Double>
    var strength: EvidenceStrength { get }
}

/// How many seconds' worth of evidence the wider circle is worth to each narrower one.
struct EvidenceStrength: Sendable {
    let prior: Double
    let group: Double
    let fleet: Double
}

/// How often something came within each horizon after seconds of each kind.
///
/// A frequency is shrunk to that of a wider circle until enough was seen: a cell of an application type to the cell of
/// the fleet, that to its group of similar cells, that to a stated prior. Counts decay with a half-life of 3,600 s.
struct FrequencyTable<Context: SecondContext>: Sendable {
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

    /// By group, for the horizons of this table.
    private let priors: [InlineArray<3, Double>]
    private var groups = [Frequency](repeating: Frequency(), count: Context.groupCount)
    private var cells = [Frequency](repeating: Frequency(), count: Context.cellCount)
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

    /// Counts a second whose horizon is over. `application` is below ``OnsetModel/applicationLimit``. O(1).
    mutating func count(_ context: Context, application: Int, _ horizon: ForecastHorizon, hit: Bool) {
        let weight = Float(weight)
        groups[context.group].count(horizon.rawValue, hit: hit, weight: weight)
        cells[Int(context.cell)].count(horizon.rawValue, hit: hit, weight: weight)
        let index = application * Context.cellCount + Int(context.cell)
        if index >= applicationCells.count {
            let missing = (application + 1) * Context.cellCount - applicationCells.count
            applicationCells.append(contentsOf: repeatElement(Frequency(), count: missing))
        }
        applicationCells[index].count(horizon.rawValue, hit: hit, weight: weight)
    }

    /// The probability, 0...1, that what is counted comes within a horizon from a second with this context on. O(1).
    func probability(_ context: Context, application: Int, _ horizon: ForecastHorizon) -> Double {
        let strength = context.strength
        let place = horizon.rawValue
        let number = context.group
        let group = groups[number].shrunk(place, to: priors[number][place], strength: strength.prior, weight: weight)
        let fleet = cells[Int(context.cell)].shrunk(place, to: group, strength: strength.group, weight: weight)
        let index = application * Context.cellCount + Int(context.cell)
        guard index < applicationCells.count else { return fleet }
        return applicationCells[index].shrunk(place, to: fleet, strength: strength.fleet, weight: weight)
    }

    func encode(to writer: inout SnapshotWriter) {
        writer.put(second: second == .min ? nil : second)
        for frequency in groups { frequency.encode(to: &writer) }
        for frequency in cells { frequency.encode(to: &writer) }
        writer.put(UInt32(applicationCells.count / Context.cellCount))
        for frequency in applicationCells { frequency.encode(to: &writer) }
    }

    /// An empty table of what comes within `horizons`.
    init(horizons: ForecastHorizons) {
        priors = (0..<Context.groupCount).map { group in
            let known = Context.prior(ofGroup: group)
            return InlineArray { place in
                let seconds = horizons.all[place]
                // Within less than the shortest that is known of, proportionally less.
                let part = min(1, Double(seconds) / Double(ForecastHorizons.standard[.short]))
                return part * HorizonBlend(seconds, among: .standard).value(known)
            }
        }
    }

    init(
        from reader: inout SnapshotReader, applications: Int, clock: DecayClock, horizons: ForecastHorizons
    ) throws(SnapshotFailure) {
        self.init(horizons: horizons)
        if let second = try reader.secondIfAny(upTo: reader.newest) { advance(to: second, clock: clock) }
        for index in groups.indices { groups[index] = try Frequency(from: &reader) }
        for index in cells.indices { cells[index] = try Frequency(from: &reader) }
        for _ in 0..<(try reader.count(in: 0...applications)) * Context.cellCount {
            applicationCells.append(try Frequency(from: &reader))
        }
    }
}
