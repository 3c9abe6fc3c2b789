/// What the faulty world does to its peers.
package enum FaultKind: Int, CaseIterable, Sendable {
    /// A message was lost; on a stream that means the link, and nothing sent later on it arrives.
    case messageDropped
    case messageDelayed
    case messageDuplicated
    /// A message was overtaken by later ones.
    case messageReordered
    /// A peer did nothing for a while, then did all at once.
    case peerPaused
    /// A peer's clock runs faster or slower than the others'.
    case clockSkewed
    case managerCrashed
    /// A second manager started while the first still ran and talked.
    case managerReplaced
    case agentCrashed
    /// A GPU server crashed, and some of its workers with it.
    case serverCrashed
    /// A GPU server's host went down with all its workers, and stayed away.
    case serverLost
    case workerCrashed
    case workerNotStarted
    case sessionNotOpened
    case installationFailed
    case commitDelayed
    /// Whether the commit took effect, its writer was not told.
    case commitReplyLost
    /// A commit, or a durable epoch, was under way when its writer crashed.
    case writeCutOff
    /// An instance went away with its programs, and came back.
    case instanceRestarted
    /// An operator drained a GPU server, and took it back later.
    case serverDrained
    /// An operator started, paused, resumed or aborted a rollout.
    case rolloutOrdered
    /// A version was revoked.
    case versionRevoked

    /// The name that a report prints.
    package var label: String {
        switch self {
        case .messageDropped: "messages-dropped"
        case .messageDelayed: "messages-delayed"
        case .messageDuplicated: "messages-duplicated"
        case .messageReordered: "messages-reordered"
        case .peerPaused: "peers-paused"
        case .clockSkewed: "clocks-skewed"
        case .managerCrashed: "managers-crashed"
        case .managerReplaced: "managers-replaced"
        case .agentCrashed: "agents-crashed"
        case .serverCrashed: "servers-crashed"
        case .serverLost: "servers-lost"
        case .workerCrashed: "workers-crashed"
        case .workerNotStarted: "workers-not-started"
        case .sessionNotOpened: "sessions-not-opened"
        case .installationFailed: "installations-failed"
        case .commitDelayed: "commits-delayed"
        case .commitReplyLost: "commit-replies-lost"
        case .writeCutOff: "writes-cut-off"
        case .instanceRestarted: "instances-restarted"
        case .serverDrained: "servers-drained"
        case .rolloutOrdered: "rollouts-ordered"
        case .versionRevoked: "versions-revoked"
        }
    }
}

/// How many faults of each kind were injected.
package struct FaultCounts: Hashable, Sendable {
    private var counts = [UInt64](repeating: 0, count: FaultKind.allCases.count)

    package init() {}

    package subscript(kind: FaultKind) -> UInt64 {
        get { counts[kind.rawValue] }
        set { counts[kind.rawValue] = newValue }
    }

    package var total: UInt64 { counts.reduce(0, +) }

    package static func += (left: inout Self, right: Self) {
        for kind in FaultKind.allCases { left[kind] += right[kind] }
    }
}
