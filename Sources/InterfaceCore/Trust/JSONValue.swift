/// A JSON value as signed metadata may hold it: without fractions, which canonical JSON does not have.
package enum JSONValue: Hashable, Sendable {
    case null
    case boolean(Bool)
    case integer(Int64)
    case text(ExactText)
    case array([JSONValue])
    case object([ExactText: JSONValue])

    package static func text(_ text: String) -> JSONValue { .text(ExactText(text)) }

    /// The bytes that are signed: OLPC's canonical JSON (http://wiki.laptop.org/go/Canonical_JSON), which the TUF
    /// specification names in section 4.1. No white space, members in the order of their names' code points, and only
    /// `"` and `\` escaped. O(bytes · log(members))
    package var canonicalBytes: [UInt8] {
        var bytes: [UInt8] = []
        appendCanonical(to: &bytes)
        return bytes
    }

    private func appendCanonical(to bytes: inout [UInt8]) {
        switch self {
        case .null: bytes += Array("null".utf8)
        case .boolean(let value): bytes += Array((value ? "true" : "false").utf8)
        case .integer(let value): bytes += Array(String(value).utf8)
        case .text(let text): Self.appendCanonical(text, to: &bytes)
        case .array(let values):
            bytes.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                value.appendCanonical(to: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let members):
            bytes.append(UInt8(ascii: "{"))
            for (index, member) in members.sorted(by: { $0.key < $1.key }).enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                Self.appendCanonical(member.key, to: &bytes)
                bytes.append(UInt8(ascii: ":"))
                member.value.appendCanonical(to: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    private static func appendCanonical(_ text: ExactText, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.text.utf8 {
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { bytes.append(UInt8(ascii: "\\")) }
            bytes.append(byte)
        }
        bytes.append(UInt8(ascii: "\""))
    }
}

extension JSONValue {
    /// JSON for people and for the repository's files: indented by a space a level, members sorted, and every control
    /// character escaped. Reading it back gives the same value.
    package var readableText: String {
        var text = ""
        appendReadable(to: &text, indentation: "")
        return text + "\n"
    }

    private func appendReadable(to text: inout String, indentation: String) {
        let inner = indentation + " "
        switch self {
        case .null: text += "null"
        case .boolean(let value): text += value ? "true" : "false"
        case .integer(let value): text += String(value)
        case .text(let value): Self.appendQuoted(value.text, to: &text)
        case .array(let values):
            guard !values.isEmpty else { return text += "[]" }
            for (index, value) in values.enumerated() {
                text += (index == 0 ? "[\n" : ",\n") + inner
                value.appendReadable(to: &text, indentation: inner)
            }
            text += "\n\(indentation)]"
        case .object(let members):
            guard !members.isEmpty else { return text += "{}" }
            for (index, member) in members.sorted(by: { $0.key < $1.key }).enumerated() {
                text += (index == 0 ? "{\n" : ",\n") + inner
                Self.appendQuoted(member.key.text, to: &text)
                text += ": "
                member.value.appendReadable(to: &text, indentation: inner)
            }
            text += "\n\(indentation)}"
        }
    }

    private static func appendQuoted(_ value: String, to text: inout String) {
        text += "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}
