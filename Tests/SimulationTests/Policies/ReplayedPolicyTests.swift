import AllocationCore
import FleetModel
import Testing

@testable import Simulation

/// Each policy on its own, as its authors describe it.
@Suite struct ReplayedPolicyTests {
    /// What an instance holds at the beginning of each second.
    private func held(_ trace: DemandTrace, under policy: some ReplayedPolicy) -> [Slice?] {
        var policy = policy
        var world = PolicyWorld(
            instances: trace.instances, devices: 1, memory: .gibibytes(64), costs: LadderCosts(), computeOvercommit: 4)
        var held: [Slice?] = []
        for second in 0..<trace.length {
            let seen = trace.entries.filter { $0.second == second - 1 }
            let now = trace.entries.filter { $0.second == second }
            if second > 0 { policy.decide(at: second, seen: seen[...], in: &world) }
            let holding = world.holdings[0]
            held.append(holding?.level == .reserved ? holding?.slice : nil)
            world.advance(now[...], second: second)
        }
        return held
    }

    @Test func theIdleHistogramHoldsFromTheHeadToTheTailOfItsIdleTimes() {
        // Idle times of 30 s, always: nothing is held at first, and then until a little after.
        let starts = Array(stride(from: 0, to: 400, by: 30))
        let held = held(.busy([starts], length: 500), under: IdleHistogramPolicy(tail: 0.99))
        let last = 390
        #expect(held[last + 10] == nil, "before the head, less a tenth")
        #expect((last + 27...last + 30).allSatisfy { held[$0] != nil })
        #expect(held[last + 36] == nil, "after the tail, and a tenth")
    }

    @Test func anIdleHistogramThatSaysLittleKeepsForItsWholeRange() {
        let held = held(.busy([[0, 7]], length: 300), under: IdleHistogramPolicy(tail: 0.99))
        // One idle time is a histogram of one bin; before there is any, everything is kept.
        #expect(held[4] != nil)
    }

    @Test func idleTimesBeyondTheRangeArePredictedFromTheLast() {
        let starts = Array(stride(from: 0, to: 3_100, by: 300))
        let held = held(.busy([starts], length: 3_400), under: IdleHistogramPolicy(tail: 0.99))
        let last = 3_000
        #expect(held[last + 200] == nil)
        #expect(held[last + 300] != nil)
    }

    @Test func theDecayingHistogramHoldsItsPercentileAndAMargin() throws {
        // Busy in three of four seconds with 1 GiB: the median is 1 GiB.
        let busy = (0..<600).filter { $0 % 4 != 3 }
        var policy = DecayingHistogramPolicy(percentile: 0.5)
        let trace = DemandTrace.busy([busy], length: 603)
        let slice = try #require(held(trace, under: policy)[602])
        let gibibytes = Double(slice.memory.rawValue) / Double(1 << 30)
        // The bucket's end is at most 5 % above, and the margin 15 %.
        #expect(gibibytes >= 1.15 && gibibytes <= 1.15 * 1.05)
        policy = DecayingHistogramPolicy(percentile: 0.2)
        #expect(held(trace, under: policy)[602] == nil, "a fifth of the seconds has no demand")
    }

    @Test func nSigmaHoldsMeanAndDeviations() throws {
        let busy = (0..<600).filter { $0 % 2 == 0 }
        let slice = try #require(held(.busy([busy], length: 605), under: NSigmaPolicy(deviations: 2))[604])
        // Half of the seconds 1 GiB: mean and deviation are half of one each.
        let gibibytes = Double(slice.memory.rawValue) / Double(1 << 30)
        #expect(abs(gibibytes - 1.5) < 0.15)
    }
}
