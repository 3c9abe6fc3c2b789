import FleetModel

/// Why bytes are no snapshot that a forecaster can go on from.
package enum SnapshotFailure: Error, Hashable, Sendable, CustomStringConvertible {
    case notASnapshot
    case unknownVersion(UInt16)
    case wrongChecksum
    /// It ends early, goes on beyond its end, or holds a value out of range.
    case malformed
    /// It is of a forecaster that combines other models.
    case otherModels

    package var description: String {
        switch self {
        case .notASnapshot: "it is not a forecaster's snapshot"
        case .unknownVersion(let version):
            "it has version \(version), and this software reads version \(FleetSnapshot.version)"
        case .wrongChecksum: "its checksum is wrong: it is damaged"
        case .malformed: "it ends early, goes on beyond its end, or holds a value out of range"
        case .otherModels: "it is of a forecaster that combines other models"
        }
    }
}

/// Numbers as little-endian bytes, field by field; seconds as how long they are past.
struct SnapshotWriter {
    private(set) var bytes: [UInt8] = []
    private let newest: Int64

    /// - Parameter newest: the newest second that was observed; no other that is put is after it.
    init(newest: Int64) { self.newest = newest }

    mutating func put<Number: FixedWidthInteger>(_ number: Number) {
        var rest = number.littleEndian
        withUnsafeBytes(of: &rest) { bytes.append(contentsOf: $0) }
    }

    mutating func put(_ number: Float) { put(number.bitPattern) }

    mutating func put(_ number: Double) { put(number.bitPattern) }

    mutating func put<let count: Int>(_ numbers: InlineArray<count, Float>) {
        for index in numbers.indices { put(numbers[index]) }
    }

    /// Numbers most of which are 0: of each 32 a bit for every one that is not, then those.
    mutating func put<let count: Int>(sparse numbers: InlineArray<count, Float>) {
        for first in stride(from: 0, to: count, by: 32) {
            let group = first..<min(first + 32, count)
            var mask: UInt32 = 0
            for index in group where numbers[index] != 0 { mask |= 1 << UInt32(index - first) }
            put(mask)
            for index in group where numbers[index] != 0 { put(numbers[index]) }
        }
    }

    mutating func put(_ text: String) {
        put(UInt16(clamping: text.utf8.count))
        bytes.append(contentsOf: text.utf8.prefix(Int(UInt16.max)))
    }

    /// Nil for what has not happened yet.
    mutating func put(second: Int64?) {
        put(second.map { min(UInt32(clamping: newest - $0), .max - 1) } ?? .max)
    }

    mutating func put(_ bytes: [UInt8]) { self.bytes.append(contentsOf: bytes) }
}

/// Reads what a ``SnapshotWriter`` wrote; whatever the bytes are, it neither traps nor takes more memory than they do.
struct SnapshotReader {
    private let bytes: ArraySlice<UInt8>
    private var position: Int
    let newest: Int64

    init(_ bytes: ArraySlice<UInt8>, newest: Int64) {
        self.bytes = bytes
        self.newest = newest
        position = bytes.startIndex
    }

    var isAtEnd: Bool { position == bytes.endIndex }

    mutating func number<Number: FixedWidthInteger>(_ type: Number.Type) throws(SnapshotFailure) -> Number {
        let size = Number.bitWidth / 8
        guard bytes.endIndex - position >= size else { throw .malformed }
        var number: Number = 0
        for index in 0..<size { number |= Number(truncatingIfNeeded: bytes[position + index]) << Number(8 * index) }
        position += size
        return number
    }

    /// A number within `range`, which leaves out what is not a number.
    mutating func single(in range: ClosedRange<Float>) throws(SnapshotFailure) -> Float {
        let value = Float(bitPattern: try number(UInt32.self))
        guard range.contains(value) else { throw .malformed }
        return value
    }

    mutating func double(in range: ClosedRange<Double>) throws(SnapshotFailure) -> Double {
        let value = Double(bitPattern: try number(UInt64.self))
        guard range.contains(value) else { throw .malformed }
        return value
    }

    mutating func singles<let count: Int>(
        in range: ClosedRange<Float>
    ) throws(SnapshotFailure) -> InlineArray<count, Float> {
        var numbers = InlineArray<count, Float>(repeating: 0)
        for index in numbers.indices { numbers[index] = try single(in: range) }
        return numbers
    }

    mutating func sparseSingles<let count: Int>(
        in range: ClosedRange<Float>
    ) throws(SnapshotFailure) -> InlineArray<count, Float> {
        var numbers = InlineArray<count, Float>(repeating: 0)
        for first in stride(from: 0, to: count, by: 32) {
            let mask = try number(UInt32.self)
            for index in first..<min(first + 32, count) where mask >> UInt32(index - first) & 1 == 1 {
                numbers[index] = try single(in: range)
            }
        }
        return numbers
    }

    mutating func count(in range: ClosedRange<Int>) throws(SnapshotFailure) -> Int {
        let value = Int(try number(UInt32.self))
        guard range.contains(value) else { throw .malformed }
        return value
    }

    mutating func text() throws(SnapshotFailure) -> String {
        let length = Int(try number(UInt16.self))
        guard bytes.endIndex - position >= length else { throw .malformed }
        defer { position += length }
        guard let text = String(validating: bytes[position..<(position + length)], as: UTF8.self) else {
            throw .malformed
        }
        return text
    }

    /// Nil where the text is empty.
    mutating func user() throws(SnapshotFailure) -> UserID? {
        let text = try text()
        guard !text.isEmpty else { return nil }
        guard let user = UserID(rawValue: text) else { throw .malformed }
        return user
    }

    /// A second that is not after `last`; nil for what has not happened.
    mutating func secondIfAny(upTo last: Int64) throws(SnapshotFailure) -> Int64? {
        let age = try number(UInt32.self)
        guard age != .max else { return nil }
        guard newest - Int64(age) <= last else { throw .malformed }
        return newest - Int64(age)
    }

    mutating func second(upTo last: Int64) throws(SnapshotFailure) -> Int64 {
        guard let second = try secondIfAny(upTo: last) else { throw .malformed }
        return second
    }
}
