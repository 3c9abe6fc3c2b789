import FleetModel

/// Networks as text: what ships, and what `presync forecast train` writes. Version 1 for the standard horizons, and 2,
/// which names them, for others.
///
/// ASCII lines: `presync-networks 1`, `networks N`, then for each `horizons A B C` (in version 2: seconds),
/// `hidden W W`, `ignored A B` (features from A up to
/// B are not looked at), `parameters N`, lines of up to 20 weights of six hexadecimal digits (the upper 24 bits of single precision), and `checksum H` (FNV-1a of the digits, 64 bits).
package enum NetworkFile {
    package static let greatestSize = 1 << 20
    private static let greatestCount = 8
    private static let perLine = 20

    package enum Failure: Error, Hashable, Sendable {
        case tooLong
        case notANetworkFile
        case unknownVersion(String)
        case malformed(line: Int)
        case wrongChecksum(network: Int)
    }

    /// The text of `networks`. Parsing it gives them back with 24-bit weights.
    package static func text(of networks: [QuantileNetwork]) -> String {
        let version = networks.allSatisfy { $0.horizons == .standard } ? 1 : 2
        var lines = ["presync-networks \(version)", "networks \(networks.count)"]
        for network in networks {
            if version == 2 {
                lines.append("horizons " + network.horizons.all.map(String.init).joined(separator: " "))
            }
            lines.append("hidden " + network.hidden.map(String.init).joined(separator: " "))
            lines.append("ignored \(network.ignored.lowerBound) \(network.ignored.upperBound)")
            lines.append("parameters \(network.parameters.count)")
            var hash = Checksum()
            for first in stride(from: 0, to: network.parameters.count, by: perLine) {
                let digits = network.parameters[first..<min(first + perLine, network.parameters.count)]
                    .map { hexadecimal(rounded($0), digits: 6) }.joined()
                for byte in digits.utf8 { hash.add(byte) }
                lines.append(digits)
            }
            lines.append("checksum " + hexadecimal(hash.value, digits: 16))
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The nearest 24-bit float, as its upper 24 bits.
    private static func rounded(_ weight: Float) -> UInt64 { UInt64((weight.bitPattern &+ 0x80) >> 8) }

    private static func hexadecimal(_ value: UInt64, digits: Int) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
    }

    /// The networks of a text of at most ``greatestSize`` bytes. O(text).
    package static func networks(of text: String) throws(Failure) -> [QuantileNetwork] {
        guard text.utf8.count <= greatestSize else { throw .tooLong }
        var reader = Reader(lines: text.split(separator: "\n", omittingEmptySubsequences: false))
        guard let head = reader.next(), let version = value(of: "presync-networks", in: head) else {
            throw .notANetworkFile
        }
        guard version == "1" || version == "2" else { throw .unknownVersion(String(version.prefix(20))) }
        let count = try reader.number(after: "networks", in: 1...greatestCount)
        var networks: [QuantileNetwork] = []
        for index in 0..<count { networks.append(try reader.network(index, namesHorizons: version == "2")) }
        return networks
    }

    private static func value(of key: String, in line: Substring) -> Substring? {
        line.hasPrefix(key + " ") ? line.dropFirst(key.utf8.count + 1) : nil
    }

    private struct Reader {
        let lines: [Substring]
        var position = 0

        mutating func next() -> Substring? {
            guard position < lines.count else { return nil }
            position += 1
            return lines[position - 1]
        }

        mutating func number(after key: String, in range: ClosedRange<Int>) throws(Failure) -> Int {
            guard let line = next(), let text = value(of: key, in: line), let number = Int(text),
                range.contains(number)
            else { throw .malformed(line: position) }
            return number
        }

        mutating func numbers(
            _ count: Int, after key: String, in range: ClosedRange<Int>
        ) throws(Failure) -> [Int] {
            guard let line = next(), let text = value(of: key, in: line) else { throw .malformed(line: position) }
            let numbers = text.split(separator: " ").compactMap { Int($0) }
            guard numbers.count == count, numbers.allSatisfy(range.contains) else { throw .malformed(line: position) }
            return numbers
        }

        mutating func network(_ index: Int, namesHorizons: Bool) throws(Failure) -> QuantileNetwork {
            let horizons = namesHorizons ? try self.horizons() : .standard
            let hidden = try numbers(2, after: "hidden", in: 8...512)
            let ignored = try numbers(2, after: "ignored", in: 0...QuantileNetwork.inputCount)
            guard ignored[0] <= ignored[1] else { throw .malformed(line: position) }
            let wanted = QuantileNetwork.parameterCount(hidden: hidden)
            guard try number(after: "parameters", in: 1...(1 << 20)) == wanted else { throw .malformed(line: position) }
            var parameters: [Float] = []
            parameters.reserveCapacity(wanted)
            var hash = Checksum()
            while parameters.count < wanted {
                guard let digits = next() else { throw .malformed(line: position) }
                guard append(digits.utf8, to: &parameters, &hash), parameters.count <= wanted else {
                    throw .malformed(line: position)
                }
            }
            guard let last = next(), let sum = value(of: "checksum", in: last) else { throw .malformed(line: position) }
            guard UInt64(sum, radix: 16) == hash.value else { throw .wrongChecksum(network: index) }
            guard
                let network = QuantileNetwork(
                    hidden: hidden, ignored: ignored[0]..<ignored[1], horizons: horizons, parameters: parameters)
            else {
                throw .malformed(line: position)
            }
            return network
        }

        private mutating func horizons() throws(Failure) -> ForecastHorizons {
            let seconds = try numbers(3, after: "horizons", in: ForecastHorizons.range)
            guard let horizons = ForecastHorizons(seconds) else { throw .malformed(line: position) }
            return horizons
        }

        private func append(_ digits: Substring.UTF8View, to parameters: inout [Float], _ hash: inout Checksum) -> Bool
        {
            var bits: UInt32 = 0
            var length = 0
            for byte in digits {
                let digit: UInt8 =
                    switch byte {
                    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
                    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
                    default: 16
                    }
                guard digit < 16 else { return false }
                hash.add(byte)
                bits = bits << 4 | UInt32(digit)
                length += 1
                guard length % 6 == 0 else { continue }
                parameters.append(Float(bitPattern: bits << 8))
                bits = 0
            }
            return length > 0 && length % 6 == 0 && length <= perLine * 6
        }
    }
}

/// FNV-1a, 64 bits: finds what was damaged by chance, not what was forged. (Fowler, Noll and Vo, RFC 9923.)
struct Checksum: Sendable {
    private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    @inline(__always)
    mutating func add(_ byte: UInt8) { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 }
}
