import FleetModel

extension FleetForecaster {
    /// So many histories are looked at for those most recently active: what takes the snapshot must not wait for a
    /// million.
    private static let examinedHistories = 4 * FleetSnapshot.greatestInstances

    /// Nil before anything was observed. O(instances in it + application types), and O(log) of the histories there are up
    /// to a bound.
    package func snapshot() -> FleetSnapshot? {
        guard let newest = scoring.newest else { return nil }
        return FleetSnapshot(
            newest: newest, horizons: horizons, networks: learner.champions, weights: weights, calibration: calibration,
            scale: scale,
            applications: applications.sorted { $0.value < $1.value }.map(\.key), types: types, onsets: onsets,
            endings: endings, amounts: amounts, tenants: tenants, instances: instancesToKeep())
    }

    /// Those that are there, the most recently active first, then those that left, the latest first.
    private func instancesToKeep() -> [InstanceSnapshot] {
        let present = histories.indices.prefix(Self.examinedHistories)
            .filter { historyOwners[$0] != nil }
            .map { (lastDemand: histories[$0].lastDemand, history: $0) }
            .sorted { ($0.lastDemand, $0.history) > ($1.lastDemand, $1.history) }
            .prefix(FleetSnapshot.greatestInstances)
            .compactMap { historyOwners[$0.history].flatMap { record(of: Int($0)) } }
        let records = present + departed.latest(FleetSnapshot.greatestInstances - present.count)
        return records.map { record in
            let history = Int(record.history)
            return InstanceSnapshot(record, history: histories[history], recent: recent[history])
        }
    }

    /// A forecaster that goes on where the one of `snapshot` was, and remembers the instances in it like those that have
    /// left: one that is admitted again under the same id, tenant and application type starts from its own history.
    ///
    /// It goes on in the time of the former, whatever the clock of the seconds that it is shown: the first of them
    /// follows the last that the former was shown. How much time has passed between is not known to either, nor what the
    /// instances did in it, and taking it for idleness would be wrong.
    ///
    /// A network of another shape than the configuration's is left out: then the configuration's own serves. Where the
    /// former looked ahead by other times, what can be kept is kept: ``init(configuration:keeping:)``.
    package init(configuration: Configuration = Configuration(), snapshot: [UInt8]) throws(SnapshotFailure) {
        var body = try FleetSnapshot.body(of: snapshot)
        var former = configuration
        former.horizons = try ForecastHorizons(from: &body)
        self.init(configuration: former)
        try restore(from: &body)
        guard body.isAtEnd else { throw .malformed }
        if former.horizons != configuration.horizons { self.init(configuration: configuration, keeping: self) }
    }

    /// A forecaster with what does not depend on horizons of one that was just restored, and looked ahead by others: its
    /// networks as ``QuantileNetwork/looking(ahead:)`` says, amounts, the load of types, and histories, with peaks
    /// blended from those of the neighbouring horizons. How often demand begins and ends, weights and calibration are
    /// learned anew.
    private init(configuration: Configuration, keeping former: FleetForecaster) {
        self.init(configuration: configuration)
        formerHorizons = former.horizons
        timeShift = nil
        if let newest = former.scoring.newest { scoring.resume(after: newest) }
        typesAt = former.typesAt
        learner.restore(former.networks.map { $0.looking(ahead: horizons) })
        scale = former.scale
        applications = former.applications
        types = former.types
        sumUpTypes()
        amounts = former.amounts
        tenants = former.tenants
        tenants.forgetOnsets()
        for var record in former.departed.latest(DepartedInstances.capacity).reversed() {
            let row = Int(record.history)
            record.track.forgetRecords()
            remember(
                record, history: former.histories[row].looking(ahead: horizons, before: former.horizons),
                recent: former.recent[row])
        }
    }

    private mutating func restore(from body: inout SnapshotReader) throws(SnapshotFailure) {
        timeShift = nil
        scoring.resume(after: body.newest)
        typesAt = body.newest
        var networks: [QuantileNetwork] = []
        for _ in 0..<(try body.count(in: 0...2)) {
            networks.append(try QuantileNetwork(from: &body, horizons: horizons))
        }
        learner.restore(networks)
        try weights.restore(from: &body)
        try calibration.restore(from: &body)
        scale = try FleetScale(from: &body, clock: clocks.long)
        for index in 0..<(try body.count(in: 0...(OnsetModel.applicationLimit - 1))) {
            guard let type = ApplicationType(rawValue: try body.text()), applications[type] == nil else {
                throw .malformed
            }
            applications[type] = Int32(index + 1)
        }
        types = []
        for _ in 0...applications.count { types.append(try TypeLoad(from: &body)) }
        sumUpTypes()
        onsets = try OnsetModel(
            from: &body, applications: applications.count + 1, clock: clocks.long, horizons: horizons)
        endings = try EndingModel(
            from: &body, applications: applications.count + 1, clock: clocks.long, horizons: horizons)
        amounts = try AmountModel(from: &body, applications: applications.count + 1)
        tenants = try TenantPools(from: &body, applications: applications.count)
        var instances: [InstanceSnapshot] = []
        for _ in 0..<(try body.count(in: 0...FleetSnapshot.greatestInstances)) {
            instances.append(try InstanceSnapshot(from: &body, clocks: clocks))
        }
        // The last of them as if it had left first.
        for instance in instances.reversed() {
            let record = DepartedInstances.Record(
                description: instance.description, history: 0, track: instance.track, admitted: instance.admitted,
                signals: instance.signals)
            remember(record, history: instance.history, recent: instance.recent)
        }
    }

    /// Keeps an instance that is not there, with its history in a place of its own.
    private mutating func remember(
        _ record: DepartedInstances.Record, history: InstanceHistory, recent loads: RecentLoads.Row
    ) {
        var record = record
        record.history = addHistory(history, of: nil)
        recent[Int(record.history)] = loads
        freeHistories += departed.add(record)
    }

    /// How many instances that are not there now are remembered.
    package var rememberedInstances: Int { departed.count }
}

extension ForecastHorizons {
    fileprivate init(from reader: inout SnapshotReader) throws(SnapshotFailure) {
        var seconds: [Int] = []
        for _ in ForecastHorizon.allCases { seconds.append(Int(try reader.number(UInt8.self))) }
        guard let horizons = ForecastHorizons(seconds) else { throw .malformed }
        self = horizons
    }
}

extension QuantileNetwork {
    func encode(to writer: inout SnapshotWriter) {
        for width in hidden { writer.put(UInt32(width)) }
        writer.put(UInt32(ignored.lowerBound))
        writer.put(UInt32(ignored.upperBound))
        for weight in parameters { writer.put(weight) }
    }

    fileprivate init(from reader: inout SnapshotReader, horizons: ForecastHorizons) throws(SnapshotFailure) {
        let hidden = [try reader.count(in: 8...512), try reader.count(in: 8...512)]
        let lower = try reader.count(in: 0...Self.inputCount)
        let upper = try reader.count(in: lower...Self.inputCount)
        var parameters: [Float] = []
        for _ in 0..<Self.parameterCount(hidden: hidden) { parameters.append(try reader.single(in: -1e6...1e6)) }
        guard
            let network = QuantileNetwork(
                hidden: hidden, ignored: lower..<upper, horizons: horizons, parameters: parameters)
        else {
            throw .malformed
        }
        self = network
    }
}
