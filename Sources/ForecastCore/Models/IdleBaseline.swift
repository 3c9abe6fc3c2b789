/// What one leading signal looks like while the instance does nothing: decayed mean and deviation, and how far the
/// signal now stands above them.
struct IdleBaseline: Sendable {
    /// How far a signal stands above its idle baseline.
    enum Level: Int, Comparable, Sendable {
        case none
        /// It was above within the last ``recency`` seconds.
        case recent
        case moderate
        case strong

        var isNow: Bool { self >= .moderate }
        static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    }

    /// For how many seconds after it a surge is still told of.
    static let recency: Int64 = 5
    /// Seconds over which the baseline adapts while idle; a tenth of this pace during a surge, so that a lasting change
    /// of level is learned in the end.
    private static let window: Float = 60

    /// What does not count as a surge, in the signal's unit, whatever the baseline.
    private let floor: Float
    private var mean: Float = 0
    private var deviation: Float = 0
    private var seconds: Float = 0
    private(set) var lastSurge: Int64 = .min
    private(set) var surgeBegan: Int64 = .min

    init(floor: Float) { self.floor = floor }

    /// Takes in the signal of one second and says how far above the baseline it is. `isBusy` is whether the instance
    /// uses its GPU in that second: then the signal does not describe idleness.
    mutating func observe(_ signal: Double?, at second: Int64, isBusy: Bool) -> Level {
        guard let signal, signal.isFinite else { return recentLevel(at: second) }
        let value = Float(min(max(signal, 0), 1e12))
        let level = seconds == 0 ? (value > 8 * floor ? Level.moderate : .none) : level(of: value)
        if level.isNow {
            // A surge that begins while another is remembered is the same surge.
            if lastSurge < second - Self.recency { surgeBegan = second }
            lastSurge = second
        }
        if !isBusy { adapt(to: value, slowly: level.isNow) }
        return level.isNow ? level : recentLevel(at: second)
    }

    func encode(to writer: inout SnapshotWriter) {
        writer.put(mean)
        writer.put(deviation)
        writer.put(seconds)
        writer.put(second: lastSurge == .min ? nil : lastSurge)
        writer.put(second: surgeBegan == .min ? nil : surgeBegan)
    }

    init(floor: Float, from reader: inout SnapshotReader) throws(SnapshotFailure) {
        self.floor = floor
        mean = try reader.single(in: 0...1.1e12)
        deviation = try reader.single(in: 0...1.1e12)
        seconds = try reader.single(in: 0...Self.window)
        lastSurge = try reader.secondIfAny(upTo: reader.newest) ?? .min
        surgeBegan = try reader.secondIfAny(upTo: lastSurge) ?? .min
    }

    private func recentLevel(at second: Int64) -> Level { lastSurge >= second - Self.recency ? .recent : .none }

    private func level(of value: Float) -> Level {
        let usual = mean + 2 * deviation + floor
        return value >= 8 * usual ? .strong : value >= 2 * usual ? .moderate : .none
    }

    private mutating func adapt(to value: Float, slowly: Bool) {
        if seconds < Self.window { seconds += 1 }
        let pace = (slowly ? 0.1 : 1) / seconds
        // The first value may be part of a surge: it is taken as the baseline only as far as the floor.
        let bounded = seconds == 1 ? min(value, floor) : value
        let distance = bounded - mean
        mean += pace * distance
        deviation += pace * (distance.magnitude - deviation)
    }
}
