import FleetModel

/// A value with a message of the wire that carries it: ``wire`` never fails, and reading refuses what is not valid.
///
/// For every value whose texts are within ``ProtocolLimits``, `Self(wire: value.wire) == value`; longer texts are cut.
package protocol WireMapped {
    associatedtype Wire

    /// The value that the message carries.
    init(wire: Wire) throws(ProtocolError)

    /// The message that carries the value.
    var wire: Wire { get }
}

/// Reads one field of a message: its value, or a ``ProtocolError`` that names it.
enum Read {
    /// Reads the message in `field`, which must be there.
    static func required<Value: WireMapped>(_ wire: Value.Wire?, _ field: String) throws(ProtocolError) -> Value {
        guard let wire else { throw ProtocolError(field, .missing) }
        do { return try Value(wire: wire) } catch { throw error.within(field) }
    }

    /// Reads the message in `field`, if it is there.
    static func optional<Value: WireMapped>(_ wire: Value.Wire?, _ field: String) throws(ProtocolError) -> Value? {
        guard wire != nil else { return nil }
        return try required(wire, field)
    }

    /// Reads a repeated field of at most `limit` messages.
    static func list<Value: WireMapped>(
        _ wires: [Value.Wire], _ field: String, limit: Int
    ) throws(ProtocolError) -> [Value] {
        guard wires.count <= limit else { throw ProtocolError(field, .tooMany(limit: limit)) }
        var values: [Value] = []
        values.reserveCapacity(wires.count)
        for (index, wire) in wires.enumerated() {
            do { values.append(try Value(wire: wire)) } catch { throw error.within("\(field)[\(index)]") }
        }
        return values
    }

    /// Reads an identifier.
    static func identifier<ID: FleetIdentifier>(_ text: String, _ field: String) throws(ProtocolError) -> ID {
        guard let id = ID(rawValue: text) else { throw ProtocolError(field, text.isEmpty ? .missing : .malformed) }
        return id
    }

    /// Reads a text of at most `limit` bytes.
    static func text(_ text: String, _ field: String, limit: Int) throws(ProtocolError) -> String {
        guard text.utf8.count <= limit else { throw ProtocolError(field, .tooLong(limit: limit)) }
        return text
    }

    /// Reads an amount of memory.
    static func memory(_ bytes: Int64, _ field: String) throws(ProtocolError) -> Bytes {
        guard (0...ProtocolLimits.memoryBytes).contains(bytes) else { throw ProtocolError(field, .outOfRange) }
        return Bytes(bytes)
    }

    /// Reads a share of one device's compute.
    static func share(_ milli: Int32, _ field: String) throws(ProtocolError) -> MilliShare {
        guard (0...MilliShare.wholeDevice.rawValue).contains(milli) else { throw ProtocolError(field, .outOfRange) }
        return MilliShare(milli)
    }

    /// Reads a rate or a count that is finite and not negative.
    static func rate(_ value: Double, _ field: String) throws(ProtocolError) -> Double {
        guard value.isFinite, (0...ProtocolLimits.rate).contains(value) else { throw ProtocolError(field, .outOfRange) }
        return value
    }

    /// Reads a share or a probability, 0 to 1.
    static func ratio(_ value: Double, _ field: String) throws(ProtocolError) -> Double {
        guard value.isFinite, (0...1).contains(value) else { throw ProtocolError(field, .outOfRange) }
        return value
    }

    /// Reads a duration of at least `least` nanoseconds.
    static func duration(_ nanoseconds: Int64, _ field: String, least: Int64 = 0) throws(ProtocolError) -> Duration {
        guard (least...ProtocolLimits.durationNanoseconds).contains(nanoseconds) else {
            throw ProtocolError(field, .outOfRange)
        }
        return .nanoseconds(nanoseconds)
    }

    /// Reads a moment on the sender's clock.
    static func moment(_ nanoseconds: Int64, _ field: String) throws(ProtocolError) -> MonotonicTime {
        guard (0...ProtocolLimits.durationNanoseconds).contains(nanoseconds) else {
            throw ProtocolError(field, .outOfRange)
        }
        return MonotonicTime(rawValue: nanoseconds)
    }
}

extension String {
    /// The longest prefix of whole characters within `limit` bytes. O(length).
    func clipped(to limit: Int) -> String {
        guard utf8.count > limit else { return self }
        var end = startIndex
        var bytes = 0
        while end < endIndex {
            let size = self[end].utf8.count
            guard bytes + size <= limit else { break }
            bytes += size
            end = index(after: end)
        }
        return String(self[..<end])
    }
}
