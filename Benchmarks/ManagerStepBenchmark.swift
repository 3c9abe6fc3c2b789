import ControlLoop
import Determinism
import FleetModel
import ForecastCore
import InterfaceCore

/// The manager's step over a whole fleet: taking in one report and one second per instance, forecasting every one, and
/// deciding. No sockets and no store: commits are answered at once, and so are commands and notifications. GPU servers
/// say once a second what they hold, as they do in operation: one that is silent counts as lost, and with it all that is
/// prepared there.
enum ManagerStepBenchmark {
    /// Of a fleet, in per cent: instances that use a GPU at times, and those of them that do in a second.
    struct Activity: Sendable {
        var everActive: UInt64
        var busy: UInt64

        /// Every instance may want something at any second: the most that a step can have to do.
        static let all = Activity(everActive: 100, busy: 30)
        /// As most fleets are: seven in ten have a GPU interface, and do not use it.
        static let mostlyIdle = Activity(everActive: 30, busy: 30)
    }

    @Sendable static func run(isSmall: Bool, _ report: @Sendable (Measurement) -> Void) async throws {
        for activity in [Activity.all, .mostlyIdle] {
            for size in isSmall ? [50] : [1_000, 10_000, 100_000] {
                report(measure(instances: size, activity, isSmall: isSmall))
            }
        }
    }

    private static func measure(instances: Int, _ activity: Activity, isSmall: Bool) -> Measurement {
        let steps = isSmall ? 3 : instances < 100_000 ? 30 : 10
        var fleet = BenchmarkFleet(instances: instances, activity)
        // Long enough that sessions are held, and that it is known who never uses a GPU.
        for _ in 0..<(isSmall ? 5 : activity.everActive < 100 ? 60 : 12) { _ = fleet.second() }
        var takingIn: [Double] = []
        var stepping: [Double] = []
        var slices: [Double] = []
        for _ in 0..<steps {
            let second = fleet.second()
            takingIn.append(second.reports)
            stepping.append(second.step)
            slices.append(second.longestSlice)
        }
        return Measurement(
            name: "manager-step",
            conditions: "\(instances) instances, \(activity.everActive) % ever active, "
                + "\(activity.busy) % of those with demand in a second, \(steps) steps, one core",
            figures: [
                ("reports p50", takingIn.quantile(0.5), "ms"), ("step p50", stepping.quantile(0.5), "ms"),
                ("step max", stepping.quantile(1), "ms"), ("longest slice p50", slices.quantile(0.5), "ms"),
                ("longest slice max", slices.quantile(1), "ms"),
                ("per instance", stepping.quantile(0.5) * 1e3 / Double(instances), "us"),
            ])
    }
}

/// A manager with agents of 100 instances each and one synthetic GPU server per 50 instances.
private struct BenchmarkFleet {
    private var manager: ManagerMachine
    private var random = SeededGenerator(seed: 7)
    private var now = MonotonicTime.seconds(1_000)
    private var agents: [(link: LinkID, instances: [InstanceID])] = []
    /// What each GPU server holds, by its link.
    private var held: [LinkID: [GrantID: HeldGrant]] = [:]
    /// How long one event has taken at most, in this second's step.
    private var longestSlice = 0.0
    private var sequence: UInt64 = 0
    private var revision: UInt64 = 0
    private let activity: ManagerStepBenchmark.Activity
    private let version = InterfaceVersion(kind: "opencl", version: SemanticVersion(1, 0, 0), digest: .zero)

    init(instances: Int, _ activity: ManagerStepBenchmark.Activity) {
        self.activity = activity
        manager = ManagerMachine(
            configuration: ManagerMachineConfiguration(softwareVersion: "bench"), recovered: StoredFleet(term: 1),
            forecaster: FleetForecaster(), random: SeededGenerator(seed: 3), now: now)
        handle(.interfacesPublished([InterfaceOffer(version)], source: "none"))
        connectServers(max(1, instances / 50))
        connectAgents(instances)
    }

    private mutating func connectServers(_ count: Int) {
        for index in 0..<count {
            let server = GPUServerID(unchecked: "server-\(index)")
            let device = DeviceDescription(
                id: DeviceID(server: server, index: 0), kind: .synthetic, model: "synthetic", vendor: "bench",
                driverVersion: "1", apiVersion: "none", memory: .gibibytes(80), computeUnits: 100, extensions: [])
            let hello = GPUServerHello(
                server: server, softwareVersion: "bench", devices: [device], epochs: [Epoch(term: 1, counter: 0)],
                installed: [version])
            let link = LinkID(rawValue: UInt64(1_000_000 + index))
            held[link] = [:]
            handle(.serverMessageReceived(.hello(hello), link))
        }
    }

    private mutating func connectAgents(_ instances: Int) {
        for first in stride(from: 0, to: instances, by: 100) {
            let index = UInt64(first / 100)
            let members = (first..<min(first + 100, instances)).map { InstanceID(unchecked: "instance-\($0)") }
            // Who never uses a GPU runs something else: of a newcomer what its type does is believed.
            let descriptions = members.enumerated().map { place, id in
                InstanceDescription(
                    id: id, tenant: TenantID(unchecked: "tenant"),
                    application: ApplicationType(unchecked: place < activity.everActive ? "chat" : "shell"))
            }
            let link = LinkID(rawValue: index + 1)
            let hello = AgentHello(
                agent: AgentID(unchecked: "agent-\(index)"), softwareVersion: "bench", instances: descriptions,
                installed: [version])
            handle(.agentMessageReceived(.hello(hello), link))
            agents.append((link, members))
        }
    }

    /// One second of the fleet: every GPU server and instance reports, then the manager steps. In milliseconds.
    mutating func second() -> (reports: Double, step: Double, longestSlice: Double) {
        now = now + .seconds(1)
        sequence += 1
        let reports = agents.map { agent in (agent.link, report(of: agent.instances)) }
        let heartbeats = held.keys.sorted().map { link in
            let listed = (held[link] ?? [:]).values.sorted { $0.grant < $1.grant }
            return (link, GPUServerHeartbeat(sequence: sequence, held: listed))
        }
        let takingIn = milliseconds {
            for (link, heartbeat) in heartbeats { handle(.serverMessageReceived(.heartbeat(heartbeat), link)) }
            for (link, report) in reports.dropLast() { handle(.agentMessageReceived(.report(report), link)) }
        }
        // The step begins with the last agent's report.
        longestSlice = 0
        let step = milliseconds {
            for (link, report) in reports.suffix(1) { handle(.agentMessageReceived(.report(report), link)) }
            handle(.stepDue)
        }
        return (takingIn, step, longestSlice)
    }

    private mutating func report(of instances: [InstanceID]) -> PredictionReport {
        let telemetry = instances.enumerated().map { place, instance in
            // The members of an agent are a hundred.
            let isActive = place < activity.everActive && random.chance(activity.busy, in: 100)
            let memory = isActive ? Int64(random.below(4 << 30)) : 0
            let sample = TelemetrySample(
                at: now, cpuMilli: Double(random.below(1_000)), networkInRate: Double(random.below(1 << 20)),
                gpuMemory: Bytes(memory), gpuCompute: MilliShare(isActive ? Int32(random.below(500)) : 0))
            return InstanceTelemetry(instance: instance, incarnation: 1, source: .trace, samples: [sample])
        }
        return PredictionReport(sequence: sequence, sentAt: now, telemetry: telemetry)
    }

    /// Carries out what keeps the machine going: commits, slices of the step, and the peers' answers.
    private mutating func handle(_ event: ManagerEvent) {
        var events = [event]
        while let next = events.popLast() {
            var effects: [ManagerEffect] = []
            longestSlice = max(longestSlice, milliseconds { effects = manager.handle(next, now: now) })
            for effect in effects {
                switch effect {
                case .persist:
                    revision += 1
                    events.append(.storeAnswered(.committed(revision: revision)))
                case .continueStep:
                    events.append(.stepSliceDue)
                case .sendToServer(.command(let command), let link):
                    events.append(carriedOut(command, link))
                case .sendToAgent(.allocation(let notification), let link):
                    events.append(acknowledged(notification.grant, notification.epoch, .ready, link))
                case .sendToAgent(.withdrawal(let withdrawal), let link):
                    events.append(acknowledged(withdrawal.grant, withdrawal.epoch, .released, link))
                default:
                    break
                }
            }
        }
    }

    private mutating func carriedOut(_ command: GrantCommand, _ link: LinkID) -> ManagerEvent {
        let endpoint = command.goal.isEnd ? nil : SessionEndpoint(host: "server", port: 1)
        held[link]?[command.grant] =
            command.goal.isEnd
            ? nil
            : HeldGrant(
                grant: command.grant, instance: command.instance, device: command.device, epoch: command.epoch,
                level: command.goal == .reserved ? .reserved : .warm,
                slice: command.goal == .reserved ? command.slice : .zero, endpoint: endpoint)
        let answer = GrantCommandAnswer(
            grant: command.grant, epoch: command.epoch, outcome: .inForce(endpoint: endpoint))
        return .serverMessageReceived(.commandAnswered(answer), link)
    }

    private func acknowledged(
        _ grant: GrantID, _ epoch: Epoch, _ outcome: NotificationAcknowledgement.Outcome, _ link: LinkID
    ) -> ManagerEvent {
        let acknowledgement = NotificationAcknowledgement(grant: grant, epoch: epoch, outcome: outcome)
        return .agentMessageReceived(.acknowledged(acknowledgement), link)
    }
}
