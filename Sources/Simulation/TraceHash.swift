package import FleetModel

/// A running hash of everything that happened: equal runs have equal hashes, in every process and on every machine.
///
/// FNV-1a, 64 bits, over 8-byte words (Fowler, Noll and Vo). Not for secrets.
package struct TraceHash: Hashable, Sendable {
    package private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    package init() {}

    package mutating func add(_ word: UInt64) {
        value = (value ^ word) &* 0x0000_0100_0000_01B3
        value ^= value >> 29
    }

    package mutating func add(_ number: Int) { add(UInt64(bitPattern: Int64(number))) }

    package mutating func add(_ time: MonotonicTime) { add(UInt64(bitPattern: time.rawValue)) }

    package mutating func add(_ text: String) {
        for byte in text.utf8 { add(UInt64(byte)) }
        add(text.utf8.count)
    }

    /// 16 hexadecimal digits.
    package var hexadecimal: String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
