import FleetModel
import Testing

@testable import ControlProtocol

/// Rollouts and drains on the wire: what is sent is what is read, and what is not valid is refused.
@Suite struct RolloutMappingTests {
    static let version = InterfaceVersion(kind: "opencl", version: SemanticVersion(1, 3, 0), digest: .zero)

    static func plan() -> RolloutPlan {
        var plan = RolloutPlan(
            target: version, canary: Permille(clamping: 25), batch: Permille(clamping: 300), soak: .seconds(60),
            leastSessions: 7, evidenceWithin: .seconds(600),
            limits: RolloutLimits(
                perTenant: Permille(clamping: 100), perClass: .all, perFailureDomain: Permille(clamping: 5)))
        plan.gates.openTimeRatio = nil
        plan.gates.crashes = RolloutGates.Failures(ratio: 1.5, allowance: 0.005)
        plan.gates.errors = nil
        return plan
    }

    static let changes: [RolloutChange] = [
        .start(plan()), .pause(nil), .resume(RolloutID(rawValue: 4)), .abort(RolloutID(rawValue: .max)),
    ]

    @Test(arguments: changes) func anOrderIsReadAsItWasGiven(_ change: RolloutChange) throws {
        #expect(try RolloutChange(wire: change.wire) == change)
    }

    @Test func whatIsNoOrderIsRefused() {
        #expect(throws: ProtocolError.self) { try RolloutChange(wire: WireRolloutChange()) }
        var wire = RolloutChange.start(Self.plan()).wire
        wire.start.canaryPermille = 1_001
        #expect(throws: ProtocolError.self) { try RolloutChange(wire: wire) }
        wire = RolloutChange.start(Self.plan()).wire
        wire.start.version = "newest"
        #expect(throws: ProtocolError.self) { try RolloutChange(wire: wire) }
        wire = RolloutChange.start(Self.plan()).wire
        wire.start.gates.commandRateRatio = .nan
        #expect(throws: ProtocolError.self) { try RolloutChange(wire: wire) }
    }

    @Test(arguments: RolloutPhase.allCases) func aRolloutIsReadAsItIsShown(_ phase: RolloutPhase) throws {
        var record = RolloutRecord(
            id: RolloutID(rawValue: 9), plan: RolloutPlan(target: Self.version), baseline: Self.version,
            startedAt: WallTime(rawValue: 77))
        record.phase = phase
        record.baseline = phase == .completed ? nil : record.baseline
        record.endedAt = phase.isTerminal ? WallTime(rawValue: 99) : nil
        record.reason = "it is watched for 3 s more"
        record.soaked = .seconds(4)
        var overview = RolloutOverview(record, servers: 3, sessionsInTarget: 5, sessionsInOthers: 6)
        overview.gates = [
            .init(gate: .crashes, target: FailureCount(trials: 9, failures: 1)),
            .init(gate: .commandRate, commandRateRatio: 0.9),
        ]
        #expect(try RolloutOverview(wire: overview.wire) == overview)
        var later = overview.wire
        var unknown = WireGateFigures()
        unknown.gate = "temperature"
        later.gates.append(unknown)
        #expect(try RolloutOverview(wire: later) == overview, "a gate of a later manager is left out")
    }

    @Test(arguments: DrainProgress.Phase.allCases) func aDrainIsReadAsItIsShown(_ phase: DrainProgress.Phase) throws {
        let drain = DrainProgress(
            server: GPUServerID(unchecked: "s1"), phase: phase, attached: 2, prepared: 1,
            deadline: WallTime(rawValue: 5),
            atDeadline: .end, reason: "its self-test failed")
        #expect(try DrainProgress(wire: drain.wire) == drain)
        let orders = OperatorOrders(
            maintenance: [
                MaintenanceWindow(
                    server: drain.server, from: WallTime(rawValue: 1), deadline: WallTime(rawValue: 5), atDeadline: .end
                )
            ], returning: [GPUServerID(unchecked: "s2")])
        #expect(try OperatorOrders(wire: orders.wire) == orders)
    }

    @Test func anOlderManagersDrainIsUnderstood() throws {
        var wire = WireDrainProgress()
        wire.server = "s1"
        #expect(try DrainProgress(wire: wire).phase == .empty)
    }
}
