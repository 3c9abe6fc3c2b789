import ArgumentParser
import GPUServerRuntime
import Logging
import Observability

/// `presync gpu-server`, and `presync gpu-server run`: the daemon of a host with GPUs.
struct GPUServerRunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run a GPU server: what is done where nothing else is named.")

    @OptionGroup var daemon: DaemonOptions

    @OptionGroup var interfaces: InterfaceSettingOptions

    @Option(help: .hidden) var id: String?
    @Option(help: .hidden) var manager: String?
    @Option(help: .hidden) var stateDirectory: String?
    @Option(help: .hidden) var statusListen: String?
    @Option(help: .hidden) var bundleUrl: String?
    @Option(help: .hidden) var period: String?
    @Option(help: .hidden) var worker: String?
    @Option(help: .hidden) var listenHost: String?
    @Option(help: .hidden) var advertisedHost: String?
    @Option(help: .hidden) var workerPorts: String?
    @Option(help: .hidden) var memoryLimit: String?
    @Option(help: .hidden) var longestCommand: String?
    @Option(help: .hidden) var failureDomain: String?
    @Option(help: .hidden) var workerMemory: String?
    @Option(help: .hidden) var workerProcessors: String?
    @Option(help: .hidden) var resumptionGrace: String?
    @Option(help: .hidden) var longestBuild: String?
    @Option(help: .hidden) var kernelCacheDirectory: String?
    @Option(help: .hidden) var kernelCachePerInstance: String?
    @Option(help: .hidden) var kernelCacheTotal: String?
    @Option(help: .hidden) var kernelCacheAge: String?
    @Option(help: .hidden) var maximumDevices: String?
    @Option(help: .hidden) var maximumSessions: String?
    @Option(name: .customLong("opencl-library"), help: .hidden) var openCLLibrary: String?
    @Option(help: .hidden) var selfTest: String?
    @Option(help: .hidden) var syntheticDevices: String?
    @Option(help: .hidden) var logLevel: String?
    @Option(help: .hidden) var logFormat: String?

    func run() async throws {
        try await CommandRunner.run {
            var settings = daemon.settings(
                role: GPUServerSettings.role, known: GPUServerSettings.known,
                flags: [
                    "id": id, "manager": manager, "state-directory": stateDirectory, "status-listen": statusListen,
                    "interface-root": interfaces.interfaceRoot,
                    "interface-require-root": interfaces.interfaceRequireRoot,
                    "interface-mirrors": interfaces.interfaceMirrors, "interface-quota": interfaces.interfaceQuota,
                    "interface-review": interfaces.interfaceReview,
                    "bundle-url": bundleUrl, "period": period, "worker": worker, "listen-host": listenHost,
                    "advertised-host": advertisedHost, "worker-ports": workerPorts, "memory-limit": memoryLimit,
                    "longest-command": longestCommand, "failure-domain": failureDomain,
                    "worker-memory": workerMemory, "worker-processors": workerProcessors,
                    "resumption-grace": resumptionGrace,
                    "longest-build": longestBuild, "kernel-cache-directory": kernelCacheDirectory,
                    "kernel-cache-per-instance": kernelCachePerInstance, "kernel-cache-total": kernelCacheTotal,
                    "kernel-cache-age": kernelCacheAge, "maximum-devices": maximumDevices,
                    "maximum-sessions": maximumSessions,
                    "opencl-library": openCLLibrary, "self-test": selfTest,
                    "synthetic-devices": syntheticDevices, "log-level": logLevel, "log-format": logFormat,
                ])
            let configuration = GPUServerSettings.configuration(&settings)
            let logging = Daemon.logging(&settings)
            try settings.check()
            if daemon.check { return print("The configuration of the GPU server is valid.") }
            try Daemon.takeStateDirectory(configuration.stateDirectory)
            logging.bootstrap()
            let logger = Logger(label: GPUServerSettings.role)
            let service = GPUServerService(
                configuration: configuration, metrics: MetricsRegistry(), logger: logger)
            try await Daemon.run(service, name: GPUServerSettings.role, options: daemon, logger: logger)
        }
    }
}
