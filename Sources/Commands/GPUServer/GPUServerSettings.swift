import ControlProtocol
import DeviceDrivers
import FleetModel
import Foundation
import GPUServerRuntime
import Glibc
import InterfaceSelfTest

/// A duration, or `none` for no limit.
private struct LongestCommand {
    let limit: Duration?

    init?(_ text: String) {
        let duration = Duration(text: text)
        guard duration != nil || text == "none" else { return nil }
        limit = duration
    }
}

/// A numeric address, read as the worker that listens on it does: it resolves no names, and each session would fail.
private struct NumericHost {
    let text: String

    init?(_ text: String) {
        var hints = addrinfo()
        hints.ai_flags = AI_NUMERICHOST
        var found: UnsafeMutablePointer<addrinfo>?
        guard !text.isEmpty, getaddrinfo(text, nil, &hints, &found) == 0 else { return nil }
        freeaddrinfo(found)
        self.text = text
    }
}

/// The GPU server's settings.
enum GPUServerSettings {
    static let role = "gpu-server"

    static let known =
        [
            Setting(name: "id", meaning: "name of this GPU server (default: the host's name)"),
            Setting(name: "manager", meaning: "HOST:PORT of the manager (default: 127.0.0.1:7400)"),
            Setting(
                name: "state-directory", meaning: "epochs and bundles (default: /var/lib/presync/gpu-server)"),
            Setting(
                name: "status-listen", meaning: "HOST:PORT for metrics and health, or none (default: 127.0.0.1:7403)"),
            Setting(
                name: "bundle-url",
                meaning: "base URL by which agents reach that, to fetch bundles (default: from advertised-host)"),
            Setting(name: "period", meaning: "time from heartbeat to heartbeat, 100ms to 1m (default: 1s)"),
            Setting(
                name: "worker",
                meaning: "worker program for every session, for development (default: each bundle's own)"),
            Setting(name: "listen-host", meaning: "numeric address on which workers listen (default: 127.0.0.1)"),
            Setting(name: "advertised-host", meaning: "host by which agents reach that (default: 127.0.0.1)"),
            Setting(name: "worker-ports", meaning: "FIRST-LAST, ports for workers (default: any that are free)"),
            Setting(name: "memory-limit", meaning: "the most memory granted of each device, as 8GiB (default: all)"),
            Setting(
                name: "longest-command",
                meaning: "how long a command may keep the device from others before its session is ended, or none "
                    + "where the device interrupts commands (default: 30s)"),
            Setting(
                name: "failure-domain",
                meaning: "what fails together with it, such as its rack: backups go elsewhere (default: it fails alone)"
            ),
            Setting(
                name: "worker-memory", meaning: "memory of the host for workers, as 64GiB (default: all that it has)"),
            Setting(
                name: "worker-processors",
                meaning:
                    "processors of the host for workers, as 6 or 1.5 (default: all that it may use)"),
            Setting(
                name: "resumption-grace",
                meaning: "how long a session waits for its program after the connection broke, 0 for not at all "
                    + "(default: 10s)"),
            Setting(
                name: "longest-build", meaning: "how long a build of a program may take before it fails (default: 5m)"),
            Setting(
                name: "kernel-cache-directory",
                meaning: "where drivers keep compiled kernels, of this GPU server alone (default: kernel-caches in "
                    + "state-directory)"),
            Setting(
                name: "kernel-cache-per-instance",
                meaning: "disk for one instance's compiled kernels; oldest use goes first (default: 512MiB)"),
            Setting(name: "kernel-cache-total", meaning: "disk for all instances' compiled kernels (default: 8GiB)"),
            Setting(
                name: "kernel-cache-age",
                meaning: "how long an instance's compiled kernels are kept after its last session (default: 720h)"),
            Setting(name: "maximum-devices", meaning: "the most devices offered, GPUs first, at most 64 (default: 64)"),
            Setting(name: "maximum-sessions", meaning: "sessions at once, at most 16384 (default: 4096)"),
            Setting(
                name: "self-test",
                meaning: "test each interface version on the devices before it is used: yes or no (default: yes)"),
            Setting(name: "opencl-library", meaning: "path of the OpenCL loader (default: libOpenCL.so.1)"),
            Setting(name: "synthetic-devices", meaning: "made-up devices instead of real ones, for tests (default: 0)"),
        ] + InterfaceSettings.known + Daemon.commonSettings

    /// The configuration that `settings` amount to, on top of the defaults; what is wrong is noted in `settings`.
    static func configuration(_ settings: inout Settings) -> GPUServerConfiguration {
        let id = settings.value("id", expected: "a name", GPUServerID.init(rawValue:))
        let hostID = GPUServerID(rawValue: ProcessInfo.processInfo.hostName)
        var configuration = GPUServerConfiguration(
            server: id ?? hostID ?? GPUServerID(unchecked: role), softwareVersion: SoftwareVersion.text,
            workerExecutable: settings.value("worker", expected: "an absolute path") { $0.hasPrefix("/") ? $0 : nil })
        if let value = settings.value("manager", expected: "HOST:PORT", ManagerAddress.init) {
            configuration.manager = value
        }
        if let value = settings.value("state-directory", expected: "a folder", { $0.isEmpty ? nil : $0 }) {
            configuration.stateDirectory = value
        }
        if let value = settings.value("status-listen", expected: "HOST:PORT or none", StatusAddress.init) {
            configuration.status = value.address
        }
        if let value = settings.value("period", expected: Duration.expected, Duration.init(text:)) {
            configuration.period = value
        }
        readWorkers(&settings, into: &configuration)
        if let value = settings.value("memory-limit", expected: "an amount of memory", BytesArgument.init(argument:)) {
            configuration.memoryLimit = value.bytes
        }
        configuration.failureDomain = settings.value(
            "failure-domain", expected: "a name", FailureDomain.init(rawValue:))
        if let value = settings.value("worker-memory", expected: "an amount of memory", BytesArgument.init(argument:)) {
            configuration.workerMemory = value.bytes
        }
        configuration.workerProcessors = settings.value(
            "worker-processors", expected: "a number above 0, at most 100000"
        ) { text in Double(text).flatMap { $0 > 0 && $0 <= 100_000 ? $0 : nil } }
        if let value = settings.value(
            "longest-command", expected: "none or " + Duration.expected, LongestCommand.init)
        {
            configuration.longestCommand = value.limit
        }
        if let value = settings.value("opencl-library", expected: "a path", { $0.isEmpty ? nil : $0 }) {
            configuration.openCLLibrary = value
        }
        if let value = settings.value("maximum-devices", expected: "a whole number", Int.init) {
            configuration.maximumDevices = value
        }
        if let value = settings.value("synthetic-devices", expected: "a whole number", Int.init) {
            configuration.synthetic = GPUServerConfiguration.SyntheticDevices(count: value)
        }
        configuration.bundleURL = settings.value("bundle-url", expected: "an http URL") { text in
            ["http://", "https://"].contains { text.hasPrefix($0) && text.count > $0.count } ? text : nil
        }
        if settings.value("self-test", expected: "yes or no", YesOrNo.init)?.isYes ?? true {
            configuration.selfTest = SelfTestProcess(program: OwnExecutable.path)
        }
        InterfaceSettings.read(&settings, into: &configuration.interfaces)
        for problem in configuration.validate() { settings.report(problem, advice: "see presync gpu-server --help") }
        return configuration
    }

    private static func readKernelCaches(_ settings: inout Settings, into configuration: inout GPUServerConfiguration) {
        if let value = settings.value("kernel-cache-directory", expected: "a folder", { $0.isEmpty ? nil : $0 }) {
            configuration.kernelCacheDirectory = value
        }
        func bytes(_ name: String) -> Bytes? {
            settings.value(name, expected: "an amount of disk", BytesArgument.init(argument:))?.bytes
        }
        if let value = bytes("kernel-cache-per-instance") { configuration.kernelCaches.perInstance = value }
        if let value = bytes("kernel-cache-total") { configuration.kernelCaches.inAll = value }
        if let value = settings.value("kernel-cache-age", expected: Duration.expected, Duration.init(text:)) {
            configuration.kernelCaches.age = value
        }
    }

    private static func readWorkers(_ settings: inout Settings, into configuration: inout GPUServerConfiguration) {
        if let value = settings.value("listen-host", expected: "a numeric address", NumericHost.init) {
            configuration.listenHost = value.text
        }
        if let value = settings.value("advertised-host", expected: "a host", { $0.isEmpty ? nil : $0 }) {
            configuration.advertisedHost = value
        }
        if let value = settings.value("worker-ports", expected: "FIRST-LAST", PortRange.init) {
            configuration.workerPorts = value.ports
        }
        if let value = settings.value("resumption-grace", expected: Duration.expected, Duration.init(text:)) {
            configuration.resumptionGrace = value
        }
        if let value = settings.value("longest-build", expected: Duration.expected, Duration.init(text:)) {
            configuration.longestBuild = value
        }
        readKernelCaches(&settings, into: &configuration)
        if let value = settings.value("maximum-sessions", expected: "a whole number", Int.init) {
            configuration.maximumSessions = value
        }
    }
}

/// A range of ports as people write it: `FIRST-LAST`.
struct PortRange {
    var ports: ClosedRange<UInt16>

    init?(_ text: String) {
        let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { UInt16($0) }
        guard ends.count == 2, let first = ends[0], let last = ends[1], first > 0, first <= last else { return nil }
        ports = first...last
    }
}
