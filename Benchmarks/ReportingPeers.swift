import ControlProtocol
import FleetModel
import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2
import GRPCProtobuf
import Observability

/// Agents or GPU servers that do nothing but report once a second, many streams to a connection. They are the load of
/// the benchmarks and run in a process of their own, which can be killed or stopped:
/// `presync-bench reporting-peers ROLE MANAGER NAME CONNECTIONS STREAMS INSTANCES`.
struct ReportingPeers: Sendable {
    enum Role: String {
        case agents
        case servers
    }

    static let command = "reporting-peers"

    var role: Role
    var manager: ManagerAddress
    /// What their names begin with.
    var name: String
    var connections: Int
    /// On each connection; the manager admits 128.
    var streams: Int
    /// Of each agent, up to what a message may list.
    var instances = 1

    var count: Int { connections * streams }

    /// Starts a process of them.
    func start() throws -> BenchmarkProcess {
        try BenchmarkProcess(
            "presync-bench",
            [
                Self.command, role.rawValue, "\(manager)", name, "\(connections)", "\(streams)", "\(instances)",
            ])
    }

    init(
        _ role: Role, of manager: ManagerAddress, name: String, connections: Int, streams: Int, instances: Int = 1
    ) {
        (self.role, self.manager, self.name) = (role, manager, name)
        (self.connections, self.streams, self.instances) = (connections, streams, instances)
    }

    /// As ``start()`` writes them.
    init?(arguments: [String]) {
        guard arguments.count == 6, let role = Role(rawValue: arguments[0]),
            let manager = ManagerAddress(arguments[1]), let connections = Int(arguments[3]),
            let streams = Int(arguments[4]), let instances = Int(arguments[5])
        else { return nil }
        self.init(
            role, of: manager, name: arguments[2], connections: connections, streams: streams, instances: instances)
    }

    /// Reports until standard input ends or a stream does.
    func run() async throws {
        let inputEnds = Thread {
            _ = try? FileHandle.standardInput.readToEnd()
            exit(0)
        }
        inputEnds.start()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for connection in 0..<connections {
                group.addTask {
                    // Not all at once: a manager that is connected to by all its agents at one moment is another matter.
                    try await Task.sleep(for: .milliseconds(20 * connection))
                    let transport = try ControlTransport.client(to: manager)
                    try await withGRPCClient(transport: transport) { try await serve(connection, over: $0) }
                }
            }
            try await group.waitForAll()
        }
    }

    private func serve(_ connection: Int, over client: GRPCClient<HTTP2ClientTransport.Posix>) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for stream in 0..<streams {
                group.addTask {
                    let number = connection * streams + stream
                    switch role {
                    case .agents: try await report(as: ReportingAgent(name, number, instances), to: client)
                    case .servers: try await report(as: ReportingServer(name, number), to: client)
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    /// One stream: the hello, and then every second what the peer says.
    private func report<Peer: ReportingPeer>(
        as peer: Peer, to client: GRPCClient<HTTP2ClientTransport.Posix>
    ) async throws {
        let terms = AsyncStream.makeStream(of: UInt64.self)
        let link = Peer.Role.self
        let request = StreamingClientRequest<Peer.Role.ToManager> { writer in
            try await writer.write(Peer.Role.ToManager(.message(peer.hello(term: 0))))
            var welcomes = terms.stream.makeAsyncIterator()
            let term = await welcomes.next() ?? 0
            // Only a hello under the manager's own term is believed of a GPU server.
            if Peer.saysHelloTwice { try await writer.write(Peer.Role.ToManager(.message(peer.hello(term: term)))) }
            // Spread over the second.
            var next = ContinuousClock.now + .milliseconds(peer.number * 137 % 1_000)
            var sequence: UInt64 = 0
            while !Task.isCancelled {
                try await Task.sleep(until: next, clock: .continuous)
                sequence += 1
                for message in peer.messages(sequence, at: MonotonicClock.now()) {
                    try await writer.write(Peer.Role.ToManager(.message(message)))
                }
                next += .seconds(1)
            }
        }
        var options = CallOptions.defaults
        options.waitForReady = true
        try await client.bidirectionalStreaming(
            request: request, descriptor: link.method, serializer: ProtobufSerializer<Peer.Role.ToManager>(),
            deserializer: ProtobufDeserializer<Peer.Role.FromManager>(), options: options
        ) { response in
            for try await envelope in response.messages {
                // What the manager probes is answered by the next report.
                if case .message(let message) = try envelope.frame(), let term = Peer.term(in: message) {
                    terms.continuation.yield(term)
                }
            }
        }
    }
}

/// What a reporting peer says.
private protocol ReportingPeer: Sendable {
    associatedtype Role: LinkRole

    static var saysHelloTwice: Bool { get }
    var number: Int { get }

    func hello(term: UInt64) -> Role.ToManager.Body
    /// What is said in the second `sequence`, from 1.
    func messages(_ sequence: UInt64, at now: MonotonicTime) -> [Role.ToManager.Body]
    /// The manager's term, where the message is its welcome.
    static func term(in message: Role.FromManager.Body) -> UInt64?
}

/// An agent whose instances work a little and use no GPU.
private struct ReportingAgent: ReportingPeer {
    typealias Role = AgentRole

    static let saysHelloTwice = false
    let name: String
    let number: Int
    let instances: [InstanceID]

    init(_ name: String, _ number: Int, _ count: Int) {
        self.name = name
        self.number = number
        instances = (0..<count).map { InstanceID(unchecked: "\(name)-\(number)-\($0)") }
    }

    func hello(term: UInt64) -> AgentMessage {
        let descriptions = instances.map {
            InstanceDescription(
                id: $0, tenant: TenantID(unchecked: "tenant"), application: ApplicationType(unchecked: "shell"))
        }
        let agent = AgentID(unchecked: "\(name)-\(number)")
        return .hello(AgentHello(agent: agent, softwareVersion: "bench", instances: descriptions))
    }

    func messages(_ sequence: UInt64, at now: MonotonicTime) -> [AgentMessage] {
        let telemetry = instances.enumerated().map { place, instance in
            let level = Double((UInt64(number + place) &* 7_919 &+ sequence &* 104_729) % 1_000)
            let sample = TelemetrySample(
                at: now, cpuMilli: level, memory: .mebibytes(300), networkInRate: level * 900,
                networkOutRate: level * 300)
            return InstanceTelemetry(instance: instance, incarnation: 1, source: .trace, samples: [sample])
        }
        return [
            .report(
                PredictionReport(
                    sequence: sequence, sentAt: now, telemetry: telemetry,
                    heartbeat: AgentHeartbeat(sequence: sequence, held: [])))
        ]
    }

    static func term(in message: ManagerToAgentMessage) -> UInt64? {
        if case .welcome(let welcome) = message { welcome.term } else { nil }
    }
}

/// A GPU server with one device and nothing held.
private struct ReportingServer: ReportingPeer {
    typealias Role = GPUServerRole

    static let saysHelloTwice = true
    let name: String
    let number: Int

    init(_ name: String, _ number: Int) { (self.name, self.number) = (name, number) }

    func hello(term: UInt64) -> GPUServerMessage {
        let server = GPUServerID(unchecked: "\(name)-\(number)")
        let device = DeviceDescription(
            id: DeviceID(server: server, index: 0), kind: .synthetic, model: "synthetic", vendor: "bench",
            driverVersion: "1", apiVersion: "none", memory: .gibibytes(80), computeUnits: 100, extensions: [])
        return .hello(
            GPUServerHello(
                server: server, softwareVersion: "bench", devices: [device], epochs: [Epoch(term: term, counter: 0)]))
    }

    func messages(_ sequence: UInt64, at now: MonotonicTime) -> [GPUServerMessage] {
        [.heartbeat(GPUServerHeartbeat(sequence: sequence, held: []))]
    }

    static func term(in message: ManagerToGPUServerMessage) -> UInt64? {
        if case .welcome(let welcome) = message { welcome.term } else { nil }
    }
}
