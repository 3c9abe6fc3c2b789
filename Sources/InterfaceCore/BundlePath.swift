/// A file's place within its bundle: a relative path that cannot lead out of the folder that it is joined to.
///
/// 1 to 8 components joined by `/`, each 1 to 100 characters from `A-Z a-z 0-9 . _ - +` and neither `.` nor `..`; so no
/// path is absolute, empty, or has an empty component. At most 255 bytes.
package struct BundlePath: Hashable, Comparable, Sendable, LosslessStringConvertible {
    package let text: String

    package static let maximumLength = 255

    /// Nil where `text` is not such a path. O(length), and bounded.
    package init?(_ text: String) {
        guard (1...Self.maximumLength).contains(text.utf8.count) else { return nil }
        let components = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard components.count <= 8, components.allSatisfy(Self.isComponent) else { return nil }
        self.text = text
    }

    package var description: String { text }

    package static func < (left: Self, right: Self) -> Bool {
        left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
    }

    /// The folders that the path goes through, outermost first: `a`, `a/b` for `a/b/c`.
    package var ancestors: [String] {
        text.utf8.indices.filter { text.utf8[$0] == UInt8(ascii: "/") }.map { String(text[..<$0]) }
    }

    private static func isComponent(_ component: Substring.UTF8View) -> Bool {
        guard (1...100).contains(component.count), !component.elementsEqual(".".utf8),
            !component.elementsEqual("..".utf8)
        else { return false }
        return component.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"),
                UInt8(ascii: "+"):
                true
            default:
                false
            }
        }
    }
}
