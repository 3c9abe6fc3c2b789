import FleetModel
import Observability

/// What the steps of the readiness ladder take, and how ready the fleet is for the loss of a GPU server.
struct ReadinessMetrics: Sendable {
    private let step: MetricGauge
    private let warmShare: MetricGauge
    private let warmMemory: MetricGauge
    private let measured: MetricCounter
    private let standbys: MetricGauge
    private let unplacedMemory: MetricGauge
    private let unplacedSessions: MetricGauge
    private let draining: MetricGauge

    init(registry: MetricsRegistry) {
        step = registry.gauge(
            "presync_ladder_step_seconds", help: "What a step up the readiness ladder takes, as measured.")
        warmShare = registry.gauge(
            "presync_warm_session_ratio", help: "What a warm session holds, as a share of one device.")
        warmMemory = registry.gauge(
            "presync_warm_session_host_memory_bytes",
            help: "What a warm session's worker holds of its host's memory; 0 before it is measured.")
        measured = registry.counter("presync_ladder_steps_measured_total", help: "Steps that were measured.")
        standbys = registry.gauge(
            "presync_standby_sessions", help: "Second sessions kept for the loss of a GPU server: wanted and ready.")
        unplacedMemory = registry.gauge(
            "presync_unplaced_memory_bytes",
            help: "Memory in use that would find no room elsewhere if the worst GPU server were lost.")
        unplacedSessions = registry.gauge(
            "presync_unplaced_sessions", help: "Sessions in use that would find none.")
        draining = registry.gauge(
            "presync_draining_sessions", help: "Sessions left on GPU servers that are being emptied, by kind.")
    }

    func set(_ fleet: FleetOverview) {
        let ladder = fleet.ladder
        for (name, milliseconds) in [
            ("stage", ladder.stageMs), ("open", ladder.openMs), ("reserve", ladder.reserveMs),
        ] {
            step.set(milliseconds / 1_000, ["step": name])
        }
        warmShare.set(ladder.warmShare)
        warmMemory.set(Double(ladder.warmHostMemory.rawValue))
        measured.raise(to: Double(ladder.measured))
        standbys.set(Double(fleet.recovery.standbysWanted), ["kind": "wanted"])
        standbys.set(Double(fleet.recovery.standbysReady), ["kind": "ready"])
        unplacedMemory.set(Double(fleet.recovery.unplacedMemory.rawValue))
        unplacedSessions.set(Double(fleet.recovery.unplacedSessions))
        draining.replaceAll(
            fleet.recovery.drains.flatMap { drain in
                [("attached", drain.attached), ("prepared", drain.prepared)].map {
                    (["server": drain.server.rawValue, "kind": $0.0], Double($0.1))
                }
            })
    }
}
