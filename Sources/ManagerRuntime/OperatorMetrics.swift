import FleetModel
import Observability

/// What operators watch: whether the manager acts, what it would have done, who waits, and whether anything is left over.
struct OperatorMetrics: Sendable {
    private let mode: MetricGauge
    private let slices: MetricGauge
    private let memory: MetricGauge
    private let waiting: MetricGauge
    private let rehearsedSteps: MetricCounter
    private let rehearsedRequests: MetricCounter
    private let rehearsedSeconds: MetricCounter
    private let taken: MetricCounter

    init(registry: MetricsRegistry) {
        mode = registry.gauge("presync_manager_mode", help: "1 for the mode that the manager is in.")
        slices = registry.gauge(
            "presync_audit_slices",
            help: "Slices that GPU servers hold and nobody was granted, and grants that nobody holds: always 0.")
        memory = registry.gauge(
            "presync_audit_memory_bytes", help: "Memory of these, and what the pool counts wrongly: always 0.")
        waiting = registry.gauge("presync_requests_waiting", help: "Programs that wait for a slice.")
        rehearsedSteps = registry.counter(
            "presync_rehearsed_steps_total", help: "Steps that a manager which only records would have taken.")
        rehearsedRequests = registry.counter(
            "presync_rehearsed_requests_total", help: "Requests by what they would have found, had it acted.")
        rehearsedSeconds = registry.counter(
            "presync_rehearsed_idle_seconds_total", help: "Slice time that would have stood idle, had it acted.")
        taken = registry.counter(
            "presync_sessions_taken_total", help: "Sessions in use that were taken after their notice.")
    }

    func set(_ fleet: FleetOverview) {
        for one in ManagerMode.allCases { mode.set(one == fleet.mode ? 1 : 0, ["mode": one.rawValue]) }
        slices.set(Double(fleet.audit.unaccounted), ["kind": "unaccounted"])
        slices.set(Double(fleet.audit.unheld), ["kind": "unheld"])
        memory.set(Double(fleet.audit.unaccountedMemory.rawValue), ["kind": "unaccounted"])
        memory.set(Double(fleet.audit.unheldMemory.rawValue), ["kind": "unheld"])
        memory.set(Double(fleet.audit.miscounted.rawValue), ["kind": "miscounted"])
        waiting.set(Double(fleet.waiting.count))
        rehearsedSteps.raise(to: Double(fleet.totals.rehearsedSteps))
        rehearsedRequests.raise(to: Double(fleet.totals.rehearsedFoundReserved), ["found": "reserved"])
        rehearsedRequests.raise(to: Double(fleet.totals.rehearsedFoundWarm), ["found": "warm"])
        rehearsedSeconds.raise(to: fleet.totals.rehearsedIdleSeconds)
        taken.raise(to: Double(fleet.totals.taken))
    }
}
