import FleetModel
import Observability

/// The agent's own metrics.
struct AgentMetrics: Sendable {
    private let handOvers: MetricCounter
    private let handOverSeconds: MetricHistogram
    private let refusals: MetricCounter
    private let warnings: MetricCounter
    private let sessionFailures: MetricCounter
    private let sessions: MetricGauge
    private let programs: MetricGauge
    private let instances: MetricGauge
    private let samplingSeconds: MetricHistogram
    private let unattributed: MetricCounter
    private let linkOpen: MetricGauge

    init(_ registry: MetricsRegistry = MetricsRegistry()) {
        handOvers = registry.counter(
            "presync_agent_hand_overs_total",
            help: "Sessions handed to programs, by how far the instance was prepared when the program asked.")
        handOverSeconds = registry.histogram(
            "presync_agent_hand_over_seconds",
            help: "Time from a program's request to its session, by how far the instance was prepared.",
            bounds: [0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.02, 0.1, 0.5, 2, 10])
        refusals = registry.counter(
            "presync_agent_refusals_total", help: "Programs' requests that were refused.")
        warnings = registry.counter(
            "presync_agent_notices_total", help: "Programs whose session was announced to be taken.")
        sessionFailures = registry.counter(
            "presync_agent_session_failures_total", help: "Sessions that did not open, or that their worker closed.")
        sessions = registry.gauge(
            "presync_agent_sessions", help: "Sessions that the agent opens or holds for programs.")
        programs = registry.gauge("presync_agent_programs", help: "Programs connected to the agent.")
        instances = registry.gauge("presync_agent_instances", help: "Compute instances that the agent serves.")
        samplingSeconds = registry.histogram(
            "presync_agent_sampling_seconds", help: "Time that it took to measure all instances once.",
            bounds: [0.000_1, 0.000_3, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3])
        unattributed = registry.counter(
            "presync_agent_unattributed_bytes_total",
            help: "Bytes of TCP connections that ended before it was known whose they were.")
        linkOpen = registry.gauge("presync_agent_link_open", help: "1 while the stream to the manager is open.")
    }

    func handedOver(found: Readiness, after time: Duration) {
        handOvers.add(1, ["found": found.description])
        handOverSeconds.observe(time.inSeconds, ["found": found.description])
    }

    func refused() { refusals.add() }
    func warned() { warnings.add() }
    func sessionFailed() { sessionFailures.add() }

    func holding(sessions count: Int, programs programCount: Int, instances instanceCount: Int) {
        sessions.set(Double(count))
        programs.set(Double(programCount))
        instances.set(Double(instanceCount))
    }

    func sampled(in time: Duration, unattributed bytes: (received: UInt64, sent: UInt64)) {
        samplingSeconds.observe(time.inSeconds)
        unattributed.raise(to: Double(bytes.received), ["direction": "received"])
        unattributed.raise(to: Double(bytes.sent), ["direction": "sent"])
    }

    func link(isOpen: Bool) { linkOpen.set(isOpen ? 1 : 0) }
}
