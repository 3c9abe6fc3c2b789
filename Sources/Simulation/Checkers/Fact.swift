package import FleetModel

/// Something that really happened in the faulty world, whatever its processes believe. Checkers see nothing else.
enum Fact: Sendable {
    /// The store is now this.
    case stored(StoredFleet)
    /// The repository publishes these and no others.
    case published([InterfaceVersion])
    case managerCommanded(GrantCommand)
    case managerNotified(AllocationNotification)
    /// The manager told an agent that the session which a program of it has will be taken.
    case managerNoticed(PreemptionNotice)
    /// A GPU server starts, with these workers adopted.
    case serverStarted(GPUServerID, adopted: [GrantID])
    /// A GPU server told a manager all that it holds.
    case serverIntroduced(GPUServerHello)
    /// A GPU server is about to take in a command.
    case commandReceived(GrantCommand)
    /// A GPU server said what became of a command.
    case commandAnswered(GPUServerID, GrantCommandAnswer)
    /// A GPU server is about to take in a renewal that came over its link.
    case renewed(GPUServerID, [GrantID], timeToLive: Duration)
    /// On a GPU server's disk: no epoch of the device before this one is obeyed.
    case epochDurable(DeviceID, Epoch)
    /// A GPU server starts a worker.
    case workerOrdered(GrantCommand)
    /// A worker's process enforces this slice, as long as it lives.
    case limitInForce(worker: Int, GrantID, DeviceID, Slice)
    /// A worker's process is gone.
    case workerGone(worker: Int, GrantID)
    /// A GPU server ends a worker. `inUse`: it has been told that a program is attached, and the program is.
    case workerStopped(GPUServerID, GrantID, inUse: Bool)
    /// A GPU server knows that a program is attached.
    case attachKnown(GrantID)
    /// The end of a GPU server's period: what is over should be ending. `now` is its own clock's.
    case serverPeriodEnded(GPUServerID)
    /// A connection was accepted by a worker.
    case sessionOpened(GrantID, SessionTicket, client: InterfaceVersion?, worker: InterfaceVersion?)
    /// An agent gave a session to a program that asked for so many virtual GPUs of its instance, and gives it `remaining`
    /// more at once. `limit` is what its worker enforces; nil when the agent has no such connection.
    case handedOver(GrantID, RequestID, program: InstanceID, gpus: Int, remaining: Int, limit: Slice?)
    /// A manager's own watch says that a rule was broken.
    case alarmRaised(SafetyRule)
    /// When everything is at rest, what the manager's audit says of GPU servers against grants.
    case audited(FleetAudit)
    /// A probe was not served in time, or something was left when all should be free.
    case stuck(String)
}

/// Which rule was broken, how, and when in the world's time.
package struct Violation: Hashable, Sendable {
    package enum Rule: String, Hashable, Sendable, CaseIterable {
        /// A slice granted to two holders.
        case twoHolders = "two-holders"
        /// A ticket that opens more, or other, than one session.
        case ticket
        /// A GPU server acted on an older epoch than it has seen.
        case epoch
        /// Workers may use more than a device's memory.
        case memory
        /// More is durably granted than a device's memory.
        case promise
        /// A session whose two ends do not run a shared version.
        case version
        /// A version that goes to whom its rollout has not come, or to too many at once.
        case rollout
        /// A reservation that outlives its lease.
        case lease
        /// A grant told before it was durable.
        case durability
        /// A program's session ended under it.
        case attachment
        /// A session handed over that is not ready.
        case readiness
        /// A program that got some of the virtual GPUs that it asked for, and not all, or two on one device.
        case set
        /// A manager's watch saw a rule broken that no checker did.
        case watch
        /// What GPU servers hold is not what is granted, when everything is at rest.
        case audit
        /// Something that stays unusable, or is never free again.
        case liveness
    }
    package var rule: Rule
    package var detail: String
    package var at: MonotonicTime
}

/// A rule that must hold after every step. Each checker keeps what it needs to know, and nothing of a machine's state.
protocol Checker: Sendable {
    /// Takes in one fact. `now` is the world's time, `local` that of the process that the fact is about.
    /// - Returns: what is wrong, or nil.
    mutating func observe(_ fact: Fact, now: MonotonicTime, local: MonotonicTime) -> (Violation.Rule, String)?
}
