/// Why bytes are no snapshot of a forecaster.
package enum SnapshotFailure: Error, Hashable, Sendable {
    case notASnapshot
    case unknownVersion(UInt16)
    case wrongChecksum
    /// It ends early, goes on beyond its end, or holds a value out of range.
    case malformed
}

/// Numbers as little-endian bytes, field by field.
struct SnapshotWriter {
    private(set) var bytes: [UInt8] = []

    mutating func put<Number: FixedWidthInteger>(_ number: Number) {
        var rest = number.littleEndian
        withUnsafeBytes(of: &rest) { bytes.append(contentsOf: $0) }
    }

    mutating func put(_ number: Float) { put(number.bitPattern) }

    mutating func put(_ number: Double) { put(number.bitPattern) }

    mutating func put(_ text: String) {
        put(UInt16(clamping: text.utf8.count))
        bytes.append(contentsOf: text.utf8.prefix(Int(UInt16.max)))
    }
}

/// Reads what a ``SnapshotWriter`` wrote; whatever the bytes are, it neither traps nor takes more memory than they do.
struct SnapshotReader {
    private let bytes: ArraySlice<UInt8>
    private var position: Int

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
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
}
