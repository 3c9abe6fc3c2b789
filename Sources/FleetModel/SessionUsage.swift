/// What a session did since the last report of it.
package struct SessionUsage: Hashable, Sendable {
    /// Commands that its device was given.
    package var commands: Int64
    /// What came over its connection, and what went.
    package var received: Bytes
    package var sent: Bytes
    /// Commands that its device had been given and that had not ended, at most.
    package var queueDepth: Int32
    /// What it used of its interface that not every version can do, by the names that manifests have for it.
    package var capabilities: Set<String>

    package init(
        commands: Int64 = 0, received: Bytes = .zero, sent: Bytes = .zero, queueDepth: Int32 = 0,
        capabilities: Set<String> = []
    ) {
        self.capabilities = capabilities
        self.commands = commands
        self.received = received
        self.sent = sent
        self.queueDepth = queueDepth
    }

    /// Commands and bytes are counted up to here: more than any session does between two reports, and little enough that
    /// no rate made of it is one that a manager would refuse.
    package static let greatestCount: Int64 = 1 << 49
    /// So many names of what was used are kept, the first in their order.
    package static let greatestCapabilities = 64

    /// Both one after the other; counts that would be too great are the greatest.
    package static func + (first: Self, second: Self) -> Self {
        func sum(_ first: Int64, _ second: Int64) -> Int64 {
            let (sum, overflows) = first.addingReportingOverflow(second)
            return overflows ? greatestCount : min(sum, greatestCount)
        }
        let names = first.capabilities.union(second.capabilities)
        return Self(
            commands: sum(first.commands, second.commands),
            received: Bytes(sum(first.received.rawValue, second.received.rawValue)),
            sent: Bytes(sum(first.sent.rawValue, second.sent.rawValue)),
            queueDepth: max(first.queueDepth, second.queueDepth),
            capabilities: names.count <= greatestCapabilities ? names : Set(names.sorted().prefix(greatestCapabilities))
        )
    }
}

/// What a session does, a second.
package struct SessionActivity: Hashable, Sendable {
    package var commandRate: Double
    /// Bytes.
    package var receiveRate: Double
    package var sendRate: Double
    package var queueDepth: Int32
    /// As ``SessionUsage/capabilities``.
    package var capabilities: Set<String>

    package init(
        commandRate: Double = 0, receiveRate: Double = 0, sendRate: Double = 0, queueDepth: Int32 = 0,
        capabilities: Set<String> = []
    ) {
        self.capabilities = capabilities
        self.commandRate = commandRate
        self.receiveRate = receiveRate
        self.sendRate = sendRate
        self.queueDepth = queueDepth
    }

    /// - Parameter elapsed: the time in which it was done, above 0.
    package init(_ usage: SessionUsage, in elapsed: Duration) {
        let seconds = max(elapsed.inSeconds, 0.001)
        self.init(
            commandRate: Double(usage.commands) / seconds, receiveRate: Double(usage.received.rawValue) / seconds,
            sendRate: Double(usage.sent.rawValue) / seconds, queueDepth: usage.queueDepth,
            capabilities: usage.capabilities)
    }
}
