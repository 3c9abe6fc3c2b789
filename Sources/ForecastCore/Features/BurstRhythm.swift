/// When an instance's bursts come and how long they last: decayed means over about the last 10 bursts, 36 bytes.
///
/// Demand that is within ``InstanceHistory/burstGap`` seconds is one burst.
struct BurstRhythm: Sendable {
    private static let pace: Float = 0.15
    /// Seconds that a mean may have; the least is of rounding.
    private static let plausible: ClosedRange<Float> = -1...1e12

    /// Means in seconds, and mean distances from them: gaps between bursts, lengths, and time from start to start.
    private(set) var gap: Float = 0
    private(set) var gapSpread: Float = 0
    private(set) var length: Float = 0
    private(set) var period: Float = 0
    private(set) var periodSpread: Float = 0
    /// The second in which the last burst began; nil before the first.
    private(set) var began: Int64?
    private var bursts: Int32 = 0

    /// The mean length of bursts in seconds; nil before one has ended.
    var usualLength: Float? { length > 0 ? length : nil }

    /// A burst begins `gap` seconds after the end of the last.
    mutating func begin(at second: Int64, gap elapsed: Int64?) {
        defer { began = second }
        guard let began, let elapsed else { return }
        bursts = min(bursts + 1, 1_000)
        let pace = max(Self.pace, 1 / Float(bursts))
        let gapError = Float(elapsed) - gap
        gap += pace * gapError
        gapSpread += pace * (gapError.magnitude - gapSpread)
        let periodError = Float(second - began) - period
        period += pace * periodError
        periodSpread += pace * (periodError.magnitude - periodSpread)
    }

    /// The burst under way ended with its last demand at `second`.
    mutating func end(at second: Int64) {
        guard let began else { return }
        let error = Float(second - began + 1) - length
        length += max(Self.pace, 1 / Float(bursts + 1)) * error
    }

    func encode(to writer: inout SnapshotWriter) {
        for mean in [gap, gapSpread, length, period, periodSpread] { writer.put(mean) }
        writer.put(second: began)
        writer.put(UInt32(clamping: bursts))
    }

    init() {}

    init(from reader: inout SnapshotReader) throws(SnapshotFailure) {
        gap = try reader.single(in: Self.plausible)
        gapSpread = try reader.single(in: Self.plausible)
        length = try reader.single(in: Self.plausible)
        period = try reader.single(in: Self.plausible)
        periodSpread = try reader.single(in: Self.plausible)
        began = try reader.secondIfAny(upTo: reader.newest)
        bursts = Int32(try reader.count(in: 0...1_000))
    }

    /// Writes five features; `idle` is seconds without demand, 0 while there is some.
    func write(to writer: inout FeatureWriter, idle: Float, at second: Int64) {
        let isKnown = bursts > 0
        writer.put(isKnown ? FloatMath.log1p(gap) - 2 : 0)
        writer.put(isKnown ? FloatMath.log1p(length) - 1 : 0)
        writer.put(isKnown ? idle / (gap + 1) : 0)
        writer.put(isKnown ? 1 - min(2, 2 * periodSpread / (period + 1)) : 0)
        let sinceBegin = began.map { Float(second - $0) } ?? 0
        writer.put(isKnown ? (sinceBegin + 5) / (period + 1) - 1 : 0)
    }
}
