import ControlLoop
import ControlProtocol
import FleetModel
import Observability

/// What a manager counts as it runs, and what it shows of the fleet when it is scraped.
struct ManagerMetrics: Sendable {
    /// What is counted for one kind of peer.
    struct Links: Sendable {
        fileprivate let role: String
        fileprivate let openedTotal: MetricCounter
        fileprivate let closedTotal: MetricCounter
        fileprivate let receivedTotal: MetricCounter

        func opened() { openedTotal.add(1, ["role": role]) }
        func received() { receivedTotal.add(1, ["role": role]) }
        func closed(_ ending: StreamEnding) { closedTotal.add(1, ["role": role, "reason": ending.label]) }
    }

    private let registry: MetricsRegistry
    private let handleSeconds: MetricHistogram
    private let commitSeconds: MetricHistogram
    private let commits: MetricCounter
    private let events: MetricCounter

    init(registry: MetricsRegistry) {
        self.registry = registry
        let bounds = [1e-5, 1e-4, 5e-4, 1e-3, 5e-3, 0.01, 0.05, 0.1, 0.5, 1]
        handleSeconds = registry.histogram(
            "presync_manager_handle_seconds", help: "Time that the machine took for one event.", bounds: bounds)
        commitSeconds = registry.histogram(
            "presync_store_commit_seconds", help: "Time that a durable commit took.", bounds: bounds)
        commits = registry.counter("presync_store_commits_total", help: "Commits by outcome.")
        events = registry.counter("presync_events_total", help: "Fleet events by kind.")
    }

    func links(role: String) -> Links {
        Links(
            role: role,
            openedTotal: registry.counter("presync_links_opened_total", help: "Streams opened by peers."),
            closedTotal: registry.counter("presync_links_closed_total", help: "Streams ended, by reason."),
            receivedTotal: registry.counter("presync_messages_received_total", help: "Messages received from peers."))
    }

    func handled(_ event: ManagerEvent, took: Duration) {
        let isStep =
            switch event {
            case .stepDue, .stepSliceDue: true
            default: false
            }
        handleSeconds.observe(took.inSeconds, ["event": isStep ? "step" : "other"])
    }

    func committed(_ outcome: CommitOutcome, took: Duration) {
        commitSeconds.observe(took.inSeconds)
        switch outcome {
        case .committed: commits.add(1, ["outcome": "committed"])
        case .conflict: commits.add(1, ["outcome": "conflict"])
        case .unknown: commits.add(1, ["outcome": "unknown"])
        }
    }

    func recorded(_ event: FleetEvent) { events.add(1, ["kind": event.kind.rawValue]) }

    /// Sets the fleet's figures before each exposition.
    func exposeFleet(from inbox: ManagerInbox) {
        let fleet = FleetMetrics(registry: registry)
        let rollouts = RolloutMetrics(registry: registry)
        registry.onScrape {
            guard let overview = await inbox.overview(forecasts: false) else { return }
            fleet.set(overview, inputsWaiting: inbox.count)
            let servers = Set(overview.devices.lazy.filter(\.available).map(\.description.id.server))
            if let all = await inbox.rollouts() { rollouts.set(all, servers: servers.count) }
        }
    }
}

extension StreamEnding {
    fileprivate var label: String {
        switch self {
        case .left: "left"
        case .closed: "closed"
        case .refused: "protocol"
        case .silent: "silent"
        case .slow: "slow"
        case .broken: "broken"
        }
    }
}
