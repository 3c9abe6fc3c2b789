import FleetModel

/// What a forecaster has learned of its fleet, as it was at one moment: so that a restarted manager does not forecast
/// from nothing.
///
/// In it: the networks in service, the models' weights and regrets, the calibration, what is known of the fleet, of
/// its application types and of their tenants and users, and the histories of at most ``greatestInstances`` instances. Not in it: forecasts that wait
/// to come true, examples to learn from, and challengers.
///
/// Taking one copies what changes from second to second and shares the rest; ``encoded()`` takes longer, and may run
/// elsewhere.
///
/// Layout, version 6: "PSFC", version (16 bits), newest second (64 bits), length of the rest less the checksum (32 bits),
/// fields in the order of ``encoded()``, FNV-1a of all that comes before (64 bits). Little-endian. Whoever changes what
/// a field means, the features that networks were trained on among them, raises the version.
package struct FleetSnapshot: Sendable {
    static let version: UInt16 = 6
    private static let magic: [UInt8] = Array("PSFC".utf8)
    static let headLength = 18
    private static let checksumLength = 8
    /// No snapshot is longer, in bytes.
    package static let greatestSize = 16 << 20
    /// As many as are remembered of those that leave: that is what those become that a snapshot holds.
    package static let greatestInstances = DepartedInstances.capacity

    /// The newest second that was observed.
    let newest: Int64
    /// How far ahead was looked: what lies between horizons, and how often, is learned for these.
    let horizons: ForecastHorizons
    let networks: [QuantileNetwork]
    let weights: ExpertWeights
    let calibration: UpperCalibration
    let scale: FleetScale
    /// In the order of their tables.
    let applications: [ApplicationType]
    /// One more than `applications`: the first is shared by those that have none of their own.
    let types: [TypeLoad]
    let onsets: OnsetModel
    let endings: EndingModel
    let amounts: AmountModel
    let tenants: TenantPools
    /// The longest remembered last.
    var instances: [InstanceSnapshot]

    /// The snapshot as bytes: about 0.2 MB, and 17 KB for each application type and 0.8 KB for each instance.
    package func encoded() -> [UInt8] {
        var body = SnapshotWriter(newest: newest)
        for seconds in horizons.all { body.put(UInt8(seconds)) }
        body.put(UInt32(networks.count))
        for network in networks { network.encode(to: &body) }
        weights.encode(to: &body)
        calibration.encode(to: &body)
        scale.encode(to: &body)
        body.put(UInt32(applications.count))
        for type in applications { body.put(type.rawValue) }
        for type in types { type.encode(to: &body) }
        onsets.encode(to: &body)
        endings.encode(to: &body)
        amounts.encode(to: &body)
        tenants.encode(to: &body)
        body.put(UInt32(instances.count))
        for instance in instances { instance.encode(to: &body) }

        var whole = SnapshotWriter(newest: newest)
        whole.put(Self.magic)
        whole.put(Self.version)
        whole.put(newest)
        whole.put(UInt32(body.bytes.count))
        whole.put(body.bytes)
        whole.put(Self.checksum(whole.bytes[...]))
        return whole.bytes
    }

    /// What lies between head and checksum of a snapshot that is whole and of this version.
    static func body(of bytes: [UInt8]) throws(SnapshotFailure) -> SnapshotReader {
        guard bytes.count <= greatestSize, bytes.count >= headLength + checksumLength, bytes.starts(with: magic) else {
            throw .notASnapshot
        }
        var head = SnapshotReader(bytes[magic.count..<headLength], newest: 0)
        let version = try head.number(UInt16.self)
        guard version == Self.version else { throw .unknownVersion(version) }
        let newest = try head.number(Int64.self)
        let length = Int(try head.number(UInt32.self))
        guard length == bytes.count - headLength - checksumLength, newest.magnitude < 1 << 47 else { throw .malformed }
        var tail = SnapshotReader(bytes.suffix(checksumLength), newest: 0)
        guard try tail.number(UInt64.self) == checksum(bytes.dropLast(checksumLength)) else { throw .wrongChecksum }
        return SnapshotReader(bytes[headLength..<(bytes.count - checksumLength)], newest: newest)
    }

    private static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        var sum = Checksum()
        for byte in bytes { sum.add(byte) }
        return sum.value
    }
}

/// What is known of one instance that has had demand.
struct InstanceSnapshot: Sendable {
    let description: InstanceDescription
    let admitted: Int64
    let signals: HostSignals
    let track: OnsetTrack
    let history: InstanceHistory
    let recent: RecentLoads.Row

    func encode(to writer: inout SnapshotWriter) {
        writer.put(description.id.rawValue)
        writer.put(description.tenant.rawValue)
        writer.put(description.application.rawValue)
        writer.put(description.user?.rawValue ?? "")
        writer.put(second: admitted)
        signals.encode(to: &writer)
        track.encode(to: &writer)
        history.encode(to: &writer)
        writer.put(sparse: recent)
    }

    init(_ record: DepartedInstances.Record, history: InstanceHistory, recent: RecentLoads.Row) {
        description = record.description
        admitted = record.admitted
        signals = record.signals
        track = record.track
        self.history = history
        self.recent = recent
    }

    init(from reader: inout SnapshotReader, clocks: ForecastClocks) throws(SnapshotFailure) {
        guard let id = InstanceID(rawValue: try reader.text()), let tenant = TenantID(rawValue: try reader.text()),
            let application = ApplicationType(rawValue: try reader.text())
        else { throw .malformed }
        // The class says nothing of demand, and is not what an instance is known by.
        description = InstanceDescription(id: id, tenant: tenant, application: application, user: try reader.user())
        admitted = try reader.second(upTo: reader.newest)
        signals = try HostSignals(from: &reader)
        track = try OnsetTrack(from: &reader)
        history = try InstanceHistory(from: &reader, clocks: clocks)
        // A history is never ahead of the track: they are shown the same seconds, the history not all of them.
        guard let last = track.last, history.last <= last, admitted <= history.last else { throw .malformed }
        recent = try reader.sparseSingles(in: 0...Float(FleetForecaster.greatestDemand))
    }
}
