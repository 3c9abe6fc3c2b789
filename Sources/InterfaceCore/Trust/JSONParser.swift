/// Reads JSON (RFC 8259) as strictly as signed metadata needs it.
///
/// The core has a parser of its own because what is verified is not the file's bytes but canonical JSON made again from
/// the values, so that every value must come through exactly: no number that went through floating point, no member
/// that silently replaced another of the same name, no text that was normalised. And because metadata comes from
/// whoever answers, its depth and the number of its values are bounded before any signature can be checked.
package struct JSONParser {
    /// What a document may have.
    package struct Limits: Hashable, Sendable {
        /// Arrays and objects within each other.
        package var depth = 32
        /// Values and member names in all: what bounds the memory, some 100 bytes each.
        package var values = 1 << 18

        package init() {}
    }

    private let bytes: [UInt8]
    private let limits: Limits
    private var position = 0
    private var depth = 0
    private var values = 0

    /// The document's one value. Refuses what RFC 8259 does not allow, and also fractions and exponents, integers
    /// beyond 64 bits, two members of one name, and bytes that are not UTF-8. O(bytes)
    package static func parse(_ bytes: [UInt8], limits: Limits = Limits()) throws(TrustError) -> JSONValue {
        var parser = JSONParser(bytes: bytes, limits: limits)
        let value = try parser.value()
        parser.skipSpace()
        guard parser.position == bytes.count else { throw parser.malformed("something follows the value") }
        return value
    }

    private init(bytes: [UInt8], limits: Limits) {
        self.bytes = bytes
        self.limits = limits
    }

    private func malformed(_ reason: String) -> TrustError {
        TrustError(.malformed, "not JSON that metadata may have: \(reason) at byte \(position)")
    }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 32 || byte == 9 || byte == 10 || byte == 13 { position += 1 }
    }

    private mutating func count() throws(TrustError) {
        values += 1
        guard values <= limits.values else { throw malformed("more than \(limits.values) values") }
    }

    private mutating func value() throws(TrustError) -> JSONValue {
        try count()
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return try object()
        case UInt8(ascii: "["): return try array()
        case UInt8(ascii: "\""): return .text(ExactText(try text()))
        case UInt8(ascii: "t"): return try word("true", .boolean(true))
        case UInt8(ascii: "f"): return try word("false", .boolean(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try integer()
        }
    }

    private mutating func word(_ word: String, _ value: JSONValue) throws(TrustError) -> JSONValue {
        guard bytes[position...].starts(with: word.utf8) else { throw malformed("an unknown word") }
        position += word.utf8.count
        return value
    }

    private mutating func enter() throws(TrustError) {
        depth += 1
        guard depth <= limits.depth else { throw malformed("more than \(limits.depth) levels") }
        position += 1
        skipSpace()
    }

    private mutating func array() throws(TrustError) -> JSONValue {
        try enter()
        var elements: [JSONValue] = []
        if next == UInt8(ascii: "]") {
            position += 1
        } else {
            repeat { elements.append(try value()) } while try separator(UInt8(ascii: "]"))
        }
        depth -= 1
        return .array(elements)
    }

    private mutating func object() throws(TrustError) -> JSONValue {
        try enter()
        var members: [ExactText: JSONValue] = [:]
        if next == UInt8(ascii: "}") {
            position += 1
        } else {
            repeat {
                try count()
                skipSpace()
                guard next == UInt8(ascii: "\"") else { throw malformed("no name of a member") }
                let name = ExactText(try text())
                skipSpace()
                guard next == UInt8(ascii: ":") else { throw malformed("no colon") }
                position += 1
                guard members.updateValue(try value(), forKey: name) == nil else {
                    throw malformed("a second member \(name.text.debugDescription)")
                }
            } while try separator(UInt8(ascii: "}"))
        }
        depth -= 1
        return .object(members)
    }

    /// Whether a comma follows, rather than `end`.
    private mutating func separator(_ end: UInt8) throws(TrustError) -> Bool {
        skipSpace()
        defer { position += 1 }
        if next == UInt8(ascii: ",") { return true }
        guard next == end else { throw malformed("no comma") }
        return false
    }

    private mutating func integer() throws(TrustError) -> JSONValue {
        let start = position
        if next == UInt8(ascii: "-") { position += 1 }
        let digits = position
        while let byte = next, (48...57).contains(byte) { position += 1 }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        guard position > digits, position == digits + 1 || bytes[digits] != 48, let value = Int64(text) else {
            throw malformed("no value")
        }
        if let byte = next, byte == UInt8(ascii: ".") || byte | 32 == UInt8(ascii: "e") {
            throw malformed("a number that is not an integer")
        }
        return .integer(value)
    }

    private mutating func text() throws(TrustError) -> String {
        position += 1
        var text: [UInt8] = []
        while let byte = next {
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let valid = String(validating: text, as: UTF8.self) else { throw malformed("not UTF-8") }
                return valid
            case UInt8(ascii: "\\"): try escape(into: &text)
            case 0..<32: throw malformed("a control character")
            default: text.append(byte)
            }
        }
        throw malformed("a text without an end")
    }

    private mutating func escape(into text: inout [UInt8]) throws(TrustError) {
        guard let byte = next else { throw malformed("an escape without an end") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(8)
        case UInt8(ascii: "f"): text.append(12)
        case UInt8(ascii: "n"): text.append(10)
        case UInt8(ascii: "r"): text.append(13)
        case UInt8(ascii: "t"): text.append(9)
        case UInt8(ascii: "u"):
            var code = try fourDigits()
            if (0xD800..<0xDC00).contains(code) {
                guard next == UInt8(ascii: "\\") else { throw malformed("half a character") }
                position += 1
                guard next == UInt8(ascii: "u") else { throw malformed("half a character") }
                position += 1
                let low = try fourDigits()
                guard (0xDC00..<0xE000).contains(low) else { throw malformed("half a character") }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw malformed("half a character") }
            text += Array(String(Character(scalar)).utf8)
        default: throw malformed("an unknown escape")
        }
    }

    private mutating func fourDigits() throws(TrustError) -> UInt32 {
        guard position + 4 <= bytes.count,
            let pair = Hexadecimal.decode(String(decoding: bytes[position..<position + 4], as: UTF8.self))
        else { throw malformed("an escape that is no number") }
        position += 4
        return UInt32(pair[0]) << 8 | UInt32(pair[1])
    }
}
