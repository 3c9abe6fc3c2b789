/// How ready the fleet is for the loss of a GPU server, and how far servers are that are being emptied.
package struct RecoveryOverview: Hashable, Sendable {
    /// Instances of classes with a backup that have a slice, and how many of these have their second session.
    package var standbysWanted: Int
    package var standbysReady: Int
    /// The GPU server of whose sessions the most memory would find no room elsewhere, were it lost now; nil where all
    /// of any one server's would.
    package var worstServer: GPUServerID?
    /// The memory, and the number of sessions, that would find none.
    package var unplacedMemory: Bytes
    package var unplacedSessions: Int
    /// Ascending by server.
    package var drains: [DrainProgress]

    package init(
        standbysWanted: Int = 0, standbysReady: Int = 0, worstServer: GPUServerID? = nil, unplacedMemory: Bytes = .zero,
        unplacedSessions: Int = 0, drains: [DrainProgress] = []
    ) {
        self.standbysWanted = standbysWanted
        self.standbysReady = standbysReady
        self.worstServer = worstServer
        self.unplacedMemory = unplacedMemory
        self.unplacedSessions = unplacedSessions
        self.drains = drains
    }
}

/// One GPU server that is being emptied for maintenance: nothing new is placed there.
package struct DrainProgress: Hashable, Sendable {
    package var server: GPUServerID
    /// Sessions that programs have: they stay until their programs end them.
    package var attached: Int
    /// Sessions that are prepared there and not yet elsewhere, or are on their way back.
    package var prepared: Int

    package init(server: GPUServerID, attached: Int, prepared: Int) {
        self.server = server
        self.attached = attached
        self.prepared = prepared
    }

    /// Whether nothing is left there.
    package var isDone: Bool { attached == 0 && prepared == 0 }
}
