package import FleetModel
import SessionCore

/// What an agent is told at its start.
package struct AgentMachineConfiguration: Sendable {
    package var agent: AgentID
    package var softwareVersion: String
    /// How long a program's request waits for an answer before it is refused.
    package var requestPatience: Duration
    /// The most programs that may wait at once.
    package var maximumWaiting: Int
    /// What the agent's host can load.
    package var platform: HostPlatform
    package var bugs: Set<SeededBug>

    package init(
        agent: AgentID, softwareVersion: String, requestPatience: Duration = .seconds(30),
        maximumWaiting: Int = 1_024, platform: HostPlatform = HostPlatform(), bugs: Set<SeededBug> = []
    ) {
        self.agent = agent
        self.softwareVersion = softwareVersion
        self.requestPatience = requestPatience
        self.maximumWaiting = maximumWaiting
        self.platform = platform
        self.bugs = bugs
    }
}

/// The agent: it reports what its instances do, opens the sessions that the manager prepares, and hands each to the
/// first program of its instance that asks.
///
/// A session's states: opening (connecting to the worker) → held (open, the agent's) → handed over (the program's, until
/// it leaves). Only a session at ``Readiness/reserved`` is handed over; a request that finds less waits while the manager
/// is asked. What is held lapses one time to live after the last sign that the manager is known to have of the agent; what
/// is handed over does not.
///
/// A session is handed only to a program whose client library is of the session's version; one with another is refused,
/// both versions named, and the session stays.
///
/// Expected races, dropped in silence: an answer about a session that is gone; a notification older than the newest
/// for its grant.
package struct AgentMachine: Sendable {
    let configuration: AgentMachineConfiguration
    package internal(set) var instances: [InstanceID: InstanceDescription] = [:]
    /// The members of the sets of instances with several virtual GPUs, by the first, in the GPUs' order.
    var sets: [InstanceID: [InstanceID]] = [:]
    var sessions: [GrantID: HeldByAgent] = [:]
    var waiting: [RequestID: WaitingProgram] = [:]
    var installed: [InterfaceVersion]
    /// Nil while there is no link to the manager.
    var contact: ManagerContact?
    var reports: UInt64 = 0
    /// Samples since the last report; bounded by ``InstanceTelemetry/maximumSamples`` for each instance.
    var unsent: [InstanceID: InstanceTelemetry] = [:]

    package init(configuration: AgentMachineConfiguration, installed: [InterfaceVersion] = []) {
        self.configuration = configuration
        self.installed = installed
    }

    /// One session as the agent keeps it.
    struct HeldByAgent: Sendable {
        enum State: Hashable, Sendable {
            case opening
            case held
            case handedOver(RequestID)
        }
        /// The newest notification for the grant.
        var notification: AllocationNotification
        var state: State
        var lease: Lease
    }

    /// A program that waits for its virtual GPU.
    struct WaitingProgram: Sendable {
        /// Whose sessions it gets, all or none: one instance, or several members of a set.
        var instances: [InstanceID]
        var library: ClientLibrary?
        /// What the request found when it came.
        var found: Readiness
        var patience: Lease

        var asksForSeveral: Bool { instances.count > 1 }
    }

    var isLinked: Bool { contact != nil }

    /// Takes in one event.
    /// - Returns: what is to be done, in order. O(sessions + waiting programs) at most.
    package mutating func handle(_ event: AgentEvent, now: MonotonicTime) -> [AgentEffect] {
        switch event {
        case .periodEnded: periodEnded(now)
        case .samplesTaken(let telemetry): samplesTaken(telemetry)
        case .linkOpened: linkOpened(now)
        case .linkClosed: linkClosed()
        case .managerMessageReceived(let message): received(message, now: now)
        case .instanceAppeared(let description, let gpus): instanceAppeared(description, gpus: gpus)
        case .instanceGone(let instance): instanceGone(instance)
        case .programAsked(let request, let instance, let library, let gpus):
            programAsked(request, instance, library, gpus: gpus, now: now)
        case .programLeft(let request): programLeft(request)
        case .sessionOpened(let grant): sessionOpened(grant, now: now)
        case .sessionFailed(let grant, let reason): sessionFailed(grant, reason, now: now)
        case .sessionLost(let grant): sessionFailed(grant, "the worker closed the session", now: now)
        case .interfaceInstalled(let version): interfaceInstalled(version, now: now)
        case .interfaceFailed(let version, let reason): interfaceFailed(version, reason, now: now)
        }
    }

    /// What the agent holds, ascending by grant.
    package func holdings() -> [HeldSession] {
        sessions.keys.sorted().compactMap { grant in
            sessions[grant].map { session in
                let state: HeldSession.State =
                    switch session.state {
                    case .opening: .opening
                    case .held: .held
                    case .handedOver: .handedOver
                    }
                return HeldSession(grant: grant, epoch: session.notification.epoch, state: state)
            }
        }
    }

    /// The versions of the sessions that there are: what they need must stay on the disk.
    package var versionsInUse: Set<InterfaceVersion> { Set(sessions.values.map(\.notification.version)) }

    /// The readiness that a request of `instance` would find now.
    package func readiness(of instance: InstanceID) -> Readiness {
        let held = sessions.values.lazy.filter { $0.notification.instance == instance && $0.state == .held }
        return held.map(\.notification.level).max() ?? (installed.isEmpty ? .cold : .staged)
    }
}
