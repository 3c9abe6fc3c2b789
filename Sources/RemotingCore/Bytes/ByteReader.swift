/// Reads little-endian fields one after the other from bytes that a peer sent, and checks every bound.
///
/// It keeps the array that it reads from; ``readBytes(count:)`` returns a view of it, so that bulk data is not copied.
package struct ByteReader: Sendable {
    private let storage: ArraySlice<UInt8>
    private var position: Int
    private let end: Int

    package init(_ bytes: [UInt8]) {
        self.init(bytes[...])
    }

    package init(_ bytes: ArraySlice<UInt8>) {
        storage = bytes
        position = bytes.startIndex
        end = bytes.endIndex
    }

    package var remaining: Int { end - position }

    /// The next `T`, which takes as many bytes as `T` has.
    package mutating func read<T: FixedWidthInteger>(_ type: T.Type = T.self) throws(RemotingError) -> T {
        let size = MemoryLayout<T>.size
        try require(size)
        let value = storage.withUnsafeBytes {
            $0.loadUnaligned(fromByteOffset: position - storage.startIndex, as: T.self)
        }
        position += size
        return T(littleEndian: value)
    }

    /// The next `count` bytes, shared with the array that is read from.
    package mutating func readBytes(count: Int) throws(RemotingError) -> ArraySlice<UInt8> {
        try require(count)
        defer { position += count }
        return storage[position..<position + count]
    }

    /// A 32-bit length not above `maximum`, and as many bytes.
    package mutating func readBlob(maximum: Int) throws(RemotingError) -> ArraySlice<UInt8> {
        let count = try readCount(maximum: maximum)
        return try readBytes(count: count)
    }

    /// A 32-bit length not above `maximum`, and as many bytes of UTF-8.
    package mutating func readText(maximum: Int) throws(RemotingError) -> String {
        let bytes = try readBlob(maximum: maximum)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw RemotingError(.malformed, "text is not UTF-8")
        }
        return text
    }

    /// A 32-bit count not above `maximum`. Check it before reserving room for what it counts.
    package mutating func readCount(maximum: Int) throws(RemotingError) -> Int {
        let count = Int(try read(UInt32.self))
        guard count <= maximum else {
            throw RemotingError(.oversized, "a length of \(count) where at most \(maximum) is allowed")
        }
        return count
    }

    /// A reader of the next `count` bytes, which this one steps over.
    package mutating func readSection(count: Int) throws(RemotingError) -> ByteReader {
        try require(count)
        defer { position += count }
        return ByteReader(storage[position..<position + count])
    }

    /// Throws unless everything has been read.
    package func finish() throws(RemotingError) {
        guard remaining == 0 else { throw RemotingError(.malformed, "\(remaining) bytes left over") }
    }

    private func require(_ count: Int) throws(RemotingError) {
        guard count >= 0, count <= remaining else {
            throw RemotingError(.truncated, "\(count) bytes expected, \(remaining) left")
        }
    }
}
