import Determinism

/// Changes an encoded message of protocol buffers in a way that leaves it one: a field takes an extreme value, goes, comes
/// twice, or comes more often than any list may be long. Most bytes changed at random make no message at all, and the
/// checks of what a message says would never be reached.
struct ProtobufMutator {
    private enum Value {
        case varint(UInt64)
        case fixed64([UInt8])
        case fixed32([UInt8])
        case bytes([UInt8])
    }

    private struct Field {
        var number: UInt64
        var value: Value
    }

    var random: SeededGenerator

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    /// The ends of what the protocol's fields may say, and of what they hold.
    private static let numbers: [UInt64] = [
        0, 1, 2, 127, 1_000, 1_001, 1_023, 1_024, 65_535, 65_536, 0x8000_0000, 0x1_0000_0000,
        0x1_0000_0000_0000, 0x1_0000_0000_0001, 315_360_000_000_000_000, 315_360_000_000_000_001,
        0x4000_0000_0000_0000, 0x8000_0000_0000_0000, .max - 1, .max,
    ]
    private static let rates: [Double] = [
        0.0, -0.0, -1, 0.5, 1, 1.5, 1e18, 1.1e18, 1e300, .infinity, -.infinity, .nan, .leastNonzeroMagnitude,
    ]
    /// Lists of the protocol that are as short as this are too long by then.
    private static let greatestRepetition: UInt64 = 70

    /// The message with one to three changes. Nil where the bytes are none.
    mutating func mutated(_ bytes: [UInt8]) -> [UInt8]? {
        guard var fields = Self.fields(of: bytes) else { return nil }
        for _ in 0...random.below(3) { change(&fields) }
        return Self.encoded(fields)
    }

    private mutating func change(_ fields: inout [Field]) {
        guard !fields.isEmpty else { return }
        let index = Int(random.below(UInt64(fields.count)))
        switch random.below(12) {
        case 0: fields.remove(at: index)
        case 1: fields.insert(fields[index], at: index)
        case 2:
            let count = Int(random.below(Self.greatestRepetition))
            fields.insert(contentsOf: repeatElement(fields[index], count: count), at: index)
        case 3: fields.swapAt(index, Int(random.below(UInt64(fields.count))))
        case 4: fields[index].number = 1 + random.below(16)
        default: change(&fields[index].value)
        }
    }

    private mutating func change(_ value: inout Value) {
        switch value {
        case .varint(let number):
            value = .varint(
                random.chance(1, in: 4)
                    ? number ^ 1 << random.below(64) : Self.numbers[Int(random.below(UInt64(Self.numbers.count)))])
        case .fixed64:
            let rate = Self.rates[Int(random.below(UInt64(Self.rates.count)))]
            value = .fixed64(withUnsafeBytes(of: rate.bitPattern.littleEndian) { Array($0) })
        case .fixed32: value = .fixed32((0..<4).map { _ in UInt8(truncatingIfNeeded: random.next()) })
        case .bytes(let bytes):
            if random.below(6) > 0, !bytes.isEmpty, let inner = mutated(bytes) {
                value = .bytes(inner)
            } else {
                value = .bytes(text(bytes))
            }
        }
    }

    private mutating func text(_ bytes: [UInt8]) -> [UInt8] {
        switch random.below(6) {
        case 0: []
        case 1: Array(bytes.dropLast())
        case 2: bytes + bytes
        case 3: [UInt8](repeating: 0x61, count: Int(random.below(2_000)))
        case 4: Array("a b\u{0}ü\u{1F600}".utf8)
        default: bytes + [0xFF]
        }
    }

    // MARK: Encoding

    private static func fields(of bytes: [UInt8]) -> [Field]? {
        var rest = bytes[...]
        var fields: [Field] = []
        while !rest.isEmpty {
            guard let tag = takeVarint(&rest), tag >> 3 > 0 else { return nil }
            func take(_ count: UInt64) -> [UInt8]? {
                guard count <= UInt64(rest.count) else { return nil }
                defer { rest = rest.dropFirst(Int(count)) }
                return Array(rest.prefix(Int(count)))
            }
            switch tag & 7 {
            case 0:
                guard let number = takeVarint(&rest) else { return nil }
                fields.append(Field(number: tag >> 3, value: .varint(number)))
            case 1:
                guard let bytes = take(8) else { return nil }
                fields.append(Field(number: tag >> 3, value: .fixed64(bytes)))
            case 2:
                guard let count = takeVarint(&rest), let bytes = take(count) else { return nil }
                fields.append(Field(number: tag >> 3, value: .bytes(bytes)))
            case 5:
                guard let bytes = take(4) else { return nil }
                fields.append(Field(number: tag >> 3, value: .fixed32(bytes)))
            default: return nil
            }
        }
        return fields
    }

    private static func takeVarint(_ bytes: inout ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: 0, to: 64, by: 7) {
            guard let byte = bytes.popFirst() else { return nil }
            value |= UInt64(byte & 0x7F) << UInt64(shift)
            if byte & 0x80 == 0 { return value }
        }
        return nil
    }

    private static func varint(_ value: UInt64) -> [UInt8] {
        var (bytes, rest) = ([UInt8](), value)
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    private static func encoded(_ fields: [Field]) -> [UInt8] {
        fields.flatMap { field -> [UInt8] in
            switch field.value {
            case .varint(let number): varint(field.number << 3) + varint(number)
            case .fixed64(let bytes): varint(field.number << 3 | 1) + bytes
            case .bytes(let bytes): varint(field.number << 3 | 2) + varint(UInt64(bytes.count)) + bytes
            case .fixed32(let bytes): varint(field.number << 3 | 5) + bytes
            }
        }
    }
}
