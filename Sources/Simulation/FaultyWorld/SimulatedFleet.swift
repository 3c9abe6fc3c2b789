import Determinism
import FleetModel

/// Who is in a run: one to three GPU servers with a device or two, one to three agents with one to three instances.
/// Memory is short, as it is where Presync is of use.
struct SimulatedFleet: Sendable {
    struct Server: Sendable {
        var id: GPUServerID
        var devices: [DeviceDescription]
        var host = GPUServerHost()
    }

    struct Agent: Sendable {
        var id: AgentID
        var instances: [InstanceDescription]
        /// How many virtual GPUs those have that have several.
        var gpus: [InstanceID: Int] = [:]

        /// What stands for them to a manager: each virtual GPU is an instance of its own.
        var members: [InstanceDescription] {
            instances.flatMap { $0.members(gpus: gpus[$0.id] ?? 1) ?? [] }
        }
    }

    var servers: [Server] = []
    var agents: [Agent] = []

    init(servers: [Server], agents: [Agent]) {
        self.servers = servers
        self.agents = agents
    }

    init(random: inout SeededGenerator) {
        for index in 0...random.below(3) {
            let id = GPUServerID(unchecked: "server-\(index)")
            let count = 1 + Int(random.below(2))
            servers.append(
                Server(
                    id: id,
                    devices: (0..<count).map {
                        Self.device(DeviceID(server: id, index: $0), .mebibytes(1_024 + 512 * Int64(random.below(5))))
                    }))
        }
        for index in 0...random.below(3) {
            let count = 1 + Int(random.below(3))
            let instances = (0..<count).map { Self.instance("instance-\(index)-\($0)", &random) }
            agents.append(Agent(id: AgentID(unchecked: "agent-\(index)"), instances: instances))
        }
        // By draws of its own, so that the other runs are what they were.
        var draws = random
        var others = SeededGenerator(seed: draws.next())
        // Too few for what their devices could do.
        for server in servers.indices where others.chance(1, in: 6) { servers[server].host.processors = 1 }
        let devices = servers.reduce(0) { $0 + $1.devices.count }
        guard devices > 1, draws.chance(1, in: 3) else { return }
        for agent in agents.indices {
            agents[agent].gpus = [agents[agent].instances[0].id: 2 + Int(draws.below(UInt64(min(devices - 1, 2))))]
        }
    }

    static func device(_ id: DeviceID, _ memory: Bytes) -> DeviceDescription {
        DeviceDescription(
            id: id, kind: .synthetic, model: "simulated", vendor: "presync", driverVersion: "1", apiVersion: "1",
            memory: memory, computeUnits: 8, extensions: [])
    }

    private static func instance(_ name: String, _ random: inout SeededGenerator) -> InstanceDescription {
        let classes = PriorityClass.builtIn
        return InstanceDescription(
            id: InstanceID(unchecked: name), tenant: TenantID(unchecked: "tenant"),
            application: ApplicationType(unchecked: "chat"),
            priorityClass: classes[Int(random.below(UInt64(classes.count)))].name)
    }

    /// A version of the interface; its digest is made of its number.
    static func version(_ minor: UInt32) -> InterfaceVersion? {
        ContentDigest(bytes: [UInt8](repeating: UInt8(truncatingIfNeeded: minor), count: 32)).map {
            InterfaceVersion(kind: "opencl", version: SemanticVersion(1, minor, 0), digest: $0)
        }
    }
}
