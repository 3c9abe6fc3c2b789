import ControlLoop
import FleetModel

/// What every process has, whatever its role.
struct ProcessState: Sendable {
    /// Counts starts: what was meant for an earlier life is not delivered.
    var life = 0
    var isUp = false
    var clock: SimulatedClock
    var pausedUntil = MonotonicTime.zero
}

/// One manager in one life.
struct SimulatedManager: Sendable {
    var process: ProcessState
    var machine: ManagerMachine
    /// Whether the next one has begun its term: this one is a ghost that still talks.
    var isReplaced = false
}

struct SimulatedAgent: Sendable {
    let id: AgentID
    let instances: [InstanceDescription]
    /// How many virtual GPUs those have that have several.
    let gpus: [InstanceID: Int]
    var process: ProcessState
    var machine: AgentMachine
    var link: LinkID?
    /// Verified bundles, on disk.
    var installed: [InterfaceVersion] = []
    /// Connections that are being opened or held, by grant: the worker's index once it is connected.
    var connections: [GrantID: Int?] = [:]
    var presentInstances: Set<InstanceID> = []
    var nextRequest: UInt64 = 1
}

struct SimulatedServer: Sendable {
    let id: GPUServerID
    let devices: [DeviceDescription]
    let host: GPUServerHost
    var process: ProcessState
    var machine: GPUServerMachine
    var link: LinkID?
    /// Verified bundles, on disk.
    var installed: [InterfaceVersion] = []
    /// For each device, the durable bound of epochs.
    var durableEpochs: [Epoch]
    /// Whether its host went down for good.
    var isLost = false
}

/// A program of an instance, from its request to its end.
struct SimulatedProgram: Sendable {
    enum Phase: Hashable, Sendable {
        case waiting
        /// It has the connections to the workers of these indices, one for each of its virtual GPUs.
        case holding([Int])
        case over
    }

    let agent: Int
    /// The agent's life in which it asked: its connection to the agent ends with that.
    let agentLife: Int
    let instance: InstanceID
    let request: RequestID
    /// How many virtual GPUs it asked for.
    let gpus: Int
    /// The workers to which it has been given connections so far.
    var received: [Int] = []
    var phase = Phase.waiting
    /// Whether it is one of the requests by which the world is probed after the faults.
    let isProbe: Bool
}
