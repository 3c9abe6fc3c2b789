package import ControlProtocol
import DeviceDrivers
package import FleetModel
package import InterfaceSelfTest
package import InterfaceStore

/// What a GPU server is told at its start.
package struct GPUServerConfiguration: Sendable {
    package var server: GPUServerID
    package var softwareVersion: String
    package var manager = ManagerAddress.standard
    /// How often a heartbeat is sent, 100 ms to 60 s; the manager's welcome replaces it.
    package var period: Duration = .seconds(1)
    /// Where epochs, bundles and the records of workers are kept; of this GPU server alone.
    package var stateDirectory = "/var/lib/presync/gpu-server"
    /// A program that is started for every session instead of the worker of the session's version, for development.
    package var workerExecutable: String?
    /// The numeric address on which workers listen.
    package var listenHost = "127.0.0.1"
    /// The ports on which workers listen; 0...0 takes any that are free.
    package var workerPorts: ClosedRange<UInt16> = 0...0
    /// The host by which agents reach ``listenHost``.
    package var advertisedHost = "127.0.0.1"
    /// The most memory of each device that may be granted; nil for all that the device has. A driver that computes on
    /// the host (PoCL) reports the host's memory, which other programs need too.
    package var memoryLimit: Bytes?
    package static let leastMemoryLimit = Bytes.mebibytes(16)
    /// The most devices that are offered: the first of those that are found.
    package var maximumDevices = ProtocolLimits.devices
    /// Made-up devices instead of those of the drivers; nil for real ones.
    package var synthetic: SyntheticDevices?
    /// The path of the OpenCL loader.
    package var openCLLibrary = OpenCLLibrary.standardPath
    /// How long a session's commands may run on, when their turn on the device is over and others want it, before its
    /// worker is ended; nil for devices that let others compute meanwhile.
    package var longestCommand: Duration? = .seconds(30)
    package static let leastLongestCommand = Duration.seconds(1)
    /// What fails together with this GPU server: its rack, power feed or zone. Backups keep out of it. Nil: it fails alone.
    package var failureDomain: FailureDomain?
    /// The host's memory for workers; nil for all that the host has.
    package var workerMemory: Bytes?
    /// The host's processors for workers; nil for all that this process may use.
    package var workerProcessors: Double?
    /// How long a session waits for its program after the TCP connection broke, with all that it holds; 0 for not at all.
    package var resumptionGrace: Duration = .seconds(10)
    package static let greatestResumptionGrace = Duration.seconds(600)
    /// How long a build of a program may take before it has failed.
    package var longestBuild: Duration = .seconds(300)
    package static let buildTimes: ClosedRange<Duration> = .seconds(1)...Duration.seconds(86_400)
    /// Bounds of the caches in which drivers keep the kernels that they compiled.
    package var kernelCaches = KernelCacheLimits()
    /// The folder of these caches, of this GPU server alone; nil for one below ``stateDirectory``.
    package var kernelCacheDirectory: String?
    /// The most sessions that are held at once.
    package var maximumSessions = 4_096
    /// Where `/metrics`, `/livez` and `/readyz` are served; nil for nowhere.
    package var status: ManagerAddress? = ManagerAddress(host: "127.0.0.1", port: 7_403)
    /// The base URL by which agents reach ``status``, where they fetch what is installed here; nil where that follows
    /// from ``advertisedHost``.
    package var bundleURL: String?
    /// How versions are tested on the devices before they are used here; nil to use them untested.
    package var selfTest: SelfTestProcess?
    /// How interface versions are come by.
    package var interfaces = HostInterfacesConfiguration()

    /// Equal devices that do not exist.
    package struct SyntheticDevices: Hashable, Sendable {
        package var count: Int
        package var memory: Bytes

        package init(count: Int, memory: Bytes = .gibibytes(16)) {
            self.count = count
            self.memory = memory
        }
    }

    package init(server: GPUServerID, softwareVersion: String, workerExecutable: String? = nil) {
        self.server = server
        self.softwareVersion = softwareVersion
        self.workerExecutable = workerExecutable
    }

    /// Everything that is wrong, a sentence fragment each; empty when nothing is.
    package func validate() -> [String] {
        var problems: [String] = []
        if period < .milliseconds(100) || period > .seconds(60) {
            problems.append("the period is \(period.inSeconds) s, and must be 0.1 to 60")
        }
        // A worker's control socket lies below; its path has at most 107 bytes.
        if !stateDirectory.hasPrefix("/") || stateDirectory.utf8.count > 64 {
            problems.append("state directory \"\(stateDirectory)\" must be absolute and have at most 64 bytes")
        }
        if let workerExecutable, !workerExecutable.hasPrefix("/") {
            problems.append("worker executable \"\(workerExecutable)\" must be an absolute path")
        }
        if advertisedHost.isEmpty || listenHost.isEmpty { problems.append("workers have no address to listen on") }
        if workerPorts.contains(0) && workerPorts != 0...0 {
            problems.append("worker ports \(workerPorts) contain 0; use 0...0 for any that are free")
        }
        if let memoryLimit, memoryLimit < Self.leastMemoryLimit {
            problems.append("a memory limit of \(memoryLimit.rawValue) bytes is below 16 MiB")
        }
        if let synthetic, !(1...ProtocolLimits.devices).contains(synthetic.count) || synthetic.memory <= .zero {
            problems.append(
                "\(synthetic.count) synthetic devices of \(synthetic.memory.rawValue) bytes, which must be 1 to "
                    + "\(ProtocolLimits.devices) with some memory")
        }
        if let longestCommand, longestCommand < Self.leastLongestCommand {
            problems.append("the longest command is \(longestCommand.inSeconds) s, and must be at least 1")
        }
        if !(.zero...Self.greatestResumptionGrace).contains(resumptionGrace) {
            problems.append("the resumption grace is \(resumptionGrace.inSeconds) s, and must be 0 to 600")
        }
        if !Self.buildTimes.contains(longestBuild) {
            problems.append("the longest build is \(longestBuild.inSeconds) s, and must be 1 to 86400")
        }
        if !(1...ProtocolLimits.devices).contains(maximumDevices) {
            problems.append("\(maximumDevices) devices at most, which must be 1 to \(ProtocolLimits.devices)")
        }
        if !(1...ProtocolLimits.grants).contains(maximumSessions) {
            problems.append("\(maximumSessions) sessions at most, which must be 1 to \(ProtocolLimits.grants)")
        }
        if let kernelCacheDirectory, !kernelCacheDirectory.hasPrefix("/") {
            problems.append("kernel cache directory \"\(kernelCacheDirectory)\" must be absolute")
        }
        return problems + kernelCaches.validate() + interfaces.validate()
    }

    /// What agents are told: ``bundleURL``, else the status address where it is open to the host that is advertised.
    var bundleSource: String {
        if let bundleURL { return bundleURL }
        guard let status else { return "" }
        let isOpen = ["0.0.0.0", "::", "[::]", advertisedHost].contains(status.host)
        return isOpen ? "http://\(advertisedHost):\(status.port)" : ""
    }
}
