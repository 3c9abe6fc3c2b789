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

    /// Both one after the other.
    package static func + (first: Self, second: Self) -> Self {
        Self(
            commands: first.commands + second.commands, received: first.received + second.received,
            sent: first.sent + second.sent, queueDepth: max(first.queueDepth, second.queueDepth),
            capabilities: first.capabilities.union(second.capabilities))
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
