import ControlLoop
import FleetModel

/// A worker's process, as it really is: its GPU server may have crashed and forgotten it.
struct SimulatedWorker: Sendable {
    enum Phase: Hashable, Sendable {
        case starting
        case running
        /// Told to end, or its connection is closed: it will be gone soon.
        case ending
        case gone
    }

    /// Who holds the one connection.
    enum Connection: Hashable, Sendable {
        case none
        /// An agent in one of its lives.
        case agent(Int, life: Int)
        /// A program, by its index.
        case program(Int)
    }

    let server: Int
    let command: GrantCommand
    /// The version that really runs; nil where nothing was installed.
    let version: InterfaceVersion?
    var phase = Phase.starting
    var limit: Slice
    /// What an applied command made it enforce, under which epoch: what a returning server reads of it.
    var epoch: Epoch
    let endpoint: SessionEndpoint
    var ticketIsUsed = false
    var connection = Connection.none
    var isAttached = false
    /// How it ends, or ended.
    var end = WorkerEnd.closed
    /// Whether the GPU server in its present life has been told that a program is attached.
    var attachIsReported = false
    private var reportedAt: MonotonicTime?

    init(server: Int, command: GrantCommand, version: InterfaceVersion?, port: UInt16) {
        self.server = server
        self.command = command
        self.version = version
        limit = command.goal == .reserved ? command.slice : .zero
        epoch = command.epoch
        endpoint = SessionEndpoint(host: command.device.server.rawValue, port: port)
    }

    var grant: GrantID { command.grant }
    var isAlive: Bool { phase != .gone }
    var isConnected: Bool { connection != .none }

    /// What the worker tells its GPU server at `now`: busy for a third of the time that a program has it.
    mutating func takeStatus(at now: MonotonicTime) -> WorkerStatus {
        let elapsed = now - (reportedAt ?? now)
        reportedAt = now
        return WorkerStatus(
            attached: isAttached, connected: isConnected,
            peakMemory: isAttached ? Bytes(limit.memory.rawValue / 2) : .zero,
            busy: isAttached ? elapsed / 3 : .zero, traffic: isAttached, processorTime: isAttached ? elapsed / 2 : .zero
        )
    }
}
