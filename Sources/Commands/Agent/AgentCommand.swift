import AgentRuntime
import ArgumentParser
import Logging
import Observability

/// `presync agent`: the daemon of a host with compute instances.
struct AgentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: AgentSettings.role,
        abstract: "Run the agent of a host: it reports what instances do and holds their sessions ready.",
        discussion: """
            presync agent --manager 10.0.0.5:7400
            PRESYNC_AGENT_MANAGER=10.0.0.5:7400 presync agent --check

            \(SettingsHelp.text(role: AgentSettings.role, AgentSettings.known, lists: AgentSettings.lists))
            """)

    @OptionGroup var daemon: DaemonOptions

    @OptionGroup var interfaces: InterfaceSettingOptions

    @Option(help: .hidden) var id: String?
    @Option(help: .hidden) var manager: String?
    @Option(help: .hidden) var socket: String?
    @Option(help: .hidden) var socketMode: String?
    @Option(help: .hidden) var stateDirectory: String?
    @Option(help: .hidden) var statusListen: String?
    @Option(help: .hidden) var period: String?
    @Option(help: .hidden) var registration: String?
    @Option(help: .hidden) var requestPatience: String?
    @Option(help: .hidden) var hostInstance: String?
    @Option(help: .hidden) var userActivity: String?
    @Option(help: .hidden) var userIdentity: String?
    @Option(help: .hidden) var logLevel: String?
    @Option(help: .hidden) var logFormat: String?

    func run() async throws {
        try await CommandRunner.run {
            var settings = daemon.settings(
                role: AgentSettings.role, known: AgentSettings.known, lists: AgentSettings.lists,
                flags: [
                    "id": id, "manager": manager, "socket": socket, "socket-mode": socketMode,
                    "state-directory": stateDirectory, "status-listen": statusListen, "period": period,
                    "registration": registration, "request-patience": requestPatience,
                    "interface-root": interfaces.interfaceRoot,
                    "interface-require-root": interfaces.interfaceRequireRoot,
                    "interface-mirrors": interfaces.interfaceMirrors, "interface-quota": interfaces.interfaceQuota,
                    "interface-review": interfaces.interfaceReview,
                    "host-instance": hostInstance, "user-activity": userActivity, "user-identity": userIdentity,
                    "log-level": logLevel, "log-format": logFormat,
                ])
            let configuration = AgentSettings.configuration(&settings)
            let logging = Daemon.logging(&settings)
            try settings.check()
            if daemon.check { return print("The configuration of the agent is valid.") }
            try Daemon.takeStateDirectory(configuration.stateDirectory)
            logging.bootstrap()
            let logger = Logger(label: AgentSettings.role)
            let service = AgentService(
                configuration: configuration, metrics: MetricsRegistry(), logger: logger)
            try await Daemon.run(service, name: AgentSettings.role, options: daemon, logger: logger)
        }
    }
}
