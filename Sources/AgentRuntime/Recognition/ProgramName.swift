/// What the kernel calls a process: the name of the file that it runs, of a script rather than of its interpreter, or
/// what it called itself. Never a path or an argument. (`comm` in proc_pid_stat(5))
package struct ProgramName: Hashable, Sendable {
    /// The kernel cuts names off after so many bytes.
    static let greatestLength = 15

    /// Filled up with zeros, which no name holds.
    private let bytes: SIMD16<UInt8>

    package init(_ name: some Sequence<UInt8>) {
        var bytes = SIMD16<UInt8>.zero
        for (index, byte) in name.prefix(Self.greatestLength).enumerated() { bytes[index] = byte }
        self.bytes = bytes
    }

    var count: Int { bytes.indices.first { bytes[$0] == 0 } ?? Self.greatestLength }

    subscript(index: Int) -> UInt8 { bytes[index] }
}

/// A name of programs in which `*` stands for any number of characters and `?` for one.
package struct ProgramPattern: Hashable, Sendable {
    private static let anyNumber = UInt8(ascii: "*")
    private static let anyOne = UInt8(ascii: "?")
    private static let greatestLength = 64

    private let bytes: [UInt8]

    /// Nil unless `text` is 1 to 64 printable characters of ASCII without a slash.
    package init?(_ text: String) {
        let isPrintable = text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "/") }
        guard isPrintable, (1...Self.greatestLength).contains(text.utf8.count) else { return nil }
        bytes = Array(text.utf8)
    }

    /// Whether the name is of this form. Of one that may have been cut off it is enough that its beginning is.
    ///
    /// O(name × pattern): each `*` is tried with what it stands for growing, the last one first.
    func matches(_ name: ProgramName) -> Bool {
        let length = name.count
        var (place, position) = (0, 0)
        var retry: (place: Int, position: Int)?
        while place < length {
            if position < bytes.count, bytes[position] == Self.anyNumber {
                position += 1
                retry = (place, position)
            } else if position < bytes.count, bytes[position] == Self.anyOne || bytes[position] == name[place] {
                place += 1
                position += 1
            } else if let last = retry {
                retry = (last.place + 1, last.position)
                (place, position) = (last.place + 1, last.position)
            } else {
                return false
            }
        }
        return length == ProgramName.greatestLength || bytes[position...].allSatisfy { $0 == Self.anyNumber }
    }
}
