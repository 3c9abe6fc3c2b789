import FleetModel

/// What instances of one application type and tenant have in common, where that differs from their type: 320 bytes.
struct TenantPool: Sendable {
    /// So many busy seconds at the usual demand of the type stand beside those of the tenant.
    private static let typeSeconds: Float = 60
    /// Half of the busy seconds is forgotten beyond so many.
    private static let longestSeconds: Float = 4_000
    /// Half of the onsets is forgotten beyond so many horizons' worth.
    private static let longestMemory = 80
    /// Half of the bursts is forgotten beyond so many.
    private static let mostBursts: Float = 256
    /// Of a horizon's seconds: how much of what is expected stands for nothing being known.
    private static let doubt: Float = 2

    fileprivate var members = 0
    fileprivate var used: UInt64 = 0
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

    /// Counts a second whose horizon of `seconds` is over, after which the type's figures expected demand with
    /// probability `expected`.
    mutating func count(
        _ kind: OnsetContext.Kind, _ horizon: ForecastHorizon, seconds: Int, expected: Double, hit: Bool
    ) {
        records[kind.rawValue * 3 + horizon.rawValue].count(
            expected: expected, hit: hit, limit: Float(Self.longestMemory * seconds))
    }

    /// Forgets how often demand came where it was expected.
    mutating func forgetOnsets() { records = InlineArray(repeating: OnsetTrack.HitRecord()) }

    /// By how much demand comes more often than for the type, leaning to 1.
    func onsetRatio(_ kind: OnsetContext.Kind, _ horizon: ForecastHorizon, seconds: Int) -> Double {
        Double(records[kind.rawValue * 3 + horizon.rawValue].ratio(doubt: Self.doubt * Float(seconds)))
    }

    /// The usual demand of a busy second, leaning to the type's as if that had been seen for 60 s.
    func usualDemand(_ resource: Resource, type: Float) -> Float {
        (demand[resource.rawValue] + Self.typeSeconds * type) / (busySeconds + Self.typeSeconds)
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

/// The pools of the tenants of all application types: at most ``limit``, and those without instances that were longest
/// not asked for leave first.
struct TenantPools: Sendable {
    /// 0.4 MB with their names.
    static let limit = 1_024

    private struct Key: Hashable {
        let application: Int32
        let tenant: TenantID
    }

    private var places: [Key: Int16] = [:]
    private var keys: [Key] = []
    private var pools: [TenantPool] = []
    /// How many tenants of each application type have a pool.
    private var tenants = [Int](repeating: 0, count: OnsetModel.applicationLimit)
    /// The application type of each pool.
    private var applications: [Int32] = []
    private var uses: UInt64 = 0

    var count: Int { pools.count }

    /// A new member of the pool of a type and tenant.
    ///
    /// - Returns: the pool's place; nil where all are in use by other tenants' instances. O(1), and O(``limit``) when a
    ///   pool has to leave.
    mutating func join(application: Int32, tenant: TenantID) -> Int16? {
        guard let place = place(of: Key(application: application, tenant: tenant)) else { return nil }
        pools[Int(place)].members += 1
        return place
    }

    mutating func leave(_ place: Int16?) {
        if let place { pools[Int(place)].members -= 1 }
    }

    private mutating func place(of key: Key) -> Int16? {
        uses += 1
        if let known = places[key] {
            pools[Int(known)].used = uses
            return known
        }
        var pool = TenantPool()
        pool.used = uses
        return add(pool, key)
    }

    private mutating func add(_ pool: TenantPool, _ key: Key) -> Int16? {
        if pools.count < Self.limit {
            pools.append(pool)
            keys.append(key)
            applications.append(key.application)
            places[key] = Int16(pools.count - 1)
        } else {
            guard let oldest = longestUnused else { return nil }
            places[keys[oldest]] = nil
            tenants[Int(keys[oldest].application)] -= 1
            pools[oldest] = pool
            keys[oldest] = key
            applications[oldest] = key.application
            places[key] = Int16(oldest)
        }
        tenants[Int(key.application)] += 1
        return places[key]
    }

    /// Of the pools without members, the one that was longest not asked for.
    private var longestUnused: Int? {
        pools.indices.filter { pools[$0].members == 0 }.min { pools[$0].used < pools[$1].used }
    }

    /// The pool at a place, where it can tell more than its type: that has other tenants, too.
    func pool(at place: Int16?) -> TenantPool? {
        guard let place, hasOthers(place) else { return nil }
        return pools[Int(place)]
    }

    /// Whether the type of a pool has other tenants; while it has none, the type's figures are the tenant's.
    private func hasOthers(_ place: Int16) -> Bool { tenants[Int(applications[Int(place)])] > 1 }

    /// Changes the pool at a place, where ``pool(at:)`` gives it.
    mutating func update(_ place: Int16?, _ change: (inout TenantPool) -> Void) {
        if let place, hasOthers(place) { change(&pools[Int(place)]) }
    }

    /// Rescales what all tenants of a type wanted. O(``limit``).
    mutating func rescale(_ resource: Resource, application: Int, bins: Int) {
        for place in pools.indices where keys[place].application == Int32(application) {
            pools[place].rescale(resource, bins: bins)
        }
    }

    mutating func forgetOnsets() { for place in pools.indices { pools[place].forgetOnsets() } }

    func encode(to writer: inout SnapshotWriter) {
        writer.put(UInt32(pools.count))
        for place in pools.indices.sorted(by: { pools[$0].used < pools[$1].used }) {
            writer.put(UInt32(keys[place].application))
            writer.put(keys[place].tenant.rawValue)
            pools[place].encode(to: &writer)
        }
    }

    init() {}

    /// The pools as they were, without members.
    init(from reader: inout SnapshotReader, applications: Int) throws(SnapshotFailure) {
        for _ in 0..<(try reader.count(in: 0...Self.limit)) {
            let application = try reader.count(in: 0...applications)
            guard let tenant = TenantID(rawValue: try reader.text()) else { throw .malformed }
            let key = Key(application: Int32(application), tenant: tenant)
            guard places[key] == nil else { throw .malformed }
            uses += 1
            var pool = try TenantPool(from: &reader)
            pool.used = uses
            _ = add(pool, key)
        }
    }
}
