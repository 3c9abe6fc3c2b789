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

/// One GPU server on which nothing new is placed, because it is emptied for maintenance, worked on, or has yet to show
/// that it works again.
package struct DrainProgress: Hashable, Sendable {
    /// How far it is.
    package enum Phase: String, Hashable, Sendable, CaseIterable {
        /// Something is left there.
        case draining
        /// Programs have sessions there after the deadline.
        case overdue
        /// Nothing is left: work on it may begin.
        case empty
        /// Its maintenance is over; its self-test has not passed since.
        case returning
    }

    package var server: GPUServerID
    package var phase: Phase
    /// Sessions that programs have: they stay until their programs end them.
    package var attached: Int
    /// Sessions that are prepared there and not yet elsewhere, or are on their way back.
    package var prepared: Int
    package var deadline: WallTime?
    package var atDeadline: MaintenanceWindow.AtDeadline
    /// What the server says of what it cannot use, while it is returning; empty for nothing.
    package var reason: String

    package init(
        server: GPUServerID, phase: Phase, attached: Int, prepared: Int, deadline: WallTime? = nil,
        atDeadline: MaintenanceWindow.AtDeadline = .wait, reason: String = ""
    ) {
        self.server = server
        self.phase = phase
        self.attached = attached
        self.prepared = prepared
        self.deadline = deadline
        self.atDeadline = atDeadline
        self.reason = reason
    }

    /// Whether nothing is left there.
    package var isDone: Bool { attached == 0 && prepared == 0 }
}
