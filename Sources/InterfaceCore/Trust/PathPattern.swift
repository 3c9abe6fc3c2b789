/// A pattern of target paths (section 4.5): `*` stands for any characters of one part of the path, `?` for one, and a
/// slash only for itself.
package struct PathPattern: Hashable, Sendable {
    private let parts: [[Unicode.Scalar]]

    package init(_ pattern: String) { parts = Self.split(pattern) }

    private static func split(_ text: String) -> [[Unicode.Scalar]] {
        text.unicodeScalars.split(separator: "/", omittingEmptySubsequences: false).map(Array.init)
    }

    /// Code point for code point but for the wildcards. O(pattern · path)
    package func matches(_ path: String) -> Bool {
        let components = Self.split(path)
        return components.count == parts.count
            && zip(parts, components).allSatisfy { Self.matches($0, $1) }
    }

    /// Goes back to the last `*` only, which suffices because a later one can take over what an earlier one could.
    private static func matches(_ pattern: [Unicode.Scalar], _ text: [Unicode.Scalar]) -> Bool {
        var place = 0
        var position = 0
        var star: (place: Int, position: Int)?
        while position < text.count {
            if place < pattern.count, pattern[place] == "*" {
                star = (place, position)
                place += 1
            } else if place < pattern.count, pattern[place] == text[position] || pattern[place] == "?" {
                place += 1
                position += 1
            } else if let last = star {
                star = (last.place, last.position + 1)
                place = last.place + 1
                position = last.position + 1
            } else {
                return false
            }
        }
        return pattern[place...].allSatisfy { $0 == "*" }
    }
}
