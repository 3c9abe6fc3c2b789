import ControlLoop
package import ControlProtocol
import FleetModel
import ForecastCore
import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2
package import Logging
import Observability
import OpenBLAS
import ServiceLifecycle
import StateStore

/// The manager as a daemon: it joins the machine to the store, to its peers, to the clock and to those who ask.
///
/// Start: the store is opened and a term begun, then the machine recovers, with what its forecaster had learned, then
/// the ports are opened. Graceful shutdown: streams are closed with the reason, what is under way in the store is
/// finished, what was learned is kept, and the store is closed. A killed manager loses nothing but time: what peers were
/// told was durable before, and of what was learned at most ``ManagerConfiguration/snapshotPeriod`` is missing.
package struct ManagerService: Service {
    /// Where a running manager is reached.
    package struct Addresses: Hashable, Sendable {
        package var control: ManagerAddress
        package var http: ManagerAddress
    }

    private let configuration: ManagerConfiguration
    private let softwareVersion: String
    private let logger: Logger
    private let interfaces: InterfacePublication
    private let onListening: @Sendable (Addresses) -> Void

    /// - Parameters:
    ///   - interfaces: what agents and GPU servers are to install.
    ///   - onListening: told the addresses once both ports are open.
    package init(
        configuration: ManagerConfiguration, softwareVersion: String, logger: Logger,
        interfaces: InterfacePublication = .none,
        onListening: @escaping @Sendable (Addresses) -> Void = { _ in }
    ) {
        self.configuration = configuration
        self.softwareVersion = softwareVersion
        self.logger = logger
        self.interfaces = interfaces
        self.onListening = onListening
    }

    /// Runs until graceful shutdown, or until another manager takes over.
    /// - Throws: ``ManagerError``.
    package func run() async throws {
        let errors = configuration.validate()
        guard errors.isEmpty else { throw ManagerError.invalidConfiguration(errors) }
        let linearAlgebra: (name: String, algebra: any LinearAlgebra)
        do { linearAlgebra = try configuration.linearAlgebra.resolve() } catch {
            throw ManagerError.invalidConfiguration(["linear-algebra: \(error)"])
        }
        let store: SQLiteFleetStore
        let recovered: StoredFleet
        do {
            try FileManager.default.createDirectory(
                atPath: configuration.stateDirectory, withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
            store = try SQLiteFleetStore(path: configuration.stateDirectory + "/state.sqlite")
            recovered = try await store.beginTerm()
        } catch {
            throw ManagerError.store(String(describing: error))
        }
        logger.info(
            "manager starts",
            metadata: [
                "term": "\(recovered.term)", "grants": "\(recovered.grants.count)",
                "linear-algebra": "\(linearAlgebra.name)",
            ])
        let result: Result<Void, any Error>
        do {
            let parts = ManagerParts(configuration: configuration, store: store, logger: logger)
            let forecaster = makeForecaster(parts, configuration.forecasting(on: linearAlgebra.algebra))
            let machine = configuration.makeMachine(
                recovered: recovered, forecaster: TappedForecaster(forecaster, parts.telemetry),
                softwareVersion: softwareVersion)
            result = .success(try await run(parts, machine))
        } catch {
            result = .failure(error)
            // A store that was lost and begun anew is behind its GPU servers: the next start is above what they saw.
            if case ManagerError.superseded(_, let term) = error { try? await store.raiseTerm(to: term) }
        }
        await store.close()
        logger.info("manager ends")
        try result.get()
    }

    /// What the last manager knew, where that was kept.
    private func makeForecaster(
        _ parts: ManagerParts, _ forecasting: FleetForecaster.Configuration
    ) -> FleetForecaster {
        guard let keeper = parts.snapshotKeeper else { return FleetForecaster(configuration: forecasting) }
        return keeper.file.forecaster(
            forecasting, named: configuration.networks, metrics: keeper.metrics, logger: logger)
    }

    private func run(_ parts: ManagerParts, _ machine: ManagerMachine) async throws {
        let transport = ControlTransport.server(on: configuration.listen)
        let server = GRPCServer(transport: transport, services: parts.services)
        let httpPort = BoundedMailbox<Int>(limit: 1)
        let http = StatusServer(
            host: configuration.httpListen.host, port: Int(configuration.httpListen.port), metrics: parts.registry,
            logger: logger, readiness: { parts.health.readiness }, addRoutes: interfaces.addRoutes,
            onListening: { port in _ = httpPort.offer(port) })
        try await withThrowingTaskGroup(of: Part.self) { group in
            group.addTask {
                try await parts.runCore(machine, logger: logger)
                return .core
            }
            group.addTask {
                do { try await server.serve() } catch {
                    throw ManagerError.listening(on: configuration.listen.description, error)
                }
                parts.inbox.finish()
                return .other
            }
            group.addTask {
                do { try await http.run() } catch {
                    throw ManagerError.listening(on: configuration.httpListen.description, error)
                }
                return .other
            }
            group.addTask {
                await parts.tick(every: configuration.period)
                return .other
            }
            group.addTask {
                await parts.watchLinks()
                return .other
            }
            group.addTask {
                await announce(transport, httpPort: httpPort, parts)
                return .other
            }
            group.addTask {
                try? await gracefulShutdown()
                parts.sayGoodbye()
                server.beginGracefulShutdown()
                try? await Task.sleep(for: Self.drainTime)
                parts.inbox.finish()
                return .other
            }
            while let ended = try await group.next(), ended != .core {}
            group.cancelAll()
        }
    }

    /// Waits until both ports are open, says where, and tells the core what is published for as long as it runs.
    private func announce(
        _ transport: HTTP2ServerTransport.Posix, httpPort: BoundedMailbox<Int>, _ parts: ManagerParts
    ) async {
        // Where listening fails, the task that serves says so.
        guard let address = try? await transport.listeningAddress, let http = await httpPort.next() else { return }
        let port = address.ipv4?.port ?? address.ipv6?.port ?? Int(configuration.listen.port)
        let addresses = Addresses(
            control: ManagerAddress(host: configuration.listen.host, port: UInt16(clamping: port)),
            http: ManagerAddress(host: configuration.httpListen.host, port: UInt16(clamping: http)))
        logger.info("manager listens", metadata: ["control": "\(addresses.control)", "http": "\(addresses.http)"])
        parts.health.listening()
        onListening(addresses)
        let source = configuration.httpURL ?? "http://\(addresses.http)"
        await interfaces.watch { offers in
            await parts.inbox.put(.event(.interfacesPublished(offers, source: source)))
        }
    }

    /// The tasks of a running manager: it ends when its core does.
    private enum Part: Hashable, Sendable {
        case core
        case other
    }

    /// How long peers have to leave at graceful shutdown.
    private static let drainTime: Duration = .seconds(2)
}
