/// Bytes received and sent since some beginning; both only grow.
struct NetworkCounters: Hashable, Sendable {
    var received: UInt64 = 0
    var sent: UInt64 = 0

    /// The sum over the devices in the text of `/proc/PID/net/dev`, the loopback device left out; nil when the text
    /// is not of the expected form.
    init?(devices bytes: ArraySlice<UInt8>) {
        var lines = ByteScanner(bytes)
        guard lines.line() != nil, lines.line() != nil else { return nil }
        while let line = lines.line() {
            // "  eth0: received packets errs drop fifo frame compressed multicast sent ..."; the figure may follow the
            // colon without a space.
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
            var name = ByteScanner(line[..<colon])
            if name.word()?.equals("lo") == true { continue }
            var fields = ByteScanner(line[(colon + 1)...])
            guard let received = fields.number(), fields.skipWords(7), let sent = fields.number() else { return nil }
            self.received &+= received
            self.sent &+= sent
        }
    }

    init(received: UInt64 = 0, sent: UInt64 = 0) {
        self.received = received
        self.sent = sent
    }

    static func += (left: inout Self, right: Self) {
        left.received &+= right.received
        left.sent &+= right.sent
    }

    /// How much this is beyond `earlier`; nothing where it is not.
    func growth(since earlier: Self) -> Self {
        Self(
            received: received > earlier.received ? received - earlier.received : 0,
            sent: sent > earlier.sent ? sent - earlier.sent : 0)
    }
}
