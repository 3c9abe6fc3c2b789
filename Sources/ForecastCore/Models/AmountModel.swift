import FleetModel

/// How much an instance wants once it begins: the distribution of its bursts' peaks, shrunk to its user's, that to its
/// tenant's of its application type, that to the type's, that to the fleet's, and that to a stated prior.
///
/// Half of what a table holds is forgotten whenever it has counted 256 bursts.
struct AmountModel: Sendable {
    /// How many bursts the wider circle is worth.
    private enum Strength {
        static let user: Float = 2
        static let tenant: Float = 2
        static let application: Float = 2
        static let fleet: Float = 3
        static let prior: Float = 1
    }

    /// The bursts of the circles between an instance and its type; nil where there is none.
    struct PooledBursts: Sendable {
        var tenant: WindowedHistogram?
        var user: WindowedHistogram?
    }

    private struct Table: Sendable {
        var bins: InlineArray<128, Float> = InlineArray(repeating: 0)
        var mass: Float = 0

        mutating func count(_ bin: Int) {
            bins[bin] += 1
            mass += 1
            guard mass > 256 else { return }
            for index in bins.indices { bins[index] *= 0.5 }
            mass *= 0.5
        }

        func encode(to writer: inout SnapshotWriter) {
            for index in bins.indices { writer.put(bins[index]) }
        }

        init() {}

        init(from reader: inout SnapshotReader) throws(SnapshotFailure) {
            for index in bins.indices {
                bins[index] = try reader.single(in: 0...257)
                mass += bins[index]
            }
            guard mass < 258 else { throw .malformed }
        }
    }

    /// By resource. Not inline: the model is passed around, and its tables are large.
    private var fleet = [Table](repeating: Table(), count: Resource.allCases.count)
    /// Indexed by application × 2 + resource.
    private var applications: [Table] = []
    /// What each of ``applications`` comes to, shrunk to the fleet's, and by resource what one does of which no burst was
    /// counted; as of now where ``isPrepared``.
    private var usual: [InlineArray<128, Float>] = []
    private var usualOfOthers: [InlineArray<128, Float>] = []
    private var isPrepared = false

    /// Before any burst was seen: evenly over the bins from 64 MiB to 1 GiB, and from 50 to 500 thousandths.
    private static let prior: InlineArray<2, Range<Int>> = InlineArray { index in
        let grid = DemandGrid.shared
        return index == Resource.memory.rawValue
            ? grid.bin(of: 67_108_864, .memory)..<grid.bin(of: 1_073_741_824, .memory)
            : grid.bin(of: 50, .compute)..<grid.bin(of: 500, .compute)
    }

    /// Counts a burst that ended, by its greatest demand of each resource.
    mutating func count(_ peaks: InlineArray<2, Double>, application: Int) {
        isPrepared = false
        let missing = (application + 1) * 2 - applications.count
        if missing > 0 { applications.append(contentsOf: repeatElement(Table(), count: missing)) }
        for resource in Resource.allCases where peaks[resource.rawValue] > 0 {
            let bin = DemandGrid.shared.bin(of: peaks[resource.rawValue], resource)
            fleet[resource.rawValue].count(bin)
            applications[application * 2 + resource.rawValue].count(bin)
        }
    }

    /// Moves what was counted of an application type's bursts by `bins`.
    mutating func shift(_ resource: Resource, application: Int, bins distance: Int) {
        let index = application * 2 + resource.rawValue
        guard applications.indices.contains(index) else { return }
        isPrepared = false
        let former = applications[index].bins
        applications[index].bins = InlineArray(repeating: 0)
        for bin in former.indices {
            applications[index].bins[min(max(bin + distance, 0), DemandGrid.binCount - 1)] += former[bin]
        }
    }

    /// Computes once what all instances of a type share, until the next burst is counted. O(application types × bins)
    /// where one was since the last call.
    mutating func prepare() {
        guard !isPrepared else { return }
        usualOfOthers = Resource.allCases.map { sharesOfFleet($0) }
        usual = applications.indices.map { sharesOfType(index: $0, ofFleet: usualOfOthers[$0 % 2]) }
        isPrepared = true
    }

    /// The share of each bin in the bursts of the fleet, shrunk to the prior.
    private func sharesOfFleet(_ resource: Resource) -> InlineArray<128, Float> {
        let prior = Self.prior[resource.rawValue]
        let added = Strength.prior / Float(prior.count)
        var shares = fleet[resource.rawValue].bins
        let mass = fleet[resource.rawValue].mass + Strength.prior
        for bin in shares.indices { shares[bin] = (shares[bin] + (prior.contains(bin) ? added : 0)) / mass }
        return shares
    }

    /// The same of an application type, shrunk to the fleet's.
    private func sharesOfType(index: Int, ofFleet: InlineArray<128, Float>) -> InlineArray<128, Float> {
        guard index < applications.count else { return ofFleet }
        var shares = applications[index].bins
        let mass = applications[index].mass + Strength.fleet
        for bin in shares.indices { shares[bin] = (shares[bin] + Strength.fleet * ofFleet[bin]) / mass }
        return shares
    }

    /// The distribution of a burst's greatest demand, to read quantiles from. O(bins)
    ///
    /// - Parameters:
    ///   - own: the instance's bursts that have ended; nil where it had none.
    ///   - current: the greatest demand of the burst under way, 0 outside bursts.
    func walk(
        _ resource: Resource, application: Int, pooled: PooledBursts = PooledBursts(), own: WindowedHistogram?,
        current: Double
    ) -> Walk {
        Walk(
            shares: shares(resource, application: application, pooled: pooled, own: own, current: current),
            resource: resource)
    }

    /// Quantiles of a distribution over the grid; in one pass where the levels that are asked for ascend.
    struct Walk {
        private let shares: InlineArray<128, Float>
        private let resource: Resource
        private var bin = 0
        private var passed: Float = 0

        fileprivate init(shares: InlineArray<128, Float>, resource: Resource) {
            self.shares = shares
            self.resource = resource
        }

        /// The `level` quantile, 0...1.
        mutating func value(at level: Double) -> Double {
            let wanted = Float(min(max(level, 0), 1)) * 0.9999
            if wanted < passed { (bin, passed) = (0, 0) }
            let shares = shares.span
            while bin < DemandGrid.binCount - 1, passed + shares[bin] < wanted {
                passed += shares[bin]
                bin += 1
            }
            let share = shares[bin] > 0 ? Double((wanted - passed) / shares[bin]) : 1
            return DemandGrid.shared.value(in: bin, share: min(max(share, 0), 1), resource)
        }

        /// Quantiles of demand, given that a burst comes with probability `probability`.
        mutating func curve(probability: Double) -> QuantileCurve {
            guard probability > 0.01 else { return .zero }
            return QuantileCurve { index in
                let level = (QuantileLevels.shared[index] - (1 - probability)) / probability
                return level > 0 ? value(at: level) : 0
            }
        }
    }

    private func shares(
        _ resource: Resource, application: Int, pooled: PooledBursts, own: WindowedHistogram?, current: Double
    ) -> InlineArray<128, Float> {
        let index = application * 2 + resource.rawValue
        // Taken out once: an element that is read in a loop is copied for each bin.
        var shares =
            !isPrepared
            ? sharesOfType(index: index, ofFleet: sharesOfFleet(resource))
            : index < usual.count ? usual[index] : usualOfOthers[resource.rawValue]
        if let tenant = pooled.tenant { Self.narrow(&shares, to: tenant, strength: Strength.application) }
        if let user = pooled.user {
            Self.narrow(
                &shares, to: user, strength: pooled.tenant == nil ? Strength.application : Strength.tenant)
        }
        let strength =
            pooled.user != nil ? Strength.user : pooled.tenant != nil ? Strength.tenant : Strength.application
        // The burst under way counts as one more.
        Self.narrow(
            &shares, to: own, and: current > 0 ? DemandGrid.shared.bin(of: current, resource) : nil,
            strength: strength)
        return shares
    }

    /// Shrinks what was counted of a narrower circle to `shares`, which are the wider one's. O(bins)
    /// - Parameters:
    ///   - counted: nil for nothing.
    ///   - bin: where one more counts; nil for nowhere.
    ///   - strength: how many bursts the wider circle is worth.
    private static func narrow(
        _ shares: inout InlineArray<128, Float>, to counted: WindowedHistogram?, and bin: Int? = nil, strength: Float
    ) {
        guard counted != nil || bin != nil else { return }
        var counts = counted?.expanded() ?? InlineArray(repeating: 0)
        if let bin { counts[bin] += 1 }
        let mass = (counted?.mass ?? 0) + (bin == nil ? 0 : 1) + strength
        for place in shares.indices { shares[place] = (counts[place] + strength * shares[place]) / mass }
    }

    func encode(to writer: inout SnapshotWriter) {
        for index in fleet.indices { fleet[index].encode(to: &writer) }
        writer.put(UInt32(applications.count))
        for table in applications { table.encode(to: &writer) }
    }

    init() {}

    init(from reader: inout SnapshotReader, applications count: Int) throws(SnapshotFailure) {
        for index in fleet.indices { fleet[index] = try Table(from: &reader) }
        let tables = try reader.count(in: 0...(2 * count))
        guard tables % 2 == 0 else { throw .malformed }
        for _ in 0..<tables { applications.append(try Table(from: &reader)) }
    }
}
