import COpenCL
import DeviceDrivers
import RemotingCore
import WorkerControl

/// The device that a worker has opened for its session.
enum WorkerDevice {
    case openCL(OpenCLComputeDevice)
    case synthetic(SyntheticComputeDevice)

    init(_ selector: DeviceSelector, _ limits: WorkerLimits) throws(DeviceDriverError) {
        switch selector {
        case .openCL(let platform, let device):
            self = .openCL(try OpenCLComputeDevice(platform: platform, device: device, longestBuild: limits.build))
        case .synthetic:
            self = .synthetic(SyntheticComputeDevice())
        }
    }

    /// Reads from `output` what kernels print.
    func captureOutput(_ output: KernelOutput) {
        guard case .openCL(let device) = self else { return }
        KernelOutput.limitFiles()
        device.output = output
    }

    /// Bounds what compilations take of the host's memory: the process is the session's own.
    func boundCompilations() {
        if case .openCL(let device) = self { device.buildMemory = BuildMemory() }
    }

    /// Remembers what the instance's programs build, in its cache, and has new sources compiled in a process of their own
    /// where the device computes on the host. Elsewhere a second process would take a second context, which is a second
    /// of time and memory of the device beyond the slice.
    func keepPrograms(in cache: String, _ selector: DeviceSelector, _ limits: WorkerLimits) {
        guard case .openCL(let device) = self else { return }
        let identity = device.information
        let parts = [
            identity.platform[UInt32(CL_PLATFORM_VERSION)], identity.device[UInt32(CL_DEVICE_NAME)],
            identity.device[UInt32(CL_DEVICE_VERSION)], identity.device[UInt32(CL_DRIVER_VERSION)],
        ]
        device.history = ProgramHistory(
            folder: cache + "/presync", device: Array(parts.map { $0 ?? [] }.joined(separator: [0])))
        if !device.clearsMemory { device.compiler = CompilerProcess(selector, limit: limits.build) }
    }

    /// Begins to build what the instance's programs built last.
    func buildAhead() {
        guard case .openCL(let device) = self, let history = device.history else { return }
        let builds = history.last().compactMap { build in history.digest(of: build).map { (digest: $0, build: build) } }
        guard !builds.isEmpty, let ahead = try? ProgramsAhead<OpenCLComputeDevice.Program>(builds) else { return }
        guard (try? ahead.start { build in device.bounded { device.carryOut(build) } }) != nil else { return }
        device.ahead = ahead
    }

    /// Lets commands through as the GPU server's arbiter allows.
    func followTurns(_ page: SharePage) {
        guard case .openCL(let device) = self else { return }
        device.gate = try? ShareGate(page)
    }

    var gate: ShareGate? {
        if case .openCL(let device) = self { device.gate } else { nil }
    }

    var information: DeviceInformation {
        switch self {
        case .openCL(let device): device.information
        case .synthetic(let device): device.information
        }
    }

    /// Serves a session on the calling thread until it is over.
    func serve(
        _ connection: consuming SessionConnection, account: SliceAccount, onAttached: @escaping () -> Void
    ) -> SessionEnd {
        switch self {
        case .openCL(let device):
            SessionRunner(device: device, account: account, onAttached: onAttached).run(connection)
        case .synthetic(let device):
            SessionRunner(device: device, account: account, onAttached: onAttached).run(connection)
        }
    }
}
