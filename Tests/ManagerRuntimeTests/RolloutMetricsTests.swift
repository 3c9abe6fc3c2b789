import FleetModel
import Observability
import Testing

@testable import ManagerRuntime

struct RolloutMetricsTests {
    private static func version(_ minor: UInt32) -> InterfaceVersion {
        InterfaceVersion(kind: "opencl", version: SemanticVersion(1, minor, 0), digest: .zero)
    }

    private static func rollout(_ number: UInt64, _ phase: RolloutPhase) -> RolloutOverview {
        var record = RolloutRecord(
            id: RolloutID(rawValue: number), plan: RolloutPlan(target: version(UInt32(number))), baseline: version(0),
            startedAt: WallTime(rawValue: 0))
        record.phase = phase
        record.eligible = 8
        record.admitted = 2
        return RolloutOverview(record, servers: 1, sessionsInTarget: 3, sessionsInOthers: 5)
    }

    private static func lines(_ registry: MetricsRegistry) async -> [String] {
        await registry.exposition().split(separator: "\n").filter {
            !$0.hasPrefix("#") && !$0.hasPrefix("presync_metrics")
        }.map(String.init)
    }

    @Test func whatIsUnderWayIsShownWithItsEvidence() async {
        let registry = MetricsRegistry()
        var active = Self.rollout(2, .canary)
        active.gates = [
            .init(
                gate: .crashes, target: FailureCount(trials: 9, failures: 1),
                baseline: FailureCount(trials: 30, failures: 0)),
            .init(gate: .commandRate, commandRateRatio: 0.75),
        ]
        RolloutMetrics(registry: registry).set([Self.rollout(1, .rolledBack), active], servers: 2)
        let lines = await Self.lines(registry)
        #expect(lines.contains(#"presync_rollout_phase{phase="canary",version="1.2.0"} 1"#))
        #expect(lines.filter { $0.hasPrefix("presync_rollout_phase") }.count == RolloutPhase.allCases.count)
        #expect(
            lines.filter { !$0.hasPrefix("presync_rollout_phase") } == [
                #"presync_rollout_command_rate_ratio{version="1.2.0"} 0.75"#,
                #"presync_rollout_gate_failures{gate="crashes",of="before",version="1.2.0"} 0"#,
                #"presync_rollout_gate_failures{gate="crashes",of="target",version="1.2.0"} 1"#,
                #"presync_rollout_gate_trials{gate="crashes",of="before",version="1.2.0"} 30"#,
                #"presync_rollout_gate_trials{gate="crashes",of="target",version="1.2.0"} 9"#,
                #"presync_rollout_members{kind="admitted",of="gpu-servers",version="1.2.0"} 1"#,
                #"presync_rollout_members{kind="admitted",of="instances",version="1.2.0"} 2"#,
                #"presync_rollout_members{kind="eligible",of="gpu-servers",version="1.2.0"} 2"#,
                #"presync_rollout_members{kind="eligible",of="instances",version="1.2.0"} 8"#,
                #"presync_rollout_sessions{in="others",version="1.2.0"} 5"#,
                #"presync_rollout_sessions{in="target",version="1.2.0"} 3"#,
                #"presync_rollout_share_ratio{of="gpu-servers",version="1.2.0"} 0.5"#,
                #"presync_rollout_share_ratio{of="instances",version="1.2.0"} 0.25"#,
                #"presync_rollout_stage{version="1.2.0"} 0"#,
                #"presync_rollouts_ended_total{outcome="rolled-back"} 1"#,
            ])
    }

    @Test func endsAreCountedOnceAlsoWhenTheyAreForgotten() async {
        let registry = MetricsRegistry()
        let metrics = RolloutMetrics(registry: registry)
        metrics.set([Self.rollout(1, .completed), Self.rollout(2, .rolledBack)], servers: 1)
        metrics.set([Self.rollout(2, .rolledBack), Self.rollout(3, .rolledBack)], servers: 1)
        let lines = await Self.lines(registry)
        #expect(
            lines.filter { !$0.hasPrefix("presync_rollout_phase") } == [
                #"presync_rollouts_ended_total{outcome="completed"} 1"#,
                #"presync_rollouts_ended_total{outcome="rolled-back"} 2"#,
            ])
        #expect(lines.contains(#"presync_rollout_phase{phase="rolled-back",version="1.3.0"} 1"#))
    }
}
