import Determinism
import FleetModel
import InterfaceCore
import Testing

/// Rollouts over whole fleets, by chance and with faults.
@Suite struct RolloutScenarioTests {
    static let old = RolloutWorld.old
    static let new = RolloutWorld.new

    struct Bad: Sendable, CustomTestStringConvertible {
        var name: String
        var cause: RolloutCause
        var truth: RolloutWorld.Truth
        /// The most sessions in it before it is caught.
        var most: Int
        /// The last stage in which it is caught.
        var latest = 0
        var testDescription: String { name }
    }

    static let bad = [
        Bad(name: "crashes", cause: .gate(.crashes), truth: .init(crashing: 300), most: 100),
        Bad(name: "does not open", cause: .gate(.errors), truth: .init(failing: 300), most: 100),
        Bad(name: "opens slowly", cause: .gate(.openTime), truth: .init(milliseconds: 200), most: 0),
        Bad(name: "computes slowly", cause: .gate(.commandRate), truth: .init(commandRate: 30_000), most: 0),
        Bad(name: "computes wrongly", cause: .gate(.selfTests), truth: .init(selfTestFailing: 700), most: 0),
        Bad(name: "crashes somewhat more", cause: .gate(.crashes), truth: .init(crashing: 60), most: 0, latest: 1),
    ]

    @Test(arguments: bad) func aBadVersionIsCaughtByItsGateAndRolledBack(_ bad: Bad) {
        for seed in 1...5 as ClosedRange<UInt64> {
            var world = RolloutWorld(seed: seed)
            world.truths[Self.new] = bad.truth
            world.run()
            #expect(world.rollout.record.phase == .rolledBack, "seed \(seed): \(world.rollout.record.reason)")
            #expect(world.rollout.record.cause == bad.cause, "seed \(seed): \(world.rollout.record.reason)")
            #expect(world.rollout.record.stage <= bad.latest, "seed \(seed)")
            #expect(world.affected <= bad.most)
            #expect(world.trespasses == 0)
            #expect(world.excesses.isEmpty)
        }
    }

    @Test func aVersionThatTurnsBadInALaterStageIsCaughtThere() {
        for seed in 1...5 as ClosedRange<UInt64> {
            var world = RolloutWorld(seed: seed)
            while world.rollout.record.stage < 3 { world.step() }
            world.truths[Self.new]?.crashing = 100
            world.run(atMost: 30)
            #expect(world.rollout.record.phase == .rolledBack, "seed \(seed)")
        }
    }

    @Test func goodVersionsGetThroughWhateverHappensToTheFleet() {
        for seed in 1...20 as ClosedRange<UInt64> {
            var world = RolloutWorld(seed: seed, instances: 300, servers: 12)
            // Both versions are as good as each other, and not very good.
            world.truths = [Self.old: .init(failing: 8, crashing: 4), Self.new: .init(failing: 8, crashing: 4)]
            var steps = 0
            while !world.rollout.record.phase.isTerminal, steps < 2_000 {
                steps += 1
                // Now and then the whole fleet is in trouble; instances come and go.
                world.outage = (steps / 40).isMultiple(of: 3) ? 150 : 0
                if steps.isMultiple(of: 3) { world.appear() }
                if steps.isMultiple(of: 4) { world.disappear() }
                if world.chance(20) { world.restart() }
                world.step()
            }
            #expect(world.rollout.record.phase == .completed, "seed \(seed): \(world.rollout.record.reason)")
            #expect(world.excesses.isEmpty, "seed \(seed)")
        }
    }

    @Test func limitsHoldForSmallGroupsToo() {
        let limits = RolloutLimits(
            perTenant: Permille(clamping: 100), perClass: Permille(clamping: 250),
            perFailureDomain: Permille(clamping: 200))
        var world = RolloutWorld(
            seed: 1, plan: RolloutWorld.plan(canary: 500, batch: 500, soak: .seconds(2), limits: limits))
        var sizes: [Int] = []
        var stage = -1
        while !world.rollout.record.phase.isTerminal, world.steps < 3_000 {
            if world.rollout.record.stage != stage { sizes.append(world.rollout.members.instances.count) }
            stage = world.rollout.record.stage
            world.step()
        }
        #expect(world.rollout.record.phase == .completed)
        #expect(world.excesses.isEmpty)
        #expect(sizes.count >= 10, "\(sizes)")
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64]) func aManagerThatRestartsAtEveryStepComesToTheSameEnd(_ seed: UInt64) {
        for crashing in [1, 30, 300] as [UInt64] {
            var steady = RolloutWorld(seed: seed, instances: 200, servers: 8)
            steady.truths[Self.new]?.crashing = crashing
            var restarting = steady
            restarting.restartsAlways = true
            steady.run()
            restarting.run()
            #expect(steady.rollout.record.phase.isTerminal)
            #expect(steady.rollout == restarting.rollout)
            #expect(steady.notes == restarting.notes)
        }
    }

    @Test func whatWasSeenSinceTheLastWriteMayBeLost() {
        for seed in 1...5 as ClosedRange<UInt64> {
            var world = RolloutWorld(seed: seed, instances: 400)
            world.truths[Self.new]?.crashing = 200
            var written = world.stored
            while !world.rollout.record.phase.isTerminal, world.steps < 2_000 {
                let before = world.rollout
                world.step()
                // Written when something changed, and else every fifth second.
                if before.record.phase != world.rollout.record.phase || before.members != world.rollout.members
                    || world.steps.isMultiple(of: 5)
                {
                    written = world.stored
                }
                if world.chance(50) { world.rollout = Rollout(stored: written.record, members: written.members) }
            }
            #expect(world.rollout.record.phase == .rolledBack, "seed \(seed)")
            #expect(world.rollout.record.cause == .gate(.crashes))
        }
    }

    /// A manager at the head of thousands of instances.
    @Test func thousandsOfInstancesTakeItInBoundedSteps() {
        var world = RolloutWorld(
            seed: 1, instances: 12_000, servers: 100, plan: RolloutWorld.plan(batch: 1_000, soak: .seconds(3)))
        world.busy = 5
        var greatest = 0
        while !world.rollout.record.phase.isTerminal, world.steps < 300 {
            let before = world.rollout.members.instances.count
            world.step()
            greatest = max(greatest, world.rollout.members.instances.count - before)
        }
        #expect(world.rollout.record.phase == .completed)
        #expect(greatest == 4_096)
        #expect(world.excesses.isEmpty)
    }

    /// Of 1,000 claims that are true one is refuted, at most, however often one looks.
    @Test func aBetAgainstATrueClaimIsSeldomWon() {
        var random = SeededGenerator(seed: 7)
        var refuted = 0
        for _ in 0..<2_000 {
            var test = BettingTest()
            for _ in 0..<150 {
                let failures = (0..<10).count { _ in random.below(100) < 2 }
                test.observe(FailureCount(trials: 10, failures: UInt64(failures)), bound: 0.02)
                if test.refutes { break }
            }
            if test.refutes { refuted += 1 }
        }
        #expect(refuted <= 8, "\(refuted) of 2000")
        var lost = BettingTest()
        lost.observe(FailureCount(trials: 5, failures: 5), bound: 0.02)
        #expect(lost.refutes)
    }
}
