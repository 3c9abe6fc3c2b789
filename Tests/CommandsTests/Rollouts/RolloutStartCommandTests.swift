import ArgumentParser
import FleetModel
import Testing

@testable import Commands

/// What operators write of rollouts, and what they get to see.
@Suite struct RolloutStartCommandTests {
    static func plan(_ line: String) throws -> RolloutPlan {
        let arguments = ["rollout", "start"] + line.split(separator: " ").map(String.init)
        return try #require(try PresyncCommand.parseAsRoot(arguments) as? RolloutStartCommand).plan()
    }

    @Test func aPlanIsWhatWasWritten() throws {
        let plan = try Self.plan(
            "1.3.0 --canary 2.5% --batch 30% --soak 10m --sessions 100 --evidence-within 1h --gate crashes=1.5,0.5% "
                + "--gate errors=3 --gate open-time=off --at-once tenant=25% --at-once failure-domain=10%")
        #expect(plan.target.version == SemanticVersion(1, 3, 0) && plan.target.kind == "opencl")
        #expect(plan.canary.rawValue == 25 && plan.batch.rawValue == 300)
        #expect(plan.soak == .seconds(600) && plan.leastSessions == 100 && plan.evidenceWithin == .seconds(3_600))
        #expect(plan.gates.crashes == RolloutGates.Failures(ratio: 1.5, allowance: 0.005))
        #expect(plan.gates.errors == RolloutGates.Failures(ratio: 3, allowance: 0.02))
        #expect(plan.gates.openTimeRatio == nil && plan.gates.commandRateRatio == 0.8)
        #expect(plan.limits.perTenant.rawValue == 250 && plan.limits.perClass.rawValue == 500)
        #expect(plan.limits.perFailureDomain.rawValue == 100)
    }

    @Test(arguments: [
        "newest", "1.3.0 --canary 0%", "1.3.0 --canary 5", "1.3.0 --gate heat=2", "1.3.0 --gate crashes",
        "1.3.0 --gate crashes=0.5", "1.3.0 --gate crashes=2,0%", "1.3.0 --gate command-rate=1.5",
        "1.3.0 --at-once rack=5%", "1.3.0 --at-once tenant=0%", "1.3.0 --soak 10m --evidence-within 5m",
    ])
    func aPlanThatCannotBeIsRefused(_ line: String) { #expect(throws: (any Error).self) { try Self.plan(line) } }

    @Test func aRolloutIsShownWhole() throws {
        let version = InterfaceVersion(kind: "opencl", version: SemanticVersion(1, 3, 0), digest: .zero)
        var record = RolloutRecord(
            id: RolloutID(rawValue: 2), plan: RolloutPlan(target: version), baseline: version,
            startedAt: WallTime(rawValue: 0))
        record.phase = .rolledBack
        record.reason = "crashes: 3 of 4, 0 of 90 of the version before"
        var overview = RolloutOverview(record)
        overview.gates = [.init(gate: .crashes, target: FailureCount(trials: 4, failures: 3))]
        let text = try AnswerRenderer(format: .table).render(RolloutStatusView(overview))
        for part in ["rolled-back", "crashes: 3 of 4", "opencl 1.3.0", "3 of 4, before 0 of 0"] {
            #expect(text.contains(part), "\(part) in \(text)")
        }
        let json = try AnswerRenderer(format: .json).render(RolloutsView([overview]))
        #expect(json.contains("\"phase\" : \"rolled-back\""))
    }
}
