import ControlLoop
import FleetModel

/// What happens next in the faulty world. What is meant for a process carries the life that it is meant for.
enum WorldEvent: Sendable {
    // The manager
    case managerPeriod(Int)
    case managerSlice(Int)
    case commitReaches(Int, StoreTransaction)
    case managerHears(Int, ManagerEvent)
    case managerStarts
    case managerCrashes(Int)

    // Agents and GPU servers
    case agentPeriod(Int, life: Int)
    case agentHears(Int, life: Int, AgentEvent)
    case sessionConnects(Int, life: Int, AllocationNotification)
    case serverPeriod(Int, life: Int)
    case serverHears(Int, life: Int, GPUServerEvent)
    case serverCrashes(Int, life: Int)
    case epochReachesDisk(Int, life: Int, DeviceID, Epoch)
    case limitReaches(Int, serverLife: Int, Slice, Epoch)
    case installs(PeerID, life: Int, InterfaceVersion)
    case starts(PeerID)

    // Links
    case connects(PeerID, life: Int)
    case arrives(LinkID, Payload)
    case linkEnds(LinkID, atManager: Bool)

    // Workers and programs, by index
    case workerRuns(Int)
    case workerReports(Int)
    case workerEnds(Int)
    case programStarts(agent: Int, InstanceID)
    case programAttaches(Int)
    case programEnds(Int)
    case instanceReturns(agent: Int, InstanceDescription)

    // The course of a run
    case publishes(InterfaceVersion)
    /// The operator takes a GPU server back.
    case serverReturns(GPUServerID)
    case faultStrikes
    case heals
    case probes(Int)
    case probeIsDue(program: Int, probe: Int)
    case checksEmpty
    case replaySecond(Int64)
}
