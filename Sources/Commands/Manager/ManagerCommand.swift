import ArgumentParser
import FleetModel
import Logging
import ManagerRuntime
import Observability
import RemotingCore

/// `presync manager`: the daemon that forecasts and decides.
struct ManagerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: ManagerSettings.role,
        abstract: "Run the manager: it forecasts demand and has virtual GPUs ready.",
        discussion: """
            presync manager --listen 0.0.0.0:7400
            presync manager --config presync.yaml --check

            \(SettingsHelp.text(role: ManagerSettings.role, ManagerSettings.known, lists: ManagerSettings.lists))
            """)

    @OptionGroup var daemon: DaemonOptions

    @Option(help: .hidden) var listen: String?
    @Option(help: .hidden) var httpListen: String?
    @Option(help: .hidden) var httpUrl: String?
    @Option(help: .hidden) var stateDirectory: String?
    @Option(help: .hidden) var interfaceRepository: String?
    @Option(help: .hidden) var interfaceUpdates: String?
    @Option(help: .hidden) var policy: String?
    @Option(help: .hidden) var mode: String?
    @Option(help: .hidden) var period: String?
    @Option(help: .hidden) var timeToLive: String?
    @Option(help: .hidden) var networks: String?
    @Option(help: .hidden) var horizons: String?
    @Option(help: .hidden) var linearAlgebra: String?
    @Option(help: .hidden) var snapshotEvery: String?
    @Option(help: .hidden) var maximumLinks: String?
    @Option(help: .hidden) var keptEvents: String?
    @Option(help: .hidden) var logLevel: String?
    @Option(help: .hidden) var logFormat: String?

    func run() async throws {
        try await CommandRunner.run {
            var settings = daemon.settings(
                role: ManagerSettings.role, known: ManagerSettings.known, lists: ManagerSettings.lists,
                flags: [
                    "listen": listen, "http-listen": httpListen, "http-url": httpUrl,
                    "interface-repository": interfaceRepository, "interface-updates": interfaceUpdates,
                    "state-directory": stateDirectory, "policy": policy, "mode": mode, "period": period,
                    "time-to-live": timeToLive, "networks": networks, "horizons": horizons,
                    "linear-algebra": linearAlgebra,
                    "snapshot-every": snapshotEvery, "maximum-links": maximumLinks, "kept-events": keptEvents,
                    "log-level": logLevel, "log-format": logFormat,
                ])
            let configuration = ManagerSettings.configuration(&settings)
            let logging = Daemon.logging(&settings)
            try settings.check()
            if daemon.check { return print("The configuration of the manager is valid.") }
            try Daemon.takeStateDirectory(configuration.stateDirectory)
            logging.bootstrap()
            let logger = Logger(label: ManagerSettings.role)
            let interfaces = RepositoryPublication(
                state: FilePath.full(configuration.stateDirectory), directory: configuration.interfaceRepository,
                logger: logger
            ) { try ThisBuild.bundle(in: $0) }
            let service = ManagerService(
                configuration: configuration, softwareVersion: SoftwareVersion.text, logger: logger,
                interfaces: interfaces.publication)
            try await Daemon.run(service, name: ManagerSettings.role, options: daemon, logger: logger)
        }
    }
}
