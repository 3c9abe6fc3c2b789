import ControlLoop
import ControlProtocol
import DeviceDrivers
import FleetModel
import InterfaceStore
import Logging

/// The rest of a running daemon, as its loop sees it.
final class LiveGPUServerSurroundings: GPUServerSurroundings {
    private let link: ManagerLink<GPUServerRole>
    private let workers: WorkerSupervisor
    private let installedWorkers: InstalledWorkers
    private let stateDirectory: String
    private let keeper: InterfaceKeeper
    private let logger: Logger

    init(
        link: ManagerLink<GPUServerRole>, workers: WorkerSupervisor, installedWorkers: InstalledWorkers,
        stateDirectory: String, keeper: InterfaceKeeper, logger: Logger
    ) {
        self.link = link
        self.workers = workers
        self.installedWorkers = installedWorkers
        self.stateDirectory = stateDirectory
        self.keeper = keeper
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

    func installInterface(_ version: InterfaceVersion, from sources: InterfaceSources) {
        keeper.prepare(version, from: sources)
    }

    func use(_ versions: Set<InterfaceVersion>) { keeper.use(Set(versions.map(\.digest))) }

    func record(_ event: FleetEvent) {
        var metadata: Logger.Metadata = ["kind": "\(event.kind.rawValue)"]
        if let instance = event.instance { metadata["instance"] = "\(instance)" }
        if let grant = event.grant { metadata["grant"] = "\(grant)" }
        if let device = event.device { metadata["device"] = "\(device)" }
        logger.log(level: event.kind == .failure ? .warning : .info, "\(event.detail)", metadata: metadata)
    }
}
