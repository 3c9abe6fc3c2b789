/// Reads words, numbers and lines from text that the kernel wrote, without making strings of it.
///
/// It never reads past the end and never traps: what is not there is nil.
struct ByteScanner {
    private let bytes: ArraySlice<UInt8>
    private var position: Int

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    var isAtEnd: Bool { position >= bytes.endIndex }

    /// The bytes up to the next space, tab or line end, after skipping spaces and tabs; nil at the end of a line.
    mutating func word() -> ArraySlice<UInt8>? {
        skipBlanks()
        let start = position
        while position < bytes.endIndex, !Self.isBlank(bytes[position]), bytes[position] != Self.newline {
            position += 1
        }
        return position > start ? bytes[start..<position] : nil
    }

    /// The next word as an unsigned decimal number; nil where there is none, or one beyond 64 bits.
    mutating func number() -> UInt64? {
        guard let word = word() else { return nil }
        return Self.number(word)
    }

    /// Skips `count` words of this line; false when the line has fewer.
    mutating func skipWords(_ count: Int) -> Bool {
        for _ in 0..<count where word() == nil { return false }
        return true
    }

    /// The rest of this line without its end, leaving the scanner at the next line; nil at the end of the text.
    mutating func line() -> ArraySlice<UInt8>? {
        guard !isAtEnd else { return nil }
        let start = position
        let end = bytes[start...].firstIndex(of: Self.newline) ?? bytes.endIndex
        position = end < bytes.endIndex ? end + 1 : end
        return bytes[start..<end]
    }

    /// `word` as an unsigned decimal number; nil when it is anything else, or beyond 64 bits.
    static func number(_ word: ArraySlice<UInt8>) -> UInt64? {
        guard !word.isEmpty else { return nil }
        var value: UInt64 = 0
        for byte in word {
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
            let (scaled, scaledOverflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, sumOverflow) = scaled.addingReportingOverflow(UInt64(byte - UInt8(ascii: "0")))
            guard !scaledOverflow, !sumOverflow else { return nil }
            value = sum
        }
        return value
    }

    private mutating func skipBlanks() {
        while position < bytes.endIndex, Self.isBlank(bytes[position]) { position += 1 }
    }

    private static let newline = UInt8(ascii: "\n")
    private static func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
}

extension ArraySlice<UInt8> {
    /// Whether the bytes are exactly those of `text`.
    func equals(_ text: StaticString) -> Bool {
        count == text.utf8CodeUnitCount && starts(with: text)
    }

    /// Whether the bytes begin with those of `text`.
    func starts(with text: StaticString) -> Bool {
        guard count >= text.utf8CodeUnitCount else { return false }
        return text.withUTF8Buffer { expected in
            zip(self, expected).allSatisfy { $0 == $1 }
        }
    }
}
