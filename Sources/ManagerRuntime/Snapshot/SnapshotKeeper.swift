import ControlProtocol
import Dispatch
import ForecastCore
import Logging
import StateStore

/// The task that keeps on disk what the forecaster has learned, so that neither encoding it nor a slow disk holds up the
/// loop.
struct SnapshotKeeper: Sendable {
    /// One waits while another is written; where the disk is slower than that, the next is dropped.
    private static let queueLimit = 1

    let file: SnapshotFile
    let snapshots = BoundedMailbox<FleetSnapshot>(limit: queueLimit)
    let metrics: SnapshotMetrics
    let logger: Logger
    /// Writing blocks, and must not take a thread from those who never do.
    private let thread = DispatchQueue(label: "presync.snapshot", qos: .utility)

    init(file: SnapshotFile, metrics: SnapshotMetrics, logger: Logger) {
        self.file = file
        self.metrics = metrics
        self.logger = logger
    }

    /// Runs until the snapshots are finished and kept. A disk that is full or may not be written to is told of once, and
    /// once more when that is over.
    func run() async {
        var isFailing = false
        for await snapshot in snapshots {
            switch await write(snapshot) {
            case .success(let size):
                metrics.kept(bytes: size)
                if isFailing {
                    logger.notice("what the forecasts rest on is kept again", metadata: ["file": "\(file.path)"])
                }
                isFailing = false
            case .failure(let failure):
                metrics.failed(.write)
                if !isFailing {
                    logger.error(
                        "what the forecasts rest on cannot be kept: a restart goes back to what was kept before",
                        metadata: ["cause": "\(failure)"])
                }
                isFailing = true
            }
        }
    }

    private func write(_ snapshot: FleetSnapshot) async -> Result<Int, StateFile.Failure> {
        await withCheckedContinuation { continuation in
            thread.async {
                continuation.resume(returning: Result { () throws(StateFile.Failure) in try file.write(snapshot) })
            }
        }
    }
}

extension SnapshotFile {
    /// The forecaster that a manager starts with: what the last one knew where that was kept and can be read, and else
    /// the networks alone. What cannot be read is set aside; nothing stops the manager from starting.
    ///
    /// Networks that the operator `named` are proposed beside a snapshot: each serves as soon as it forecasts no worse
    /// than the one that learned here.
    func forecaster(
        _ configuration: FleetForecaster.Configuration, named: [QuantileNetwork]?, metrics: SnapshotMetrics,
        logger: Logger
    ) -> FleetForecaster {
        let beginning = named == nil ? "the shipped networks" : "the networks that were named"
        do {
            guard var restored = try restore(configuration) else {
                logger.info("no snapshot is there: forecasts begin from \(beginning)", metadata: ["file": "\(path)"])
                return FleetForecaster(configuration: configuration)
            }
            if let named { restored.propose(named) }
            metrics.restored(instances: restored.rememberedInstances)
            logger.info(
                "forecasts go on from the snapshot",
                metadata: ["instances": "\(restored.rememberedInstances)", "file": "\(path)"])
            if let former = restored.formerHorizons {
                logger.notice(
                    "the snapshot looked ahead by other horizons: how often demand begins and ends is learned anew",
                    metadata: ["snapshot": "\(former)", "now": "\(restored.horizons)"])
            }
            return restored
        } catch {
            metrics.failed(.read)
            let isKept = setAside()
            logger.warning(
                "the snapshot is refused: forecasts begin from \(beginning)",
                metadata: ["cause": "\(error)", "kept-as": "\(isKept ? refusedPath : path)"])
            return FleetForecaster(configuration: configuration)
        }
    }
}
