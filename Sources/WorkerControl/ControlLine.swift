/// One line of the worker control protocol: a word, then `key=value` pairs, all separated by single spaces.
///
/// Values are text in which every byte that is not printable ASCII, a blank or `%` is written `%XX`, so that a line
/// can be read by people and never holds a line break. At most ``maximumLength`` bytes without the line feed.
struct ControlLine: Hashable, Sendable {
    static let maximumLength = 2_048

    var word: String
    private(set) var fields: [String: String] = [:]
    private var order: [String] = []

    init(_ word: String) { self.word = word }

    /// Nil when the bytes are not a line of this form, or name a key twice.
    init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count <= Self.maximumLength, bytes.allSatisfy({ (0x20...0x7E).contains($0) }) else { return nil }
        let parts = bytes.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard let first = parts.first, !first.isEmpty else { return nil }
        self.init(String(decoding: first, as: UTF8.self))
        for part in parts.dropFirst() {
            guard let equals = part.firstIndex(of: UInt8(ascii: "=")),
                let value = Self.unescaped(part[equals...].dropFirst())
            else { return nil }
            let key = String(decoding: part[..<equals], as: UTF8.self)
            guard fields[key] == nil else { return nil }
            self[key] = value
        }
    }

    subscript(key: String) -> String? {
        get { fields[key] }
        set {
            if fields.updateValue(newValue ?? "", forKey: key) == nil { order.append(key) }
        }
    }

    /// The line with its line feed. Whoever sets a value of unbounded length cuts it first.
    var encoded: [UInt8] {
        var bytes = Array(word.utf8)
        for key in order {
            bytes += " \(key)=".utf8
            bytes += Self.escaped(fields[key] ?? "")
        }
        return bytes + [UInt8(ascii: "\n")]
    }

    private static func escaped(_ value: String) -> [UInt8] {
        value.utf8.flatMap { byte -> [UInt8] in
            if (0x21...0x7E).contains(byte), byte != UInt8(ascii: "%") { return [byte] }
            return Array(("%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)).utf8)
        }
    }

    private static func unescaped(_ bytes: some Sequence<UInt8>) -> String? {
        var value: [UInt8] = []
        var iterator = bytes.makeIterator()
        while let byte = iterator.next() {
            guard byte == UInt8(ascii: "%") else {
                value.append(byte)
                continue
            }
            guard let high = iterator.next(), let low = iterator.next(),
                let decoded = UInt8(String(decoding: [high, low], as: UTF8.self), radix: 16)
            else { return nil }
            value.append(decoded)
        }
        return String(validating: value, as: UTF8.self)
    }
}

/// Cuts what arrives on a control connection into lines. It holds at most one unfinished line.
struct ControlLineBuffer: Sendable {
    private var pending: [UInt8] = []

    /// The lines that `bytes` completes, without their line feeds; nil when a line is longer than any may be, after
    /// which the connection is of no use.
    mutating func append(_ bytes: some Sequence<UInt8>) -> [[UInt8]]? {
        var lines: [[UInt8]] = []
        for byte in bytes {
            if byte == UInt8(ascii: "\n") {
                lines.append(pending)
                pending.removeAll(keepingCapacity: true)
            } else {
                guard pending.count < ControlLine.maximumLength else { return nil }
                pending.append(byte)
            }
        }
        return lines
    }
}
