import ControlLoop
import ControlProtocol
import FleetModel
import Glibc
import InterfaceCore
import InterfaceStore
package import Logging
package import Observability
import ServiceLifecycle
import Synchronization

/// The agent daemon.
///
/// Three threads of its own: the loop, which owns the machine and serves programs; the sampler, which measures; and the
/// resolver of worker names. The link to the manager, installations and the status server are tasks. Each reaches the
/// loop through its inbox, and nothing else is shared.
///
/// Shutdown order: the link ends, the sampler stops, the loop closes what it holds and its socket. Sessions that
/// programs hold are theirs and go on.
package struct AgentService: Service {
    private let configuration: AgentConfiguration
    private let metrics: MetricsRegistry
    private let logger: Logger

    package init(configuration: AgentConfiguration, metrics: MetricsRegistry, logger: Logger) {
        self.configuration = configuration
        self.metrics = metrics
        self.logger = logger
    }

    /// Serves until the task is cancelled or a graceful shutdown is begun.
    /// - Throws: ``AgentServiceError`` when the agent cannot start, or its status server fails.
    package func run() async throws {
        let problems = configuration.validate()
        guard problems.isEmpty else { throw AgentServiceError(problems.joined(separator: "; ")) }
        try prepareHost()
        let store = LocalInterfaceStore(directory: configuration.stateDirectory + "/interfaces")
        try await HostInterfaces.with(
            configuration.interfaces, store: store, trust: configuration.stateDirectory + "/trust", logger: logger
        ) { host in
            let keeper = InterfaceKeeper(host, logger: logger)
            let daemon = try await RunningAgent(configuration, keeper, AgentMetrics(metrics), logger)
            logger.info(
                "the agent serves programs",
                metadata: ["socket": "\(configuration.socketPath)", "instances": "\(configuration.instances.count)"])
            for instance in configuration.instances {
                guard let absence = instance.selector.absence else { continue }
                logger.warning(
                    "\(absence): nothing is measured of this instance, and no program is of it, until there is",
                    metadata: ["instance": "\(instance.description.id)"])
            }
            defer { daemon.stop() }
            try await serve(daemon)
            logger.info("the agent ends")
        }
    }

    /// Runs the tasks until shutdown, or until one fails.
    private func serve(_ daemon: RunningAgent) async throws {
        let server = configuration.status.map { address in
            StatusServer(
                host: address.host, port: Int(address.port), metrics: metrics, logger: logger,
                readiness: { daemon.isLinked ? .ready : .notReady(reason: "the manager is not connected") })
        }
        let tasks: @Sendable () async -> Void = {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await daemon.link.run() }
                group.addTask { await daemon.readLink() }
                group.addTask { await daemon.keepInterfaces() }
                // The tasks end when they are cancelled; one that ends before has failed.
                await group.next()
                group.cancelAll()
            }
        }
        try await StatusServer.run(server, beside: tasks)
    }

    /// Creates the socket's folder, and lets the process hold as many descriptors as the system allows it.
    private func prepareHost() throws(AgentServiceError) {
        let folder = configuration.socketPath.split(separator: "/").dropLast().reduce(into: "") { path, part in
            path += "/" + part
            mkdir(path, 0o755)
        }
        var status = stat()
        guard folder.isEmpty || (stat(folder, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR) else {
            throw AgentServiceError(
                "the socket's folder \(folder) cannot be created: \(errorText(errno)); name another socket with --socket"
            )
        }
        var limit = rlimit()
        if getrlimit(Int32(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            limit.rlim_cur = limit.rlim_max
            setrlimit(Int32(RLIMIT_NOFILE.rawValue), &limit)
        }
    }
}

/// Why an agent could not start.
package struct AgentServiceError: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String
    init(_ description: String) { self.description = description }
}
