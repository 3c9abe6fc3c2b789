import FleetModel
import SessionCore

@testable import ControlLoop

/// A manager among peers that do at once what they are told: GPU servers start and end workers, one agent opens sessions
/// and hands each to a program that waits. A GPU server that dies says nothing more.
struct AnsweringFleet {
    static let agentLink = LinkID(rawValue: 1)

    var harness: ManagerHarness
    private var links: [GPUServerID: LinkID] = [:]
    private var waiting: [RequestID: InstanceID] = [:]
    private var sequence: UInt64 = 0
    private var instances: [InstanceID] = []
    /// The sessions that programs have, by instance.
    private(set) var attached: [InstanceID: GrantID] = [:]
    /// Where the newest commands of warm or reserved sessions went, oldest first.
    private(set) var placed: [(grant: GrantID, instance: InstanceID, server: GPUServerID)] = []

    /// - Parameter servers: their names and failure domains; each has one device of 1 GiB.
    init(
        _ servers: [(name: String, domain: String?)], instances: [InstanceDescription] = [ManagerHarness.instance],
        classes: [PriorityClass] = PriorityClass.builtIn, recovered: StoredFleet = StoredFleet(term: 1)
    ) {
        harness = ManagerHarness(classes: classes, recovered: recovered)
        self.instances = instances.map(\.id)
        for (index, server) in servers.enumerated() {
            let link = LinkID(rawValue: UInt64(10 + index))
            links[GPUServerID(unchecked: server.name)] = link
            answer(harness.serverSaysHello(server.name, on: link.rawValue, domain: server.domain))
        }
        answer(harness.agentSaysHello(on: Self.agentLink.rawValue, instances: instances))
    }

    /// The figures of a class with a backup.
    static func backedUp(_ backup: PriorityClass.Backup) -> [PriorityClass] {
        PriorityClass.builtIn.map { one in
            var one = one
            one.backup = backup
            return one
        }
    }

    mutating func happens(_ event: ManagerEvent) { answer(harness.happens(event)) }

    /// A program of the instance asks for its virtual GPU.
    mutating func asks(_ request: UInt64, _ instance: InstanceID = ManagerHarness.instance.id) {
        let asked = GPURequest(request: RequestID(rawValue: request), instance: instance)
        waiting[asked.request] = instance
        happens(.agentMessageReceived(.gpuRequested(asked), Self.agentLink))
    }

    /// The program that has the instance's session ends it.
    mutating func ends(_ instance: InstanceID) {
        guard let grant = attached.removeValue(forKey: instance) else { return }
        let ended = NotificationAcknowledgement(
            grant: grant, epoch: harness.manager.grants[grant]?.notified?.epoch ?? .zero, outcome: .ended)
        happens(.agentMessageReceived(.acknowledged(ended), Self.agentLink))
    }

    /// The host is gone: its stream ends by silence.
    mutating func dies(_ server: String) { links[GPUServerID(unchecked: server)] = nil }

    /// A second passes: everyone reports, and the manager takes its step.
    mutating func passes(_ seconds: Int = 1) {
        for _ in 0..<seconds {
            harness.now = harness.now + .seconds(1)
            sequence += 1
            let telemetry = instances.map { instance in
                InstanceTelemetry(
                    instance: instance, incarnation: 1, source: .host,
                    samples: [TelemetrySample(at: harness.now, gpuMemory: .mebibytes(1), gpuCompute: MilliShare(1))])
            }
            for (server, link) in links.sorted(by: { $0.key < $1.key }) {
                let heartbeat = GPUServerHeartbeat(sequence: sequence, held: holdings(on: server))
                happens(.serverMessageReceived(.heartbeat(heartbeat), link))
            }
            let report = PredictionReport(sequence: sequence, sentAt: harness.now, telemetry: telemetry)
            happens(.agentMessageReceived(.report(report), Self.agentLink))
            happens(.stepDue)
        }
    }

    /// The sessions of an instance that are not on their way back, by server, ascending by grant.
    func sessions(
        of instance: InstanceID = ManagerHarness.instance.id
    ) -> [(server: String, level: Readiness)] {
        harness.manager.heldGrants.filter { $0.instance.id == instance }.compactMap { stored in
            guard let lifecycle = harness.manager.grants[stored.grant]?.lifecycle, !lifecycle.isReleasing else {
                return nil
            }
            return (stored.device.server.rawValue, lifecycle.readiness)
        }
    }

    // MARK: Peers

    private func holdings(on server: GPUServerID) -> [HeldGrant] {
        harness.manager.heldGrants.filter { $0.device.server == server }.compactMap { stored in
            guard case .holds(let level, let endpoint)? = harness.manager.grants[stored.grant]?.lifecycle.server else {
                return nil
            }
            let isAttached = attached.values.contains(stored.grant)
            return HeldGrant(
                grant: stored.grant, instance: stored.instance.id, device: stored.device, epoch: stored.epoch,
                level: isAttached ? .attached : level, slice: stored.slice, endpoint: endpoint)
        }
    }

    private mutating func answer(_ effects: [ManagerEffect]) {
        for effect in effects {
            switch effect {
            case .sendToServer(.command(let command), let link):
                guard links[command.device.server] == link else { continue }
                if command.goal != .released {
                    placed.append((command.grant, command.instance, command.device.server))
                }
                let endpoint = SessionEndpoint(host: command.device.server.rawValue, port: 1)
                let answer = GrantCommandAnswer(
                    grant: command.grant, epoch: command.epoch,
                    outcome: .inForce(endpoint: command.goal == .released ? nil : endpoint))
                happens(.serverMessageReceived(.commandAnswered(answer), link))
            case .sendToAgent(.allocation(let notification), _):
                notified(notification)
            case .sendToAgent(.withdrawal(let withdrawal), _):
                acknowledge(withdrawal.grant, withdrawal.epoch, .released)
            default:
                break
            }
        }
    }

    private mutating func notified(_ notification: AllocationNotification) {
        let isFree = !attached.values.contains(notification.grant)
        let request = waiting.keys.sorted().first { waiting[$0] == notification.instance }
        guard notification.level == .reserved, isFree, let request else {
            return acknowledge(notification.grant, notification.epoch, isFree ? .ready : .handedOver(nil))
        }
        waiting[request] = nil
        attached[notification.instance] = notification.grant
        acknowledge(notification.grant, notification.epoch, .handedOver(request))
    }

    private mutating func acknowledge(
        _ grant: GrantID, _ epoch: Epoch, _ outcome: NotificationAcknowledgement.Outcome
    ) {
        let acknowledgement = NotificationAcknowledgement(grant: grant, epoch: epoch, outcome: outcome)
        happens(.agentMessageReceived(.acknowledged(acknowledgement), Self.agentLink))
    }
}
