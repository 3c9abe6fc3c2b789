import FleetModel
import Observability
import Synchronization

/// How well what the forecaster learns is kept.
final class SnapshotMetrics: Sendable {
    enum Operation: String {
        case read
        case write
    }

    private let bytes: MetricGauge
    private let instances: MetricGauge
    private let failures: MetricCounter
    /// When the last was kept, or the manager started.
    private let keptAt = Mutex(MonotonicClock.now())

    init(registry: MetricsRegistry) {
        bytes = registry.gauge("presync_snapshot_bytes", help: "Size of the last snapshot that was kept.")
        instances = registry.gauge(
            "presync_snapshot_restored_instances", help: "Instances whose histories the manager started with.")
        failures = registry.counter("presync_snapshot_failures_total", help: "Snapshots not kept or refused.")
        instances.set(0)
        for operation in [Operation.read, .write] { failures.add(0, ["operation": operation.rawValue]) }
        let age = registry.gauge(
            "presync_snapshot_age_seconds", help: "Time since a snapshot was kept, or since the start before the first."
        )
        registry.onScrape { [self] in age.set((MonotonicClock.now() - keptAt.withLock { $0 }).inSeconds) }
    }

    func kept(bytes size: Int) {
        bytes.set(Double(size))
        keptAt.withLock { $0 = MonotonicClock.now() }
    }

    func failed(_ operation: Operation) { failures.add(1, ["operation": operation.rawValue]) }

    func restored(instances count: Int) { instances.set(Double(count)) }
}
