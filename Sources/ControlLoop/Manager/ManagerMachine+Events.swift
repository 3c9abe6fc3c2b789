package import FleetModel
package import InterfaceCore

/// One stream between the manager and a peer. A peer that reconnects has a new link; what still arrives on its old
/// one is ignored.
package struct LinkID: RawRepresentable, Hashable, Comparable, Sendable {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }
    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// What can happen to a manager.
package enum ManagerEvent: Sendable {
    /// A period is over: begin the manager's step.
    case stepDue
    /// The answer to ``ManagerEffect/continueStep``: other events have had their turn.
    case stepSliceDue
    case agentMessageReceived(AgentMessage, LinkID)
    case serverMessageReceived(GPUServerMessage, LinkID)
    case linkClosed(LinkID)
    /// The answer to ``ManagerEffect/persist(_:)``, which is never given twice before it.
    case storeAnswered(CommitOutcome)
    /// The store was read again after ``CommitOutcome/unknown(_:)``; the answer to ``ManagerEffect/reloadStore``.
    case storeReloaded(StoredFleet)
    /// The trusted repository publishes these versions, newest last, and no others any longer; `source` is the base URL of
    /// the HTTP side that serves it.
    case interfacesPublished([InterfaceOffer], source: String)
}

/// What a manager wants done. Effects are carried out in order.
package enum ManagerEffect: Hashable, Sendable {
    /// Commit, and answer with ``ManagerEvent/storeAnswered(_:)``. At most one is under way.
    case persist(StoreTransaction)
    /// Read the store and answer with ``ManagerEvent/storeReloaded(_:)``.
    case reloadStore
    case sendToAgent(ManagerToAgentMessage, LinkID)
    case sendToServer(ManagerToGPUServerMessage, LinkID)
    /// End a stream, telling the peer why.
    case closeLink(LinkID, reason: String)
    /// The step is not finished: send ``ManagerEvent/stepSliceDue`` after what is waiting.
    case continueStep
    case record(FleetEvent)
    /// Keep ``ManagerMachine/forecastSnapshot()`` where the next start finds it. Nothing waits for that, and it may fail.
    case keepSnapshot
    /// Another manager has taken over: stop serving and exit.
    case resign(String, seen: UInt64)
}
