import FleetModel

/// The fleet's mean demand per instance and second, decayed with a half-life of 3,600 s.
///
/// It is what an instance of which little is known is measured against, and what makes losses of memory and compute
/// comparable.
struct FleetScale: Sendable {
    /// An instance's own mean counts in full only after this many seconds.
    private static let priorSeconds = 60.0
    /// Below this share of an instance's scale, a quantile is reported as 0.
    static let zeroShare: Float = 0.05

    private var sums: InlineArray<2, Double> = InlineArray(repeating: 0)
    private var seconds = 0.0
    private var era: Int64?
    private var second: Int64 = .min
    /// The weight of one second now.
    private(set) var weight = 1.0

    mutating func advance(to second: Int64, clock: DecayClock) {
        guard second != self.second else { return }
        self.second = second
        weight = clock.weight(of: second)
        let now = clock.era(of: second)
        defer { era = now }
        guard let era, era != now else { return }
        let factor = clock.factor(from: era, to: now)
        for index in sums.indices { sums[index] *= factor }
        seconds *= factor
    }

    mutating func count(_ load: InlineArray<2, Double>) {
        seconds += weight
        for index in sums.indices { sums[index] += load[index] * weight }
    }

    /// Takes all that a resource was wanted as multiplied.
    mutating func rescale(_ resource: Resource, by factor: Double) {
        sums[resource.rawValue] = min(sums[resource.rawValue] * factor, 1e30)
    }

    func encode(to writer: inout SnapshotWriter) {
        writer.put(second: second == .min ? nil : second)
        for index in sums.indices { writer.put(sums[index]) }
        writer.put(seconds)
    }

    init() {}

    init(from reader: inout SnapshotReader, clock: DecayClock) throws(SnapshotFailure) {
        if let second = try reader.secondIfAny(upTo: reader.newest) { advance(to: second, clock: clock) }
        for index in sums.indices { sums[index] = try reader.double(in: 0...1e30) }
        seconds = try reader.double(in: 0...1e16)
    }

    func mean(_ resource: Resource) -> Double { seconds > 0 ? sums[resource.rawValue] / seconds : 0 }

    /// An instance's mean demand, leaning to the fleet's while it is new.
    func scale(_ resource: Resource, of own: (sum: Double, seconds: Double)) -> Double {
        (own.sum + Self.priorSeconds * mean(resource)) / (own.seconds + Self.priorSeconds)
    }
}
