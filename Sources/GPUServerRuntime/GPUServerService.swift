import ControlLoop
import ControlProtocol
import DeviceDrivers
import FleetModel
import Foundation
import InterfaceCore
import InterfaceStore
package import Logging
package import Observability
import ServiceLifecycle
import SessionCore
import Synchronization
import WorkerControl

/// The GPU server daemon.
///
/// Order of a start: devices are listed, epochs read, and the workers of a life before taken up or ended, before the
/// manager hears of any memory. Then the link opens, and everything that happens (messages, workers' reports, periods,
/// installations) goes through one mailbox to the one task that owns the machine.
///
/// Shutdown order: the link ends, the loop stops, the workers are let go of and run on: a later life takes them up.
package struct GPUServerService: Service {
    /// Events that wait for the loop before those who bring them wait, too.
    private static let mailboxLimit = 4_096
    /// Bundles that wait to be installed.
    private static let installationLimit = 64

    private let configuration: GPUServerConfiguration
    private let metrics: MetricsRegistry
    private let logger: Logger

    package init(configuration: GPUServerConfiguration, metrics: MetricsRegistry, logger: Logger) {
        self.configuration = configuration
        self.metrics = metrics
        self.logger = logger
    }

    /// Serves until the task is cancelled or a graceful shutdown is begun.
    /// - Throws: what kept it from starting, or from serving its status.
    package func run() async throws {
        let problems = configuration.validate()
        guard problems.isEmpty else { throw GPUServerError(problems.joined(separator: "; ")) }
        let state = configuration.stateDirectory
        try FileManager.default.createDirectory(
            atPath: state, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let inventory = try DeviceInventory(configuration)
        let epochs = try inventory.descriptions.map { try EpochFile.read($0.id, in: state) }
        let caches = KernelCaches(
            folder: configuration.kernelCacheDirectory ?? state + "/kernel-caches", limits: configuration.kernelCaches)
        let (workers, recovered) = try takeUpWorkers(inventory, caches)
        let store = LocalInterfaceStore(directory: state + "/interfaces")
        try await HostInterfaces.with(
            configuration.interfaces, store: store, trust: state + "/trust", logger: logger
        ) { host in
            let tests = DeviceSelfTests(configuration, inventory, logger: logger)
            let keeper = InterfaceKeeper(host, logger: logger, selfTest: tests.gate)
            try await serve(inventory, workers, recovered, epochs, keeper, tests, store, caches)
        }
    }

    private func serve(
        _ inventory: DeviceInventory, _ workers: WorkerSupervisor, _ recovered: [RecoveredWorker], _ epochs: [Epoch],
        _ keeper: InterfaceKeeper, _ tests: DeviceSelfTests, _ store: LocalInterfaceStore,
        _ caches: KernelCaches
    ) async throws {
        let installedWorkers = InstalledWorkers()
        let installed = await keeper.takeUpInstalled()
        for bundle in installed { installedWorkers.add(bundle) }
        let machine = GPUServerMachine(
            configuration: GPUServerMachineConfiguration(
                server: configuration.server, softwareVersion: configuration.softwareVersion,
                devices: inventory.descriptions, maximumGrants: configuration.maximumSessions, platform: .current,
                bundleSource: configuration.bundleSource,
                host: GPUServerHost(
                    failureDomain: configuration.failureDomain,
                    memory: configuration.workerMemory
                        ?? Bytes(Int64(clamping: ProcessInfo.processInfo.physicalMemory)),
                    processors: configuration.workerProcessors
                        ?? Double(ProcessInfo.processInfo.activeProcessorCount))),
            recovered: recovered, epochs: epochs, installed: installed.map(\.version),
            now: MonotonicClock.now())
        logger.info(
            "the GPU server starts",
            metadata: ["devices": "\(inventory.devices.count)", "workers": "\(recovered.count)"])
        try await serve(machine, inventory, workers, installedWorkers, keeper, tests, store, caches)
    }

    private func serve(
        _ machine: GPUServerMachine, _ inventory: DeviceInventory, _ workers: WorkerSupervisor,
        _ installedWorkers: InstalledWorkers, _ keeper: InterfaceKeeper, _ tests: DeviceSelfTests,
        _ store: LocalInterfaceStore, _ caches: KernelCaches
    ) async throws {
        let link = ManagerLink<GPUServerRole>(to: configuration.manager)
        let events = BoundedMailbox<GPUServerEvent>(limit: Self.mailboxLimit)
        let serverMetrics = GPUServerMetrics(metrics)
        let surroundings = LiveGPUServerSurroundings(
            link: link, workers: workers, installedWorkers: installedWorkers,
            stateDirectory: configuration.stateDirectory, keeper: keeper, logger: logger)
        let status = ServerStatus(period: configuration.period)
        let server = configuration.status.map { address in
            StatusServer(
                host: address.host, port: Int(address.port), metrics: metrics, logger: logger,
                readiness: { status.isLinked ? .ready : .notReady(reason: "the manager is not connected") },
                addRoutes: { addBundleRoutes(to: $0, store: store) })
        }
        let tasks: @Sendable () async -> Void = {
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    var loop = GPUServerLoop(
                        machine: machine, inventory: inventory, surroundings: surroundings, metrics: serverMetrics)
                    for await event in events { loop.handle(event, now: MonotonicClock.now()) }
                }
                group.addTask { await link.run() }
                group.addTask { await read(link, into: events, status, tests, serverMetrics) }
                group.addTask { for await event in workers.events { await events.put(event) } }
                group.addTask { await tick(events, status) }
                group.addTask { await keep(keeper, installedWorkers, tests, events) }
                group.addTask { await prune(caches, workers, serverMetrics) }
                // The tasks end when they are cancelled; one that ends before has failed.
                await group.next()
                group.cancelAll()
                workers.close()
            }
        }
        try await StatusServer.run(server, beside: tasks)
        logger.info("the GPU server ends")
    }

    /// The workers of a life before that can be served on; those of devices that are no longer there are ended.
    private func takeUpWorkers(
        _ inventory: DeviceInventory, _ caches: KernelCaches
    ) throws -> (WorkerSupervisor, [RecoveredWorker]) {
        var supervision = WorkerSupervisor.Configuration(
            directory: configuration.stateDirectory + "/workers", executable: configuration.workerExecutable,
            listenHost: configuration.listenHost, ports: configuration.workerPorts,
            advertisedHost: configuration.advertisedHost)
        supervision.shares.longestCommand = configuration.longestCommand
        supervision.limits = WorkerLimits(
            resumption: configuration.resumptionGrace, build: configuration.longestBuild)
        supervision.kernelCaches = caches
        let (workers, found) = try WorkerSupervisor.takingUp(supervision)
        var recovered: [RecoveredWorker] = []
        for worker in found {
            if inventory.selector(of: worker.device) == nil {
                logger.warning("a worker is ended: its device is gone", metadata: ["grant": "\(worker.grant)"])
                workers.stop(worker.grant)
            } else {
                recovered.append(worker)
            }
        }
        return (workers, recovered)
    }

    private func read(
        _ link: ManagerLink<GPUServerRole>, into events: BoundedMailbox<GPUServerEvent>, _ status: ServerStatus,
        _ tests: DeviceSelfTests, _ metrics: GPUServerMetrics
    ) async {
        var isMissing = false
        for await event in link.events {
            switch event {
            case .opened:
                isMissing = false
                status.isLinked = true
                metrics.link(isOpen: true)
                logger.info("connected to the manager")
                await events.put(.linkOpened)
                // A manager that has started anew knows of none.
                for measured in tests.measurements { await events.put(.interfaceMeasured(measured)) }
            case .received(let message):
                if case .welcome(let welcome) = message { status.period = welcome.period }
                await events.put(.managerMessageReceived(message))
            case .closed(let reason):
                status.isLinked = false
                metrics.link(isOpen: false)
                logger.warning("the manager is gone", metadata: ["reason": "\(reason)"])
                await events.put(.linkClosed)
            case .unreachable(let reason):
                // Once, however long that goes on.
                logger.log(
                    level: isMissing ? .debug : .warning, "the manager cannot be reached yet; it is tried again",
                    metadata: ["manager": "\(link.address)", "reason": "\(reason)"])
                isMissing = true
            }
        }
    }

    private func tick(_ events: BoundedMailbox<GPUServerEvent>, _ status: ServerStatus) async {
        var next = ContinuousClock.now
        while !Task.isCancelled {
            next = max(next + status.period, .now)
            try? await Task.sleep(until: next, tolerance: .zero, clock: .continuous)
            await events.put(.periodEnded)
        }
    }

    /// Keeps the caches of compiled kernels within their limits, at the start and now and then.
    private func prune(_ caches: KernelCaches, _ workers: WorkerSupervisor, _ metrics: GPUServerMetrics) async {
        while !Task.isCancelled {
            let pruning = caches.prune(now: Int64(time(nil)))
            metrics.pruned(pruning)
            if !pruning.overgrown.isEmpty {
                logger.warning(
                    "workers are ended: their caches of compiled kernels are greater than any may be",
                    metadata: ["caches": "\(pruning.overgrown.sorted().joined(separator: " "))"])
                workers.endOvergrown(pruning.overgrown)
            }
            try? await Task.sleep(for: Self.pruningPeriod)
        }
    }

    /// A tenant's compiler that fills the disk gets no further than it comes in this time.
    private static let pruningPeriod = Duration.seconds(600)

    /// Makes interface versions ready and gives them up.
    private func keep(
        _ keeper: InterfaceKeeper, _ workers: InstalledWorkers, _ tests: DeviceSelfTests,
        _ events: BoundedMailbox<GPUServerEvent>
    ) async {
        await keeper.run { news in
            switch news {
            case .ready(let bundle):
                workers.add(bundle)
                await events.put(.interfaceInstalled(bundle.version))
                if let measured = tests.measurement(of: bundle.version) {
                    await events.put(.interfaceMeasured(measured))
                }
            case .unusable(let version, let reason):
                workers.remove(version)
                await events.put(.interfaceFailed(version, reason))
            }
        }
    }
}

/// What the tasks of a GPU server know of its link.
private final class ServerStatus: Sendable {
    private struct State {
        var isLinked = false
        var period: Duration
    }

    private let state: Mutex<State>

    init(period: Duration) { state = Mutex(State(period: period)) }

    var isLinked: Bool {
        get { state.withLock { $0.isLinked } }
        set { state.withLock { $0.isLinked = newValue } }
    }

    /// 100 ms to 60 s.
    var period: Duration {
        get { state.withLock { $0.period } }
        set { state.withLock { $0.period = max(.milliseconds(100), min(newValue, .seconds(60))) } }
    }
}
