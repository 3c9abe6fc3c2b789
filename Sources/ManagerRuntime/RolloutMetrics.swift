import FleetModel
import Observability
import Synchronization

/// How the newest rollout goes: where it stands, who has the version, what its gates have seen; and how rollouts ended.
struct RolloutMetrics: Sendable {
    private let phase: MetricGauge
    private let stage: MetricGauge
    private let members: MetricGauge
    private let share: MetricGauge
    private let sessions: MetricGauge
    private let trials: MetricGauge
    private let failures: MetricGauge
    private let commandRate: MetricGauge
    private let ended: MetricCounter
    private let counted = Counted()

    /// The newest rollout whose end has been counted: they end in the order of their numbers. The lock is `newest`'s.
    private final class Counted: Sendable {
        let newest = Mutex(RolloutID(rawValue: 0))
    }

    init(registry: MetricsRegistry) {
        phase = registry.gauge("presync_rollout_phase", help: "1 for the phase that the newest rollout is in.")
        stage = registry.gauge(
            "presync_rollout_stage", help: "The stage of the rollout that is under way, 0 for its canaries.")
        members = registry.gauge(
            "presync_rollout_members",
            help: "Instances and GPU servers that may take part in the rollout that is under way, and that do.")
        share = registry.gauge(
            "presync_rollout_share_ratio",
            help: "The share of instances and of GPU servers that have the version which is rolled out.")
        sessions = registry.gauge(
            "presync_rollout_sessions",
            help: "Sessions in use while a rollout is under way: in its version, and in others.")
        trials = registry.gauge(
            "presync_rollout_gate_trials",
            help: "What a gate has looked at in this stage, of the version and of the one before.")
        failures = registry.gauge("presync_rollout_gate_failures", help: "What of this was a failure.")
        commandRate = registry.gauge(
            "presync_rollout_command_rate_ratio",
            help: "Small commands a second, as a share of those of the version before: the median over GPU servers.")
        ended = registry.counter(
            "presync_rollouts_ended_total",
            help: "Rollouts that are over, those that a new manager remembers among them.")
    }

    /// Takes in all rollouts that are remembered, oldest first.
    /// - Parameter servers: how many GPU servers are there.
    func set(_ rollouts: [RolloutOverview], servers: Int) {
        count(rollouts)
        let newest = rollouts.last
        phase.replaceAll(newest.map(Self.phases) ?? [])
        let active = rollouts.last { !$0.phase.isTerminal }
        let version = active.map { ("version", $0.target.version.description) }
        stage.replaceAll(active.map { [(labels(version), Double($0.stage))] } ?? [])
        let parts = active.map {
            [("instances", $0.eligible, $0.admitted), ("gpu-servers", max(servers, $0.servers), $0.servers)]
        }
        members.replaceAll(
            (parts ?? []).flatMap { of, eligible, admitted in
                [("eligible", eligible), ("admitted", admitted)].map {
                    (labels(version, ("of", of), ("kind", $0.0)), Double($0.1))
                }
            })
        share.replaceAll(
            (parts ?? []).map { of, eligible, admitted in
                (labels(version, ("of", of)), eligible > 0 ? Double(admitted) / Double(eligible) : 0)
            })
        sessions.replaceAll(
            (active.map { [("target", $0.sessionsInTarget), ("others", $0.sessionsInOthers)] } ?? []).map {
                (labels(version, ("in", $0.0)), Double($0.1))
            })
        set(active?.gates ?? [], version)
    }

    private func set(_ gates: [RolloutOverview.Gate], _ version: (String, String)?) {
        let seen = gates.filter { $0.gate != .commandRate }.flatMap { gate in
            [("target", gate.target), ("before", gate.baseline)].map {
                (labels(version, ("gate", gate.gate.rawValue), ("of", $0.0)), $0.1)
            }
        }
        trials.replaceAll(seen.map { ($0.0, Double($0.1.trials)) })
        failures.replaceAll(seen.map { ($0.0, Double($0.1.failures)) })
        commandRate.replaceAll(gates.compactMap(\.commandRateRatio).map { (labels(version), $0) })
    }

    private func count(_ rollouts: [RolloutOverview]) {
        counted.newest.withLock { newest in
            for rollout in rollouts where rollout.phase.isTerminal && rollout.id > newest {
                ended.add(1, ["outcome": rollout.phase.rawValue])
                newest = rollout.id
            }
        }
    }

    private static func phases(_ rollout: RolloutOverview) -> [(MetricLabels, Double)] {
        RolloutPhase.allCases.map { phase in
            (
                ["version": rollout.target.version.description, "phase": phase.rawValue],
                rollout.phase == phase ? 1 : 0
            )
        }
    }

    private func labels(_ pairs: (String, String)?...) -> MetricLabels { MetricLabels(pairs.compactMap(\.self)) }
}
