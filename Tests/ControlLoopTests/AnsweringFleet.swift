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
    var instances: [InstanceID] = []
    /// The sessions that programs have, by instance.
    private(set) var attached: [InstanceID: GrantID] = [:]
    /// Where the newest commands of warm or reserved sessions went, oldest first.
    private(set) var placed: [(grant: GrantID, instance: InstanceID, server: GPUServerID)] = []

    /// Versions whose self-test fails on every GPU server, and how often one was to be repeated.
    var unfit: Set<InterfaceVersion> = []
    private(set) var testedAnew = 0

    /// - Parameter servers: their names and failure domains; each has one device of 1 GiB.
    init(
        _ servers: [(name: String, domain: String?)], instances: [InstanceDescription] = [ManagerHarness.instance],
        classes: [PriorityClass] = PriorityClass.builtIn, recovered: StoredFleet = StoredFleet(term: 1),
        updates: InterfaceUpdates = .automatic, published: [InterfaceVersion] = [ManagerHarness.version]
    ) {
        harness = ManagerHarness(classes: classes, recovered: recovered, updates: updates, published: published)
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

    /// Gives an order, which is durable at once.
    mutating func gives(_ change: OperatorChange) {
        guard let effects = try? harness.manager.change([change], at: harness.now) else { return }
        for effect in effects {
            guard case .persist = effect else { continue }
            answer(harness.committed())
        }
        answer(effects)
    }

    /// Gives an order about rollouts, which is durable at once.
    mutating func orders(_ change: RolloutChange) throws {
        let effects = try harness.manager.change(change, at: harness.now)
        harness.note(effects)
        answer(effects)
        answer(harness.committed())
    }

    /// The versions of an instance's sessions that are not on their way back.
    func versions(of instance: InstanceID) -> [InterfaceVersion] {
        harness.manager.heldGrants.filter {
            $0.instance.id == instance && harness.manager.grants[$0.grant]?.lifecycle.isReleasing == false
        }.map(\.version)
    }

    /// An operator drains a GPU server from now on.
    mutating func drain(_ server: String, deadline: Duration? = nil, then: MaintenanceWindow.AtDeadline = .wait) {
        let now = harness.manager.wallTime(harness.now)
        gives(
            .addMaintenance(
                MaintenanceWindow(
                    server: GPUServerID(unchecked: server), from: now, deadline: deadline.map { now + $0 },
                    atDeadline: then)))
    }

    mutating func undrain(_ server: String) {
        gives(.removeMaintenance(GPUServerID(unchecked: server), from: nil))
    }

    var drains: [DrainProgress] { harness.manager.drains(at: harness.now) }

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

    /// The worker of an instance's newest session ends, as its GPU server tells it; nil where it does not say how.
    mutating func workerEnds(of instance: InstanceID, _ end: WorkerEnd?, _ reason: ReclaimReason, inUse: Bool) {
        guard let grant = harness.manager.heldGrants.last(where: { $0.instance.id == instance })?.grant else { return }
        attached[instance] = nil
        workerEnds(of: grant, end, reason, inUse: inUse)
    }

    mutating func workerEnds(of grant: GrantID, _ end: WorkerEnd?, _ reason: ReclaimReason, inUse: Bool) {
        guard let server = harness.manager.grants[grant]?.stored.device.server, let link = links[server] else { return }
        let message = GPUServerMessage.grantEnded(GrantEnd(grant, reason, worker: end, wasInUse: inUse))
        happens(.serverMessageReceived(message, link))
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
                if !command.goal.isEnd {
                    placed.append((command.grant, command.instance, command.device.server))
                }
                let endpoint = SessionEndpoint(host: command.device.server.rawValue, port: 1)
                let answer = GrantCommandAnswer(
                    grant: command.grant, epoch: command.epoch,
                    outcome: .inForce(endpoint: command.goal.isEnd ? nil : endpoint))
                if command.goal == .taken { attached = attached.filter { $0.value != command.grant } }
                happens(.serverMessageReceived(.commandAnswered(answer), link))
            case .sendToServer(.prepareInterface(let version, let sources), let link):
                guard links.values.contains(link) else { continue }
                if sources.testsAnew { testedAnew += 1 }
                happens(
                    .serverMessageReceived(
                        unfit.contains(version)
                            ? .interfaceUnavailable(version, reason: "its self-test failed")
                            : .interfaceInstalled(version), link))
            case .sendToAgent(.prepareInterface(let version, _), let link):
                happens(.agentMessageReceived(.interfaceInstalled(version), link))
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
