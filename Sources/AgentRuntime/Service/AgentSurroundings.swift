import ControlLoop
import FleetModel

/// What the agent's loop asks of the rest of the daemon. Called on the loop's thread, many times a second: no call may
/// wait.
protocol AgentSurroundings: Sendable {
    /// Sends on the open stream to the manager; drops the message when there is none.
    func send(_ message: AgentMessage)
    /// Fetches, verifies and activates a bundle, and answers with ``AgentLoopMessage/event(_:)``.
    func installInterface(_ version: InterfaceVersion, from sources: InterfaceSources)
    /// The versions of the sessions that there are, once a period.
    func use(_ versions: Set<InterfaceVersion>)
    /// Finds a name's address, and answers with ``AgentLoopMessage/resolved(_:_:)``.
    func resolve(_ endpoint: SessionEndpoint, for grant: GrantID)
    /// The revisions of the session protocol that an installed bundle speaks; nil where that is not known.
    func wireRevisions(_ version: InterfaceVersion) -> ClosedRange<UInt32>?
    /// The path of a version's client library; of the version in force for nil. Nil while there is none.
    func clientLibrary(of version: InterfaceVersion?) -> String?
    /// Whether programs may get libraries of more than one version.
    var hasSeveralVersions: Bool { get }
    func record(_ event: FleetEvent)
}

/// What reaches the agent's loop from other threads.
enum AgentLoopMessage: Sendable {
    case event(AgentEvent)
    /// A period is over; these are its samples.
    case sampled([InstanceTelemetry])
    case recognized(RecognizedApplication)
    /// The answer to ``AgentSurroundings/resolve(_:for:)``; nil where the name has no address.
    case resolved(GrantID, SocketAddress?)
    case stop
}
