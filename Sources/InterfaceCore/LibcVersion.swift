/// A version of the C library: two numbers, `2.36`, and a third where there is one.
package struct LibcVersion: Hashable, Comparable, Sendable, LosslessStringConvertible {
    private let numbers: [UInt16]

    /// Nil where `text` is not two or three numbers with dots between them.
    package init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { UInt16($0) }
        guard (2...3).contains(parts.count), numbers.count == parts.count else { return nil }
        self.numbers = numbers
    }

    package var description: String { numbers.map(\.description).joined(separator: ".") }

    package static func < (left: Self, right: Self) -> Bool { left.numbers.lexicographicallyPrecedes(right.numbers) }
}
