import ControlLoop
import Determinism
import FleetModel
import ForecastCore
import InterfaceCore
import OpenBLAS

/// The manager's step over a whole fleet: taking in one report and one second per instance, forecasting every one, and
/// deciding. No sockets and no store: commits are answered at once, and so are commands and notifications. GPU servers
/// say once a second what they hold, as they do in operation: one that is silent counts as lost, and with it all that is
/// prepared there.
enum ManagerStepBenchmark {
    @Sendable static func run(isSmall: Bool, _ report: @Sendable (Measurement) -> Void) async throws {
        let demands = try ForecastBenchmark.activityShares.map { try SyntheticDemand(busyShare: $0, isSmall: isSmall) }
        let mostlyIdle = BenchmarkDemand.programs(demands[0], everActive: 30)
        for size in isSmall ? [50] : [1_000, 10_000, 100_000] {
            for demand in demands {
                report(try measure(instances: size, .programs(demand, everActive: 100), isSmall: isSmall))
            }
            // As most fleets are: seven in ten have a GPU interface, and do not use it.
            report(try measure(instances: size, mostlyIdle, isSmall: isSmall))
            // The most that a step can have to do.
            report(try measure(instances: size, .noise(everActive: 100, busy: 30), isSmall: isSmall))
        }
        report(try measure(instances: isSmall ? 100 : 1_000_000, mostlyIdle, isSmall: isSmall))
    }

    private static func measure(instances: Int, _ demand: BenchmarkDemand, isSmall: Bool) throws -> Measurement {
        let steps = isSmall ? 3 : instances < 100_000 ? 30 : 10
        // As the manager's by default: OpenBLAS where it is installed.
        let chosen = try LinearAlgebraChoice.automatic.resolve()
        var fleet = BenchmarkFleet(instances: instances, demand, chosen.algebra)
        // Long enough that sessions are held, and that it is known who never uses a GPU.
        for _ in 0..<(isSmall ? 5 : 60) { _ = fleet.second() }
        var takingIn: [Double] = []
        var stepping: [Double] = []
        var answering: [Double] = []
        var slices: [Double] = []
        for _ in 0..<steps {
            let second = fleet.second()
            takingIn.append(second.reports)
            stepping.append(second.step)
            answering.append(second.answers)
            slices.append(second.longestSlice)
        }
        return Measurement(
            name: "manager-step",
            conditions: "\(instances) instances, \(demand.description), \(steps) steps, one core, "
                + "\(chosen.name) linear algebra",
            figures: [
                ("reports p50", takingIn.quantile(0.5), "ms"), ("step p50", stepping.quantile(0.5), "ms"),
                ("step max", stepping.quantile(1), "ms"), ("answers p50", answering.quantile(0.5), "ms"),
                ("longest slice p50", slices.quantile(0.5), "ms"),
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
    /// Their instances by number.
    private var agents: [(link: LinkID, instances: Range<Int>)] = []
    /// What each GPU server holds, by its link.
    private var held: [LinkID: [GrantID: HeldGrant]] = [:]
    /// How long one event has taken at most, in this second's step.
    private var longestSlice = 0.0
    /// How long this second's step has taken, and what it led to: commits, and the answers of GPU servers and agents.
    private var stepTime = 0.0
    private var answerTime = 0.0
    private var sequence: UInt64 = 0
    private var revision: UInt64 = 0
    private let demand: BenchmarkDemand
    private var sessions = BenchmarkSessions()
    private let version = InterfaceVersion(kind: "opencl", version: SemanticVersion(1, 0, 0), digest: .zero)

    init(instances: Int, _ demand: BenchmarkDemand, _ algebra: any LinearAlgebra) {
        self.demand = demand
        manager = ManagerMachine(
            configuration: ManagerMachineConfiguration(softwareVersion: "bench"), recovered: StoredFleet(term: 1),
            forecaster: FleetForecaster(configuration: .init(linearAlgebra: algebra)), random: SeededGenerator(seed: 3),
            now: now)
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
            let members = first..<min(first + 100, instances)
            let descriptions = members.map {
                InstanceDescription(
                    id: Self.name($0), tenant: TenantID(unchecked: "tenant"), application: demand.application(of: $0))
            }
            let link = LinkID(rawValue: index + 1)
            let hello = AgentHello(
                agent: AgentID(unchecked: "agent-\(index)"), softwareVersion: "bench", instances: descriptions,
                installed: [version])
            handle(.agentMessageReceived(.hello(hello), link))
            agents.append((link, members))
        }
    }

    /// One second of the fleet: every GPU server and instance reports, then the manager steps, and what it has sent is
    /// answered. In milliseconds.
    mutating func second() -> (reports: Double, step: Double, answers: Double, longestSlice: Double) {
        now = now + .seconds(1)
        sequence += 1
        let reports = agents.map { agent in (link: agent.link, report: report(of: agent.instances)) }
        let taken = useSessions(reports)
        let heartbeats = held.keys.sorted().map { link in
            let listed = (held[link] ?? [:]).values.sorted { $0.grant < $1.grant }
            return (link, GPUServerHeartbeat(sequence: sequence, held: listed))
        }
        let takingIn = milliseconds {
            for (link, heartbeat) in heartbeats { handle(.serverMessageReceived(.heartbeat(heartbeat), link)) }
            for event in taken { handle(event) }
            for (link, report) in reports.dropLast() { handle(.agentMessageReceived(.report(report), link)) }
        }
        // The step begins with the last agent's report.
        (longestSlice, stepTime, answerTime) = (0, 0, 0)
        for (link, report) in reports.suffix(1) { handle(.agentMessageReceived(.report(report), link)) }
        handle(.stepDue)
        return (takingIn, stepTime, answerTime, longestSlice)
    }

    private static func name(_ instance: Int) -> InstanceID { InstanceID(unchecked: "instance-\(instance)") }

    private mutating func report(of instances: Range<Int>) -> PredictionReport {
        let telemetry = instances.map { instance in
            InstanceTelemetry(
                instance: Self.name(instance), incarnation: 1, source: .trace,
                samples: [demand.sample(of: instance, at: now, &random)])
        }
        return PredictionReport(sequence: sequence, sentAt: now, telemetry: telemetry)
    }

    /// Programs whose demand begins take the session that is ready for them, and give it back with their demand's end.
    private mutating func useSessions(_ reports: [(link: LinkID, report: PredictionReport)]) -> [ManagerEvent] {
        var events: [ManagerEvent] = []
        guard demand.takesSessions else { return [] }
        for (link, report) in reports {
            for telemetry in report.telemetry {
                let wants = telemetry.samples.contains { $0.gpuMemory ?? .zero > .zero }
                guard let session = sessions.use(by: telemetry.instance, wants: wants) else { continue }
                let serverLink = sessions.servers[session.grant] ?? link
                if wants {
                    held[serverLink]?[session.grant]?.level = .attached
                    events.append(acknowledged(session.grant, session.epoch, .handedOver(nil), link))
                } else {
                    held[serverLink]?[session.grant] = nil
                    events.append(acknowledged(session.grant, session.epoch, .ended, link))
                    events.append(
                        .serverMessageReceived(
                            .grantEnded(GrantEnd(session.grant, .sessionEnded, wasInUse: true)), serverLink))
                }
            }
        }
        return events
    }

    /// Carries out what keeps the machine going: commits, slices of the step, and the peers' answers.
    private mutating func handle(_ event: ManagerEvent) {
        var events = [event]
        while let next = events.popLast() {
            var effects: [ManagerEffect] = []
            let time = milliseconds { effects = manager.handle(next, now: now) }
            longestSlice = max(longestSlice, time)
            if next.isOfStep { stepTime += time } else { answerTime += time }
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
                    sessions.ready(notification)
                    events.append(acknowledged(notification.grant, notification.epoch, .ready, link))
                case .sendToAgent(.withdrawal(let withdrawal), let link):
                    sessions.withdrawn(withdrawal.grant)
                    events.append(acknowledged(withdrawal.grant, withdrawal.epoch, .released, link))
                default:
                    break
                }
            }
        }
    }

    private mutating func carriedOut(_ command: GrantCommand, _ link: LinkID) -> ManagerEvent {
        sessions.servers[command.grant] = command.goal.isEnd ? nil : link
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

/// The sessions that a benchmark's agents hold.
private struct BenchmarkSessions {
    struct Session {
        var instance: InstanceID
        var grant: GrantID
        var epoch: Epoch
        var isUsed = false
    }

    /// The link of the GPU server that holds each grant.
    var servers: [GrantID: LinkID] = [:]
    private var byInstance: [InstanceID: Session] = [:]
    private var instances: [GrantID: InstanceID] = [:]

    mutating func ready(_ notification: AllocationNotification) {
        guard notification.level == .reserved, byInstance[notification.instance]?.isUsed != true else { return }
        byInstance[notification.instance] = Session(
            instance: notification.instance, grant: notification.grant, epoch: notification.epoch)
        instances[notification.grant] = notification.instance
    }

    mutating func withdrawn(_ grant: GrantID) {
        guard let instance = instances.removeValue(forKey: grant), byInstance[instance]?.grant == grant else { return }
        byInstance[instance] = nil
    }

    /// The session that a program takes now, or gives back; nil where it does neither.
    mutating func use(by instance: InstanceID, wants: Bool) -> Session? {
        guard let session = byInstance[instance], session.isUsed != wants else { return nil }
        if wants {
            byInstance[instance]?.isUsed = true
        } else {
            withdrawn(session.grant)
        }
        return session
    }
}

extension ManagerEvent {
    /// Whether it begins the step or goes on with it: it is due, or the last report has come.
    fileprivate var isOfStep: Bool {
        switch self {
        case .stepDue, .stepSliceDue, .agentMessageReceived(.report, _): true
        default: false
        }
    }
}
