/// Writes little-endian fields one after the other.
package struct ByteWriter: Hashable, Sendable {
    package private(set) var bytes: [UInt8]

    package init(reservingCapacity capacity: Int = 64) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    package var count: Int { bytes.count }

    package mutating func write(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    package mutating func write(bytes more: some Sequence<UInt8>) {
        bytes.append(contentsOf: more)
    }

    /// A 32-bit length and the bytes. `blob` is below 4 GiB.
    package mutating func write(blob: some Collection<UInt8>) {
        write(UInt32(blob.count))
        bytes.append(contentsOf: blob)
    }

    /// A 32-bit length and UTF-8, cut after the last whole scalar within `maximum` bytes.
    package mutating func write(text: String, maximum: Int) {
        var kept = text.unicodeScalars[...]
        while kept.utf8Length > maximum { kept.removeLast() }
        write(blob: Array(String(kept).utf8))
    }

    /// Writes over the bytes of a `T` at `offset`, which were written before.
    package mutating func overwrite<T: FixedWidthInteger>(_ value: T, at offset: Int) {
        precondition(offset >= 0 && offset + MemoryLayout<T>.size <= bytes.count)
        bytes.withUnsafeMutableBytes { $0.storeBytes(of: value.littleEndian, toByteOffset: offset, as: T.self) }
    }

    package mutating func removeFirst(_ count: Int) {
        bytes.removeFirst(count)
    }

    /// Keeps the memory.
    package mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
    }
}

extension Substring.UnicodeScalarView {
    fileprivate var utf8Length: Int { Substring(self).utf8.count }
}
