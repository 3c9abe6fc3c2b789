package import FleetModel

/// What can happen to an agent.
package enum AgentEvent: Sendable {
    /// A period is over: report, send a heartbeat, end what has lapsed.
    case periodEnded
    /// What was measured since the last call.
    case samplesTaken([InstanceTelemetry])
    /// The stream to the manager is open; the first message on it is the agent's hello.
    case linkOpened
    case linkClosed
    case managerMessageReceived(ManagerToAgentMessage)
    /// With so many virtual GPUs; nil for as many as before, and one of an instance that is new.
    case instanceAppeared(InstanceDescription, gpus: Int? = nil)
    case instanceGone(InstanceID)
    /// A program of the instance asked through `library`, nil for one that takes any version, for these of the instance's
    /// virtual GPUs: it gets all of them or none.
    case programAsked(RequestID, InstanceID, library: ClientLibrary? = nil, gpus: Range<Int> = 0..<1)
    /// The program's connection to the agent closed, whatever it had got.
    case programLeft(RequestID)
    /// The answers to ``AgentEffect/openSession(_:)``.
    case sessionOpened(GrantID)
    case sessionFailed(GrantID, String)
    /// A held connection was closed by the worker.
    case sessionLost(GrantID)
    case interfaceInstalled(InterfaceVersion)
    /// A version could not be made ready, or may not be used here any longer: why.
    case interfaceFailed(InterfaceVersion, String)
}

/// What an agent wants done. Effects are carried out in order.
package enum AgentEffect: Hashable, Sendable {
    /// Send on the open stream; dropped by the shell when there is none.
    case send(AgentMessage)
    /// Connect, authenticate with the ticket, handshake; answer with ``AgentEvent/sessionOpened(_:)`` or
    /// ``AgentEvent/sessionFailed(_:_:)``.
    case openSession(AllocationNotification)
    /// Close a held connection, or give up opening it.
    case closeSession(GrantID)
    /// Give the held connection to the program. `found` is what the program's request found when it came. For one that asked
    /// for several virtual GPUs as many of these come one after the other, in the GPUs' order, `remaining` after this one.
    case handOver(GrantID, RequestID, found: Readiness, remaining: Int = 0)
    case refuse(RequestID, reason: String)
    /// Say that the session which the program of this request holds will be taken.
    case warn(RequestID, endsIn: Duration, reason: String)
    /// Fetch, verify and activate; answer with ``AgentEvent/interfaceInstalled(_:)`` or
    /// ``AgentEvent/interfaceFailed(_:_:)``.
    case installInterface(InterfaceVersion, from: InterfaceSources)
    /// Programs of this instance that come are to load the version's library.
    case useInterface(InterfaceVersion, InstanceID)
    case record(FleetEvent)
}

/// The library through which a program asks, in its own words: the interface's kind, and the library's semantic version.
package struct ClientLibrary: Hashable, Sendable, CustomStringConvertible {
    package var kind: String
    package var version: String

    package init(kind: String, version: String) {
        self.kind = kind
        self.version = version
    }

    package var description: String { "\(kind) \(version)" }

    func isOf(_ interface: InterfaceVersion) -> Bool {
        kind == interface.kind && version == interface.version.description
    }
}
