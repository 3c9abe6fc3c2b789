import AllocationCore
import FleetModel
import ForecastCore
import SessionCore
import TelemetryCore

/// What the manager keeps about each member of the fleet.
extension ManagerMachine {
    /// Who is at the other end of a link.
    enum Peer: Hashable {
        case agent(AgentID)
        case server(GPUServerID)
    }

    struct AgentRecord {
        /// Nil while the agent is not connected.
        var link: LinkID?
        /// The newest link on which it has introduced itself.
        var newestLink: LinkID
        var lastContact: MonotonicTime
        var installed: [InterfaceVersion]
        /// What it has introduced and that is not forgotten yet, whichever link it was on.
        var instances: Set<InstanceID> = []
        /// When it was asked to install a version that it lacked.
        var asked: [InterfaceVersion: MonotonicTime] = [:]
        /// Which version it was told that an instance uses.
        var assigned: [InstanceID: InterfaceVersion] = [:]
        var platform = HostPlatform()
        /// Versions that it could not use, or may not any longer.
        var unavailable: [InterfaceVersion: Unavailability] = [:]
        /// The last report of this link, so that a repeat is not taken in twice.
        var lastReport: UInt64 = 0
        /// Reports in a row that told of instances which are not known.
        var reportsOutOfStep = 0
    }

    struct ServerRecord {
        var link: LinkID?
        /// The newest link on which it has introduced itself.
        var newestLink: LinkID
        var lastContact: MonotonicTime
        var devices: [DeviceDescription]
        var host = GPUServerHost()
        /// What its sessions take of its host's processors.
        var processorNeed = ProcessorNeed()
        var installed: [InterfaceVersion]
        /// When it was asked to install a version that it lacked.
        var asked: [InterfaceVersion: MonotonicTime] = [:]
        var platform = HostPlatform()
        /// Where it serves what it has installed; empty for nowhere.
        var bundleSource = ""
        /// Versions that it could not use, or may not any longer.
        var unavailable: [InterfaceVersion: Unavailability] = [:]
        /// What it had before work on it, and has yet to show that it still has: there may be clients of each.
        var verifiesAgain: [InterfaceVersion] = []
        /// Since when its self-test is awaited after work on it; nil where none is.
        var testsSince: MonotonicTime?
        /// Small commands a second, as its last self-test of a version measured them.
        var rates: [InterfaceVersion: Double] = [:]
        var lastHeartbeat: UInt64 = 0
        /// What the last heartbeat said of each device's use, for people.
        var used: [Slice]
        /// The newest epoch under which each device has put a command in force for this manager.
        var obeyed: [Epoch]
        /// What it holds and no record of this manager accounts for.
        var strangers: [GrantID: Stranger] = [:]
    }

    struct InstanceRecord {
        var description: InstanceDescription
        var priority: PriorityClass
        /// What operators have ordered of it, as of now.
        var order = InstanceOrder.none
        var agent: AgentID
        var slot: ForecastSlot
        var intake = TelemetryIntake()
        var isObserved = false
        /// Whether its agent is not connected: nothing can be handed to it.
        var isAgentAway = false
        var hasUsedGPU = false
        /// Its grants, ascending. Of those that are neither attached nor being released one is kept, and another for
        /// the loss of its GPU server where its class says so.
        var grants: [GrantID] = []
        /// When its last session ended: what is forecast from telemetry of before is about that session.
        var sessionEnded: MonotonicTime?
        /// When a GPU server was lost on which a program of it had a session: another is wanted at once.
        var lostSession: MonotonicTime?
        var shortfall: Contention?
        /// Sessions that could not be opened, in a row, and until when no further one is tried.
        var failures = 0
        var pausedUntil: MonotonicTime?
        /// What its sessions have used of their interfaces that not every version can do, of what is published.
        var needs: Set<String> = []
        /// The client library that the program had loaded which asked last; nil for one that takes any.
        var library: SemanticVersion?
        /// Whether its agent said that it is gone; it is forgotten with its last grant.
        var isGone = false
    }

    struct GrantRecord {
        /// What the pool counts for a grant.
        enum Charge: Equatable {
            case none
            case warm
            case slice(Slice)
            /// The slice until its GPU server has given it back, and the warm session that it becomes.
            case lowering(Slice)

            /// What of a device is set aside.
            var slice: Slice {
                switch self {
                case .none, .warm: .zero
                case .slice(let slice), .lowering(let slice): slice
                }
            }
        }

        var stored: StoredGrant
        /// Its instance's; nil while that is not known, after a restart.
        var place: Int?
        var lifecycle: GrantLifecycle
        var charge: Charge
        /// When it was last wanted or used: the grace period runs from here.
        var unusedSince: MonotonicTime
        /// When it was decided, until its session is open for the first time.
        var begun: MonotonicTime?
        /// The program's request that it is for, when it was not foreseen, and how many virtual GPUs the program asked for.
        var request: RequestID?
        var together = 1
        /// Since when that program waits.
        var askedSince = MonotonicTime.zero
        /// The client's version of its session, and the library that it was chosen for; nil for what an earlier manager began.
        var client: InterfaceVersion?
        var library: SemanticVersion?
        /// Answers to older commands and notifications are ignored.
        var commanded: (epoch: Epoch, goal: GrantCommand.Goal)?
        var notified: (epoch: Epoch, level: Readiness)?
        /// The step that its GPU server was told to take, from which level, and when it was first told.
        var began: (goal: GrantCommand.Goal, from: Readiness, at: MonotonicTime)?
        /// Heartbeats in a row that did not list it though the server had said that it holds it.
        var missing = 0
        /// Since when a program holds it, as far as is known.
        var attachedSince: MonotonicTime?
        /// When it will be taken from its program, and for whom.
        var noticed: Notice?
        var usedMemory = Bytes.zero
        var activity = SessionActivity()

        init(
            stored: StoredGrant, place: Int? = nil, lifecycle: GrantLifecycle, charge: Charge,
            unusedSince: MonotonicTime
        ) {
            self.stored = stored
            self.place = place
            self.lifecycle = lifecycle
            self.charge = charge
            self.unusedSince = unusedSince
        }
    }

    /// A request for which there is no slice yet.
    struct WaitingRequest: Hashable {
        var request: RequestID
        var agent: AgentID
        var instance: InstanceID
        /// How many requests of this number there are, this one among them: the program gets all or none.
        var together = 1
        var since: MonotonicTime
        /// Whether it was recorded that it cannot be served at once.
        var isRecorded = false
        /// The memory that it lacked when it was last looked at.
        var needed = Bytes.zero
        /// When others' reservations were last moved for it.
        var movedAt: MonotonicTime?
    }

    /// What the store does not yet have as it is.
    struct UnwrittenGrants {
        var upserts: Set<GrantID> = []
        var removals: Set<GrantID> = []
        /// Whether the classes, rules and quotas were changed.
        var rules = false
        /// Whether orders were.
        var orders = false
        var rollouts = RolloutWrite()
        var isEmpty: Bool { upserts.isEmpty && removals.isEmpty && !rules && !orders && rollouts.isEmpty }
    }

    func record(of instance: InstanceID) -> InstanceRecord? {
        // Without a closure, for which the machine would be copied.
        guard let place = instanceIndex[instance] else { return nil }
        return instances[place]
    }

    mutating func update(_ instance: InstanceID, _ change: (inout InstanceRecord) -> Void) {
        guard let index = instanceIndex[instance] else { return }
        instances.change(index, change)
    }

    mutating func nextEpoch() -> Epoch {
        epoch = epoch.next
        return epoch
    }

    func agentLink(_ agent: AgentID) -> LinkID? { agents[agent]?.link }

    func serverLink(_ server: GPUServerID) -> LinkID? { servers[server]?.link }

    func event(
        _ kind: FleetEvent.Kind, at now: MonotonicTime, _ grant: GrantRecord, _ detail: String
    ) -> ManagerEffect {
        .record(
            FleetEvent(
                at: now, kind: kind, instance: grant.stored.instance.id, grant: grant.stored.grant,
                device: grant.stored.device, detail: detail))
    }
}
