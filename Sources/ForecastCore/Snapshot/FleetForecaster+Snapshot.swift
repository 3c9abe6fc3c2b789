import FleetModel

/// What a forecaster has learned of its fleet, as bytes: so that a restarted manager does not forecast from nothing.
///
/// In it: the networks in service, the models' weights and regrets, the calibration, and the onset, ending and amount
/// tables of the fleet and its application types. Not in it: histories of single instances, which are learned anew within
/// minutes and begin from what their type does, and forecasts that wait to come true. About 0.2 MB, and 13 KB for each
/// application type. Counts that fade are stored as they weigh now, so the clock of the reader need not be the writer's.
///
/// Layout, version 2: "PSFC", version (16 bits), length of the rest less the checksum (32 bits), fields in the order of
/// ``FleetForecaster/snapshot()``, FNV-1a of all that comes before (64 bits). Little-endian.
extension FleetForecaster {
    private static let magic: [UInt8] = Array("PSFC".utf8)
    private static let version: UInt16 = 2
    /// No snapshot is longer, in bytes.
    package static let greatestSnapshot = 8 << 20

    /// The bytes of a snapshot. O(tables and networks), whatever the number of instances.
    package func snapshot() -> [UInt8] {
        var body = SnapshotWriter()
        body.put(UInt32(learner.count))
        for network in learner.champions { network.encode(to: &body) }
        weights.encode(to: &body)
        calibration.encode(to: &body)
        let known = applications.sorted { $0.value < $1.value }
        body.put(UInt32(known.count))
        for (type, _) in known { body.put(type.rawValue) }
        onsets.encode(to: &body)
        endings.encode(to: &body)
        amounts.encode(to: &body)

        var whole = SnapshotWriter()
        for byte in Self.magic { whole.put(byte) }
        whole.put(Self.version)
        whole.put(UInt32(body.bytes.count))
        for byte in body.bytes { whole.put(byte) }
        whole.put(Self.checksum(whole.bytes[...]))
        return whole.bytes
    }

    /// A forecaster that knows of its fleet what `snapshot` says, and of no instance yet.
    ///
    /// A network of another shape than the configuration's is left out: then the configuration's own serves.
    package init(configuration: Configuration = Configuration(), snapshot: [UInt8]) throws(SnapshotFailure) {
        self.init(configuration: configuration)
        guard snapshot.count <= Self.greatestSnapshot, snapshot.count >= 18, snapshot.starts(with: Self.magic) else {
            throw .notASnapshot
        }
        var head = SnapshotReader(snapshot[4..<10])
        let version = try head.number(UInt16.self)
        guard version == Self.version else { throw .unknownVersion(version) }
        guard Int(try head.number(UInt32.self)) == snapshot.count - 18 else { throw .malformed }
        var tail = SnapshotReader(snapshot.suffix(8))
        guard try tail.number(UInt64.self) == Self.checksum(snapshot.dropLast(8)) else { throw .wrongChecksum }
        var body = SnapshotReader(snapshot[10..<(snapshot.count - 8)])
        try restore(from: &body)
        guard body.isAtEnd else { throw .malformed }
    }

    private mutating func restore(from body: inout SnapshotReader) throws(SnapshotFailure) {
        var networks: [QuantileNetwork] = []
        for _ in 0..<(try body.count(in: 0...2)) { networks.append(try QuantileNetwork(from: &body)) }
        learner.restore(networks)
        try weights.restore(from: &body)
        try calibration.restore(from: &body)
        for index in 0..<(try body.count(in: 0...(OnsetModel.applicationLimit - 1))) {
            guard let type = ApplicationType(rawValue: try body.text()), applications[type] == nil else {
                throw .malformed
            }
            applications[type] = Int32(index + 1)
            types.append(TypeLoad())
        }
        try onsets.restore(from: &body, applications: applications.count + 1)
        try endings.restore(from: &body, applications: applications.count + 1)
        try amounts.restore(from: &body, applications: applications.count + 1)
    }

    private static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        var sum = Checksum()
        for byte in bytes { sum.add(byte) }
        return sum.value
    }
}

extension QuantileNetwork {
    fileprivate func encode(to writer: inout SnapshotWriter) {
        for width in hidden { writer.put(UInt32(width)) }
        writer.put(UInt32(ignored.lowerBound))
        writer.put(UInt32(ignored.upperBound))
        for weight in parameters { writer.put(weight) }
    }

    fileprivate init(from reader: inout SnapshotReader) throws(SnapshotFailure) {
        let hidden = [try reader.count(in: 8...512), try reader.count(in: 8...512)]
        let lower = try reader.count(in: 0...Self.inputCount)
        let upper = try reader.count(in: lower...Self.inputCount)
        var parameters: [Float] = []
        for _ in 0..<Self.parameterCount(hidden: hidden) { parameters.append(try reader.single(in: -1e6...1e6)) }
        guard let network = QuantileNetwork(hidden: hidden, ignored: lower..<upper, parameters: parameters) else {
            throw .malformed
        }
        self = network
    }
}
