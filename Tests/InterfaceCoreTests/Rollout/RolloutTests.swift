import Determinism
import FleetModel
import InterfaceCore
import Testing

/// A rollout's states and orders, one behaviour each.
@Suite struct RolloutTests {
    static let old = RolloutWorld.old
    static let new = RolloutWorld.new

    @Test func theCanariesAreTheSameFewAndThenMoreFollow() {
        let limits = RolloutLimits(perTenant: .all, perClass: .all, perFailureDomain: .all)
        var world = RolloutWorld(seed: 1, plan: RolloutWorld.plan(limits: limits))
        var other = RolloutWorld(seed: 2, plan: RolloutWorld.plan(limits: limits))
        world.step()
        other.step()
        #expect(world.rollout.members.instances.count == 50)
        #expect(world.rollout.members.instances == other.rollout.members.instances)
        #expect(world.rollout.record.phase == .canary)
        world.run()
        #expect(world.rollout.record.phase == .completed)
        #expect(world.rollout.record.stage == 5)
        #expect(world.rollout.admits(InstanceID(unchecked: "later")))
    }

    @Test func aStageWaitsForItsTimeAndItsSessions() {
        var world = RolloutWorld(seed: 3, plan: RolloutWorld.plan(soak: .seconds(60)))
        for _ in 0..<59 { world.step() }
        #expect(world.rollout.record.stage == 0)
        #expect(world.rollout.record.reason == "it is watched for 1 s more")
        world.busy = 0
        var idle = RolloutWorld(seed: 3, plan: RolloutWorld.plan(soak: .seconds(10)))
        idle.busy = 0
        for _ in 0..<100 { idle.step() }
        #expect(idle.rollout.record.stage == 0)
        #expect(idle.rollout.record.reason == "0 of 20 sessions have been opened in it")
    }

    @Test func aStageGoesOnWithoutSessionsWhereTheOperatorSaysSo() {
        var plan = RolloutWorld.plan(soak: .seconds(5))
        plan.evidenceWithin = .seconds(20)
        var world = RolloutWorld(seed: 4, plan: plan)
        world.busy = 0
        world.run(atMost: 200)
        #expect(world.rollout.record.phase == .completed)
        #expect(world.steps > 100)
    }

    @Test func whatIsPausedTakesNobodyMoreAndIsJudgedAllTheSame() throws {
        var world = RolloutWorld(seed: 5)
        for _ in 0..<5 { world.step() }
        world.take(try world.rollout.pause())
        let members = world.rollout.members
        for _ in 0..<100 { world.step() }
        #expect(world.rollout.members == members)
        #expect(world.rollout.record.phase == .paused)
        world.truths[Self.new]?.crashing = 400
        for _ in 0..<30 { world.step() }
        #expect(world.rollout.record.phase == .rolledBack)
        #expect(world.rollout.record.cause == .gate(.crashes))
    }

    @Test func ordersThatDoNotFitAreRefusedWithTheReason() throws {
        var world = RolloutWorld(seed: 6)
        #expect(throws: OrderError("rollout 1 cannot go on: it is canary")) { try world.rollout.resume() }
        world.take(try world.rollout.abort())
        #expect(world.rollout.record.phase == .rollingBack)
        #expect(throws: OrderError("rollout 1 cannot be paused: it is rolling-back")) { try world.rollout.pause() }
        world.step()
        #expect(world.rollout.record.phase == .aborted)
        #expect(throws: OrderError("rollout 1 cannot be aborted: it is aborted")) { try world.rollout.abort() }
    }

    @Test func rollingBackLastsUntilNothingIsPreparedInTheTarget() throws {
        var world = RolloutWorld(seed: 7)
        world.step()
        #expect(world.rollout.revoked(Self.new, alternative: Self.old).first == .withdraw)
        #expect(world.rollout.members.isEmpty)
        let waiting = RolloutStep(elapsed: .seconds(1), preparedInTarget: 3)
        #expect(world.rollout.step(waiting, at: WallTime(rawValue: 1)).isEmpty)
        #expect(world.rollout.record.phase == .rollingBack)
        #expect(world.rollout.step(RolloutStep(elapsed: .seconds(1)), at: WallTime(rawValue: 2)).count == 1)
        #expect(world.rollout.record.phase == .rolledBack)
    }

    /// In each state that has a way forward.
    @Test(arguments: ["canary", "batches", "paused", "rolling-back"])
    func whenTheVersionBeforeIsRevokedGoingOnIsTheRemedy(_ name: String) throws {
        var world = RolloutWorld(seed: 8)
        world.step()
        if name == "batches" { while world.rollout.record.phase == .canary { world.step() } }
        if name == "paused" { world.take(try world.rollout.pause()) }
        if name == "rolling-back" { world.take(try world.rollout.abort()) }
        #expect(world.rollout.record.phase.rawValue == name)
        world.take(world.rollout.revoked(Self.old, alternative: nil))
        world.step()
        // All at once, whatever limits there are: who has not the target has nothing.
        #expect(world.fleet.instances.allSatisfy { world.rollout.admits($0.id) })
        #expect(world.rollout.record.phase == .completed)
    }

    @Test func whatComputesWronglyIsNotGoneOnWith() {
        var world = RolloutWorld(seed: 9)
        world.truths[Self.new]?.selfTestFailing = 1_000
        while world.rollout.record.phase == .canary { world.step() }
        #expect(world.rollout.record.cause == .gate(.selfTests))
        #expect(world.rollout.revoked(Self.old, alternative: nil).isEmpty)
        #expect(world.rollout.members.isEmpty)
    }

    @Test func anotherVersionTakesThePlaceOfARevokedOne() {
        var world = RolloutWorld(seed: 10)
        world.step()
        let third = RolloutWorld.version(0)
        world.take(world.rollout.revoked(Self.old, alternative: third))
        #expect(world.rollout.record.baseline == third)
        #expect(world.rollout.record.phase == .canary)
        #expect(world.rollout.members.instances.count == 50)
    }

    @Test func aVersionBeforeThatIsTheWorseOneIsLeftFaster() {
        var world = RolloutWorld(seed: 11, plan: RolloutWorld.plan(soak: .seconds(600)))
        world.truths[Self.old]?.crashing = 200
        world.run(atMost: 900)
        #expect(world.rollout.record.phase == .completed)
        #expect(world.notes.contains { $0.contains("the version before is the worse one (crashes)") })
    }

    @Test func aPermilleIsReadAndWritten() throws {
        #expect(Permille("5%")?.rawValue == 50)
        #expect(Permille("2.5%")?.description == "2.5%")
        #expect(Permille("100%") == .all)
        for text in ["", "5", "%", "101%", "100.1%", "-1%", "1.25%", "1.%", "１%"] {
            #expect(Permille(text) == nil, "\(text)")
        }
        #expect(Permille(clamping: 50).roundedUp(of: 1) == 1)
        #expect(Permille(clamping: 50).atLeastOne(of: 39) == 1)
    }
}
