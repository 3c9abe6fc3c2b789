/// A role's name: one of the four top-level roles, or a delegated role's, which may be any text.
package struct RoleName: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let text: ExactText

    /// Nil where there is nothing in it.
    package init?(_ text: ExactText) {
        guard !text.text.isEmpty else { return nil }
        self.text = text
    }

    private init(known text: ExactText) { self.text = text }

    package static let root = RoleName(known: "root")
    package static let timestamp = RoleName(known: "timestamp")
    package static let snapshot = RoleName(known: "snapshot")
    package static let targets = RoleName(known: "targets")
    /// In the order in which a client asks for them.
    package static let topLevel = [root, timestamp, snapshot, targets]

    package var isTopLevel: Bool { Self.topLevel.contains(self) }
    package var description: String { text.text }

    package static func < (left: Self, right: Self) -> Bool { left.text < right.text }

    /// The name as a part of a URL's path and as a file's: everything but letters, digits, `-`, `_`, `~`, and full
    /// stops that do not come first, is percent-encoded. So no name can lead out of a folder or hide a file.
    package var encoded: String { PercentEncoding.encode(text.text) }

    /// The file that a repository has it in: with the version before it in a consistent snapshot (section 6.2).
    package func fileName(version: Int64?) -> String {
        guard let version else { return "\(Self.asInURL(text.text)).json" }
        return "\(version).\(Self.asInURL(text.text)).json"
    }

    private static func asInURL(_ text: String) -> String { PercentEncoding.encode(text, keepsLeadingDot: true) }
}

/// Percent-encoding (RFC 3986) of one part of a path.
package enum PercentEncoding {
    private static let digits = Array("0123456789ABCDEF".utf8)

    /// Keeps only unreserved characters. O(bytes)
    package static func encode(_ text: String, keepsLeadingDot: Bool = false) -> String {
        var encoded: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 48...57, 65...90, 97...122, UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "~"):
                encoded.append(byte)
            case UInt8(ascii: ".") where keepsLeadingDot || !encoded.isEmpty:
                encoded.append(byte)
            default:
                encoded += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }

    /// Nil where a percent sign is followed by anything but two hexadecimal digits, or the bytes are not UTF-8.
    package static func decode(_ text: String) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let decoded = Hexadecimal.decode(String(decoding: rest.prefix(2), as: UTF8.self)), decoded.count == 1
            else { return nil }
            bytes += decoded
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
