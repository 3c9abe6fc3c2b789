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
