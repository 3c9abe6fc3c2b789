import FleetModel

/// What instances of one application type and tenant, or of one user of theirs, have in common, where that differs from
/// the wider circle: the type, or the tenant. 320 bytes.
struct TenantPool: Sendable {
    /// So many busy seconds at the usual demand of the wider circle stand beside those of this one.
    private static let widerSeconds: Float = 60
    private static let negligibleFactor: Float = 1.3
    /// Half of the busy seconds is forgotten beyond so many.
    private static let longestSeconds: Float = 4_000
    /// Half of the onsets is forgotten beyond so many horizons' worth.
    private static let longestMemory = 80
    /// Half of the bursts is forgotten beyond so many.
    private static let mostBursts: Float = 256
    /// Of a horizon's seconds: how much of what is expected stands for nothing being known.
    private static let doubt: Float = 2

    /// Instances that are there.
    var members = 0
    /// When it was last asked for.
    var used: UInt64 = 0
    /// The greatest demand of each burst.
    private(set) var bursts = InlineArray<2, WindowedHistogram>(repeating: WindowedHistogram())
    /// By kind of second × 3 + horizon.
    private var records = InlineArray<9, OnsetTrack.HitRecord>(repeating: OnsetTrack.HitRecord())
    private var demand = InlineArray<2, Float>(repeating: 0)
    private var busySeconds: Float = 0

    init() {}

    /// Counts a burst that ended, by its greatest demand of each resource.
    mutating func count(_ peaks: InlineArray<2, Double>) {
        for resource in Resource.allCases where peaks[resource.rawValue] > 0 {
            let index = resource.rawValue
            bursts[index].add(DemandGrid.shared.bin(of: peaks[index], resource), weight: 1)
            if bursts[index].mass > Self.mostBursts { bursts[index].halve(1) }
        }
    }

    /// Counts a second with demand.
    mutating func count(_ load: InlineArray<2, Float>) {
        for index in load.indices { demand[index] = min(demand[index] + load[index], 1e28) }
        busySeconds += 1
        guard busySeconds > Self.longestSeconds else { return }
        busySeconds *= 0.5
        for index in demand.indices { demand[index] *= 0.5 }
    }

    /// Counts a second whose horizon of `seconds` is over, after which the wider circle's figures expected demand
    /// with probability `expected`.
    mutating func count(
        _ kind: OnsetContext.Kind, _ horizon: ForecastHorizon, seconds: Int, expected: Double, hit: Bool
    ) {
        records[kind.rawValue * 3 + horizon.rawValue].count(
            expected: expected, hit: hit, limit: Float(Self.longestMemory * seconds))
    }

    /// Forgets how often demand came where it was expected.
    mutating func forgetOnsets() { records = InlineArray(repeating: OnsetTrack.HitRecord()) }

    /// By how much demand comes more often than in the wider circle, leaning to 1.
    func onsetRatio(_ kind: OnsetContext.Kind, _ horizon: ForecastHorizon, seconds: Int) -> Double {
        Double(records.span[kind.rawValue * 3 + horizon.rawValue].ratio(doubt: Self.doubt * Float(seconds)))
    }

    /// The usual demand of a busy second: as far as it is more or less than the wider circle's by more than a factor of
    /// 1.3, leaning to that as if that had been seen for 60 s. Demand that one stream drives wanders by that much without
    /// meaning anything (soft thresholding: Donoho and Johnstone, Biometrika 1994).
    func usualDemand(_ resource: Resource, wider: Float) -> Float {
        let seen = (demand[resource.rawValue] + Self.widerSeconds * wider) / (busySeconds + Self.widerSeconds)
        return seen > wider
            ? max(wider, seen / Self.negligibleFactor) : min(wider, seen * Self.negligibleFactor)
    }

    /// Takes all that was wanted as if it had been 1.3 to the power of `bins` as much.
    mutating func rescale(_ resource: Resource, bins: Int) {
        bursts[resource.rawValue].shift(by: bins)
        demand[resource.rawValue] = min(demand[resource.rawValue] * Float(DemandGrid.factor(bins: bins)), 1e28)
    }

    func encode(to writer: inout SnapshotWriter) {
        for index in bursts.indices { bursts[index].encode(to: &writer) }
        for index in records.indices {
            writer.put(records[index].expected)
            writer.put(records[index].hits)
        }
        writer.put(demand)
        writer.put(busySeconds)
    }

    init(from reader: inout SnapshotReader) throws(SnapshotFailure) {
        for index in bursts.indices { bursts[index] = try WindowedHistogram(from: &reader) }
        for index in records.indices {
            records[index].expected = try reader.single(in: 0...1e6)
            records[index].hits = try reader.single(in: 0...1e6)
        }
        demand = try reader.singles(in: 0...1e28)
        busySeconds = try reader.single(in: 0...1e6)
    }
}
