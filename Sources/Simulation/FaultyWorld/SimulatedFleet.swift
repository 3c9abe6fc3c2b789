import Determinism
import FleetModel

/// Who is in a run: one to three GPU servers with a device or two, one to three agents with one to three instances.
/// Memory is short, as it is where Presync is of use.
struct SimulatedFleet: Sendable {
    struct Server: Sendable {
        var id: GPUServerID
        var devices: [DeviceDescription]
    }

    struct Agent: Sendable {
        var id: AgentID
        var instances: [InstanceDescription]
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
