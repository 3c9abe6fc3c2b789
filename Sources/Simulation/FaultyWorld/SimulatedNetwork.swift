import FleetModel

/// A process of the faulty world. Managers are numbered by life, since two may run at once.
enum PeerID: Hashable, Sendable {
    case manager(Int)
    case agent(Int)
    case server(Int)
}

/// What crosses a link.
enum Payload: Sendable {
    case agentToManager(AgentMessage)
    case managerToAgent(ManagerToAgentMessage)
    case serverToManager(GPUServerMessage)
    case managerToServer(ManagerToGPUServerMessage)

    var isForManager: Bool {
        switch self {
        case .agentToManager, .serverToManager: true
        case .managerToAgent, .managerToServer: false
        }
    }

    /// Whether the message relies on the order of its stream. The others carry a sequence number or an epoch: they bear
    /// being repeated and overtaken, which no stream does.
    var needsOrder: Bool {
        switch self {
        case .agentToManager(.hello), .agentToManager(.instanceChanged), .serverToManager(.hello): true
        case .agentToManager(.gpuRequested), .agentToManager(.gpuRequestCancelled): true
        default: false
        }
    }
}

/// One stream between a manager and a peer, as it is on the wire: each end learns of its end in its own time.
struct SimulatedLink: Sendable {
    let manager: Int
    let peer: PeerID
    var isOpen = true
    /// Whether the manager has been told that the link is closed: from then on it hears nothing of it.
    var isClosedAtManager = false
    /// No message that was sent in order arrives before this.
    var arrivalAtManager = MonotonicTime.zero
    var arrivalAtPeer = MonotonicTime.zero

    init(manager: Int, peer: PeerID) {
        self.manager = manager
        self.peer = peer
    }
}
