/// The revision of the control protocol that this build speaks. A peer of another revision is refused, naming both.
package let controlProtocolRevision: UInt32 = 1

/// What an agent tells the manager. One stream per agent; the first message is ``hello(_:)``.
package enum AgentMessage: Hashable, Sendable {
    case hello(AgentHello)
    /// Telemetry since the last report, and what is ready; once a period.
    case report(PredictionReport)
    /// The agent's sign that it lives; renews the leases of what it holds; once a period.
    case heartbeat(AgentHeartbeat)
    /// An instance appeared, changed its description, or (with `false`) went away.
    case instanceChanged(InstanceDescription, present: Bool)
    /// A program asked for its virtual GPU.
    case gpuRequested(GPURequest)
    /// The program that asked is gone.
    case gpuRequestCancelled(RequestID)
    /// The answer to an ``AllocationNotification`` or an ``AllocationWithdrawal``. Repeats are harmless.
    case acknowledged(NotificationAcknowledgement)
    /// A bundle is verified and active on this host.
    case interfaceInstalled(InterfaceVersion)
    /// A version cannot be used on this host, or no longer: it could not be fetched or verified, was revoked, or made
    /// room for others. Says why, in at most 512 bytes.
    case interfaceUnavailable(InterfaceVersion, reason: String)
}

/// An agent's introduction.
package struct AgentHello: Hashable, Sendable {
    package var agent: AgentID
    package var softwareVersion: String
    package var protocolRevision: UInt32
    package var instances: [InstanceDescription]
    package var installed: [InterfaceVersion]
    /// What the agent still holds from before a reconnect.
    package var held: [HeldSession]
    package var platform: HostPlatform

    package init(
        agent: AgentID, softwareVersion: String, protocolRevision: UInt32 = controlProtocolRevision,
        instances: [InstanceDescription] = [], installed: [InterfaceVersion] = [], held: [HeldSession] = [],
        platform: HostPlatform = HostPlatform()
    ) {
        self.agent = agent
        self.softwareVersion = softwareVersion
        self.protocolRevision = protocolRevision
        self.instances = instances
        self.installed = installed
        self.held = held
        self.platform = platform
    }
}

/// One session as its agent sees it.
package struct HeldSession: Hashable, Sendable {
    package enum State: UInt8, Hashable, Sendable {
        /// The connection is being opened.
        case opening
        /// Open, handshake done, held by the agent.
        case held
        /// Handed over to a program that has not left.
        case handedOver
    }
    package var grant: GrantID
    package var epoch: Epoch
    package var state: State

    package init(grant: GrantID, epoch: Epoch, state: State) {
        self.grant = grant
        self.epoch = epoch
        self.state = state
    }
}

/// What an agent sends every period.
package struct PredictionReport: Hashable, Sendable {
    /// Grows by one with each report of a connection; a repeat is recognised by it.
    package var sequence: UInt64
    /// The agent's monotonic clock at sending: with it the manager turns sample times into ages.
    package var sentAt: MonotonicTime
    package var telemetry: [InstanceTelemetry]
    /// That of the same period; nil where it is a message of its own.
    package var heartbeat: AgentHeartbeat?

    package init(
        sequence: UInt64, sentAt: MonotonicTime, telemetry: [InstanceTelemetry], heartbeat: AgentHeartbeat? = nil
    ) {
        self.sequence = sequence
        self.sentAt = sentAt
        self.telemetry = telemetry
        self.heartbeat = heartbeat
    }
}

/// What an agent holds, and so what it renews.
package struct AgentHeartbeat: Hashable, Sendable {
    package var sequence: UInt64
    package var held: [HeldSession]

    package init(sequence: UInt64, held: [HeldSession]) {
        self.sequence = sequence
        self.held = held
    }
}

/// A program's request for its instance's virtual GPU.
package struct GPURequest: Hashable, Sendable {
    package var request: RequestID
    package var instance: InstanceID
    /// The version of the client library that the program has loaded: only a session of a client of that version is of use to
    /// it. Nil for one that takes any.
    package var library: SemanticVersion?
    /// How many requests of this number there are, each for another member of a set: the program gets all or none.
    package var together: Int

    package init(request: RequestID, instance: InstanceID, library: SemanticVersion? = nil, together: Int = 1) {
        self.together = together
        self.request = request
        self.instance = instance
        self.library = library
    }
}

/// What became of a notification.
package struct NotificationAcknowledgement: Hashable, Sendable {
    package enum Outcome: Hashable, Sendable {
        /// The session is open and held ready.
        case ready
        /// The session was handed to a program; `request` where it was waiting for it.
        case handedOver(RequestID?)
        /// The session could not be opened.
        case failed(String)
        /// Closed as withdrawn, or never held; nothing of the grant remains on this host.
        case released
        /// The program that held the session is gone.
        case ended
    }
    package var grant: GrantID
    package var epoch: Epoch
    package var outcome: Outcome

    package init(grant: GrantID, epoch: Epoch, outcome: Outcome) {
        self.grant = grant
        self.epoch = epoch
        self.outcome = outcome
    }
}

/// What the manager tells an agent.
package enum ManagerToAgentMessage: Hashable, Sendable {
    case welcome(ManagerWelcome)
    case allocation(AllocationNotification)
    case withdrawal(AllocationWithdrawal)
    /// A request that cannot be served.
    case requestRefused(RequestID, reason: String)
    /// The answer to a heartbeat: what the agent holds is renewed for one time to live.
    case heartbeatAcknowledged(sequence: UInt64)
    /// A session that a program holds will be ended.
    case notice(PreemptionNotice)
    /// A bundle to be installed ahead of need.
    case prepareInterface(InterfaceVersion, from: InterfaceSources)
    /// The version, which the agent has, is that of the library that programs of these instances are to load.
    case useInterface(InterfaceVersion, for: [InstanceID])
}

/// The manager's answer to a hello.
package struct ManagerWelcome: Hashable, Sendable {
    package var term: UInt64
    /// How often reports and heartbeats are expected.
    package var period: Duration
    package var softwareVersion: String
    /// Whether an agent may send its heartbeat with its report: half as many messages.
    package var takesHeartbeatsInReports: Bool

    package init(
        term: UInt64, period: Duration, softwareVersion: String, takesHeartbeatsInReports: Bool = false
    ) {
        self.term = term
        self.period = period
        self.softwareVersion = softwareVersion
        self.takesHeartbeatsInReports = takesHeartbeatsInReports
    }
}

/// The mission's notification: an instance has a slice, and how its agent opens the session. Repeated, under the same
/// or a newer epoch, until acknowledged; a repeat changes nothing.
package struct AllocationNotification: Hashable, Sendable {
    package var grant: GrantID
    package var instance: InstanceID
    /// ``Readiness/warm`` (a session with no memory yet) or ``Readiness/reserved``.
    package var level: Readiness
    package var slice: Slice
    package var endpoint: SessionEndpoint
    package var version: InterfaceVersion
    package var ticket: SessionTicket
    package var epoch: Epoch
    /// How long the grant stands from receipt unless renewed.
    package var timeToLive: Duration
    /// The request that this answers, if it was not foreseen.
    package var request: RequestID?

    package init(
        grant: GrantID, instance: InstanceID, level: Readiness, slice: Slice, endpoint: SessionEndpoint,
        version: InterfaceVersion, ticket: SessionTicket, epoch: Epoch, timeToLive: Duration,
        request: RequestID? = nil
    ) {
        self.grant = grant
        self.instance = instance
        self.level = level
        self.slice = slice
        self.endpoint = endpoint
        self.version = version
        self.ticket = ticket
        self.epoch = epoch
        self.timeToLive = timeToLive
        self.request = request
    }
}

/// A grant ends. A session that was handed over is not touched by its agent: the GPU server ends it.
package struct AllocationWithdrawal: Hashable, Sendable {
    package var grant: GrantID
    package var epoch: Epoch
    package var reason: ReclaimReason

    package init(grant: GrantID, epoch: Epoch, reason: ReclaimReason) {
        self.grant = grant
        self.epoch = epoch
        self.reason = reason
    }
}

/// What the manager tells of a session that a program holds and that will be taken for another.
package struct PreemptionNotice: Hashable, Sendable {
    package var grant: GrantID
    package var instance: InstanceID
    /// How long from receipt.
    package var endsIn: Duration
    package var reason: String

    package init(grant: GrantID, instance: InstanceID, endsIn: Duration, reason: String) {
        self.grant = grant
        self.instance = instance
        self.endsIn = endsIn
        self.reason = reason
    }
}

/// Why a grant was taken back or ended.
package enum ReclaimReason: String, Hashable, Sendable, Codable, CaseIterable {
    /// Demand did not come within the grace period.
    case graceEnded = "grace-ended"
    /// Taken, unused, for another that needs it more.
    case preempted
    /// The agent or the instance fell silent, and the lease ran out.
    case leaseExpired = "lease-expired"
    /// The program ended its session.
    case sessionEnded = "session-ended"
    /// The instance went away.
    case instanceGone = "instance-gone"
    /// The GPU server or the worker failed.
    case serverFailed = "server-failed"
    /// The session could not be opened.
    case openFailed = "open-failed"
    /// The manager does not know the grant, or knows it differently.
    case unaccounted
    /// Its GPU server is being drained for maintenance.
    case serverDrained = "server-drained"
    /// An operator has ordered it elsewhere.
    case ordered
    /// Taken from a program, after its notice, for one of a higher class.
    case taken

    /// Whether the session is over at its GPU server, so that nothing of it is left to protect.
    package var isEndOfSession: Bool {
        switch self {
        case .sessionEnded, .serverFailed, .unaccounted, .taken: true
        default: false
        }
    }
}
