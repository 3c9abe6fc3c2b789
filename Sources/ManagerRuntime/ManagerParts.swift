import ControlLoop
import ControlProtocol
import FleetModel
import GRPCCore
import Logging
import Observability
import StateStore

/// The parts of one running manager, joined.
struct ManagerParts: Sendable {
    let registry = MetricsRegistry()
    let health = ManagerHealth()
    let inbox = ManagerInbox(limit: ManagerInbox.standardLimit)
    let events: EventLog
    let agents: PeerLinks<AgentRole>
    let servers: PeerLinks<GPUServerRole>
    let storeWork = BoundedMailbox<StoreWork>(limit: StoreWorker.queueLimit)
    let storeWorker: StoreWorker
    /// Nil where no snapshots are kept.
    let snapshotKeeper: SnapshotKeeper?
    let metrics: ManagerMetrics
    let telemetry = TelemetryTap()
    private let start = DaemonStart()

    init(configuration: ManagerConfiguration, store: any FleetStore, logger: Logger) {
        snapshotKeeper = configuration.snapshotPeriod.map { [registry] _ in
            SnapshotKeeper(
                file: SnapshotFile(stateDirectory: configuration.stateDirectory),
                metrics: SnapshotMetrics(registry: registry), logger: logger)
        }
        metrics = ManagerMetrics(registry: registry)
        metrics.exposeFleet(from: inbox)
        events = EventLog(limit: configuration.keptEvents)
        let numbers = LinkNumbers()
        agents = PeerLinks(
            numbers: numbers, limit: configuration.maximumLinks, inbox: inbox, metrics: metrics.links(role: "agent"),
            logger: logger, event: ManagerEvent.agentMessageReceived)
        servers = PeerLinks(
            numbers: numbers, limit: configuration.maximumLinks, inbox: inbox,
            metrics: metrics.links(role: "gpu-server"), logger: logger, event: ManagerEvent.serverMessageReceived)
        storeWorker = StoreWorker(
            store: store, work: storeWork, inbox: inbox, metrics: metrics, health: health, logger: logger)
    }

    var services: [any RegistrableRPCService] {
        [
            AgentLinkService(links: agents), GPUServerLinkService(links: servers),
            AdminService(inbox: inbox, events: events, telemetry: telemetry, start: start),
        ]
    }

    /// The loop, and those who write for it: they end when the inbox is finished and all is done, or when the loop throws.
    func runCore(_ machine: ManagerMachine, logger: Logger) async throws {
        var loop = ManagerLoop(
            machine: machine, inbox: inbox, storeWork: storeWork, snapshots: snapshotKeeper?.snapshots, agents: agents,
            servers: servers, events: events,
            metrics: metrics, logger: logger)
        async let working: Void = storeWorker.run()
        async let keeping: Void? = snapshotKeeper?.run()
        func finish() {
            storeWork.finish()
            snapshotKeeper?.snapshots.finish()
        }
        defer { finish() }
        try await loop.run()
        finish()
        await working
        _ = await keeping
    }

    /// Ends streams whose peers are dead, until the task is cancelled.
    func watchLinks() async {
        async let agents: Void = agents.watch()
        async let servers: Void = servers.watch()
        _ = await (agents, servers)
    }

    /// Begins the machine's step once a period; a step that is late is not made up for.
    func tick(every period: Duration) async {
        let clock = ContinuousClock()
        var next = clock.now + period
        while !Task.isCancelled {
            try? await clock.sleep(until: next)
            guard await inbox.put(.event(.stepDue)) else { return }
            next = max(next + period, clock.now)
        }
    }

    /// Tells every peer and every watcher that this is the end.
    func sayGoodbye() {
        agents.closeAll(reason: "the manager is shutting down")
        servers.closeAll(reason: "the manager is shutting down")
        events.finish()
        telemetry.finish()
    }
}
