import ControlLoop
import ControlProtocol
import DeviceDrivers
import FleetModel
import Logging

/// A bundle to be fetched.
struct InstallationOrder: Sendable {
    var version: InterfaceVersion
    var source: String
}

/// The rest of a running daemon, as its loop sees it.
final class LiveGPUServerSurroundings: GPUServerSurroundings {
    private let link: ManagerLink<GPUServerRole>
    private let workers: WorkerSupervisor
    private let installedWorkers: InstalledWorkers
    private let stateDirectory: String
    private let orders: AsyncStream<InstallationOrder>.Continuation
    private let logger: Logger

    init(
        link: ManagerLink<GPUServerRole>, workers: WorkerSupervisor, installedWorkers: InstalledWorkers,
        stateDirectory: String,
        orders: AsyncStream<InstallationOrder>.Continuation, logger: Logger
    ) {
        self.link = link
        self.workers = workers
        self.installedWorkers = installedWorkers
        self.stateDirectory = stateDirectory
        self.orders = orders
        self.logger = logger
    }

    func send(_ message: GPUServerMessage) { link.send(message) }

    func persist(_ epoch: Epoch, for device: DeviceID) throws {
        try EpochFile.write(epoch, for: device, in: stateDirectory)
    }

    func startWorker(_ command: GrantCommand, on device: DeviceSelector) {
        workers.start(command, on: device, installed: installedWorkers[command.version])
    }

    func applyLimit(_ grant: GrantID, _ slice: Slice) { workers.applyLimit(grant, slice) }
    func stopWorker(_ grant: GrantID) { workers.stop(grant) }
    func requestStatuses() { workers.requestStatuses() }

    func installInterface(_ version: InterfaceVersion, source: String) {
        // A full queue drops the order; the manager repeats it.
        orders.yield(InstallationOrder(version: version, source: source))
    }

    func record(_ event: FleetEvent) {
        var metadata: Logger.Metadata = ["kind": "\(event.kind.rawValue)"]
        if let instance = event.instance { metadata["instance"] = "\(instance)" }
        if let grant = event.grant { metadata["grant"] = "\(grant)" }
        if let device = event.device { metadata["device"] = "\(device)" }
        logger.log(level: event.kind == .failure ? .warning : .info, "\(event.detail)", metadata: metadata)
    }
}
