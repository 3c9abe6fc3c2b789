import ControlLoop
import ControlProtocol
import FleetModel
import InterfaceCore
import InterfaceStore
import Logging
import Observability
import Synchronization

/// The parts of an agent that runs, joined through the loop's inbox.
final class RunningAgent: Sendable {
    let link: ManagerLink<AgentRole>
    private let inbox: LoopInbox<AgentLoopMessage>
    private let telemetry: TelemetryThread
    private let resolver: NameResolver
    private let surroundings: LiveSurroundings
    private let keeper: InterfaceKeeper
    private let loop: DedicatedThread
    private let metrics: AgentMetrics
    private let logger: Logger
    private let linked = Mutex(false)

    /// Whether the stream to the manager is open.
    var isLinked: Bool { linked.withLock { $0 } }

    /// Starts the threads; when this returns, programs can ask.
    init(
        _ configuration: AgentConfiguration, _ keeper: InterfaceKeeper, _ metrics: AgentMetrics, _ logger: Logger
    ) async throws {
        self.keeper = keeper
        self.metrics = metrics
        self.logger = logger
        link = ManagerLink<AgentRole>(to: configuration.manager)
        guard let inbox = LoopInbox<AgentLoopMessage>(limit: Self.inboxLimit),
            let resolver = NameResolver(answer: { inbox.post(.resolved($0, $1)) })
        else { throw AgentServiceError("the process has no descriptor or thread left") }
        self.inbox = inbox
        self.resolver = resolver
        surroundings = LiveSurroundings(link: link, resolver: resolver, keeper: keeper, logger: logger)

        let installed = await keeper.takeUpInstalled()
        for bundle in installed { surroundings.activated(bundle) }
        let machine = AgentMachine(
            configuration: AgentMachineConfiguration(
                agent: configuration.agent, softwareVersion: configuration.softwareVersion,
                requestPatience: configuration.requestPatience, platform: .current),
            installed: installed.map(\.version))
        let requests = TelemetryRequests()
        loop = try await Self.startLoop(
            configuration: configuration, machine: machine, inbox: inbox, telemetry: requests,
            surroundings: surroundings, metrics: metrics)
        let telemetry = TelemetryThread(
            configuration: configuration.telemetry, requests: requests, period: configuration.period
        ) { round in
            for found in round.recognized { inbox.post(.recognized(found)) }
            inbox.post(.sampled(round.samples))
            metrics.sampled(in: round.cost, unattributed: round.unattributedBytes)
        }
        guard let telemetry else {
            inbox.post(.stop)
            throw AgentServiceError("the process has no thread left")
        }
        self.telemetry = telemetry
    }

    /// Hands what the manager says to the loop until the link ends.
    func readLink() async {
        var isMissing = false
        for await event in link.events {
            switch event {
            case .opened:
                isMissing = false
                setLinked(true)
                logger.info("connected to the manager")
                post(.event(.linkOpened))
            case .received(.welcome(let welcome)):
                telemetry.setPeriod(max(.milliseconds(100), min(welcome.period, .seconds(60))))
                post(.event(.managerMessageReceived(.welcome(welcome))))
            case .received(let message):
                post(.event(.managerMessageReceived(message)))
            case .closed(let reason):
                setLinked(false)
                logger.warning("the manager is gone", metadata: ["reason": "\(reason)"])
                post(.event(.linkClosed))
            case .unreachable(let reason):
                // Once, however long that goes on.
                logger.log(
                    level: isMissing ? .debug : .warning, "the manager cannot be reached yet; it is tried again",
                    metadata: ["manager": "\(link.address)", "reason": "\(reason)"])
                isMissing = true
            }
        }
    }

    /// Makes interface versions ready and gives them up.
    func keepInterfaces() async {
        await keeper.run { news in
            switch news {
            case .ready(let bundle):
                self.surroundings.activated(bundle)
                self.post(.event(.interfaceInstalled(bundle.version)))
            case .unusable(let version, let reason):
                self.surroundings.withdrawn(version)
                self.post(.event(.interfaceFailed(version, reason)))
            }
        }
    }

    /// Ends the threads, and waits the milliseconds that it takes the loop to close what it holds.
    func stop() {
        telemetry.stop()
        resolver.stop()
        inbox.post(.stop)
        loop.join()
    }

    private static let inboxLimit = 65_536

    private func post(_ message: AgentLoopMessage) {
        if !inbox.post(message) {
            logger.error("the agent's loop is \(Self.inboxLimit) messages behind; one is dropped")
        }
    }

    private func setLinked(_ isLinked: Bool) {
        linked.withLock { $0 = isLinked }
        metrics.link(isOpen: isLinked)
    }

    /// Makes the loop on its own thread, and returns that once the loop's socket is open.
    private static func startLoop(
        configuration: AgentConfiguration, machine: AgentMachine, inbox: LoopInbox<AgentLoopMessage>,
        telemetry: TelemetryRequests, surroundings: LiveSurroundings, metrics: AgentMetrics
    ) async throws -> DedicatedThread {
        let (starts, started) = AsyncStream<Result<Void, UnixSocketError>>.makeStream()
        let thread = DedicatedThread(name: "presync-agent") {
            do throws(UnixSocketError) {
                let loop = try AgentLoop(
                    configuration: configuration, machine: machine, inbox: inbox, telemetry: telemetry,
                    surroundings: surroundings, metrics: metrics)
                started.yield(.success(()))
                loop.run()
            } catch {
                started.yield(.failure(error))
            }
            started.finish()
        }
        guard let thread else { throw AgentServiceError("the process has no thread left") }
        // Nothing comes where the start is cancelled; the loop then finds its stop as soon as it runs.
        for await start in starts {
            try start.get()
            return thread
        }
        inbox.post(.stop)
        throw CancellationError()
    }
}
