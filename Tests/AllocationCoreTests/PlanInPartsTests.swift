import AllocationCore
import Determinism
import FleetModel
import Testing

@Suite struct PlanInPartsTests {
    private let planner = AllocationPlanner(configuration: .priced)
    private let now = MonotonicTime.seconds(20)

    private func fleet(seed: UInt64) -> (subjects: [AllocationSubject], pool: Pool) {
        var random = SeededGenerator(seed: seed)
        var pool = Pool(computeOvercommit: 2, maximumWarmPerDevice: 4)
        for index in 0..<8 {
            pool.add(device(index), memory: Bytes(Int64(4 + random.below(24))), compute: .wholeDevice)
        }
        var subjects: [AllocationSubject] = []
        for number in 0..<60 { subjects.append(.random(number, from: &random, chargedTo: &pool)) }
        return (subjects, pool)
    }

    private func parts(of subjects: [AllocationSubject], _ pool: Pool) -> PlanInParts {
        var limits = AllocationLimits.counting(subjects)
        limits.closing = [device(3)]
        return PlanInParts(
            of: subjects, by: planner, pool: pool, price: IdlePrice(), limits: limits, now: now)
    }

    @Test(arguments: 0..<60 as Range<UInt64>)
    func `a plan in parts between which nothing happens is the plan`(seed: UInt64) {
        let (subjects, pool) = fleet(seed: seed)
        var limits = AllocationLimits.counting(subjects)
        limits.closing = [device(3)]
        let whole = planner.plan(subjects, pool: pool, limits: limits, now: now)
        var parts = parts(of: subjects, pool)
        var left = pool
        var actions: [AllocationAction] = []
        while !parts.isDecided {
            let turn = parts.next(7)
            actions += parts.decide(turn.map { subjects[$0] }, pool: &left, changed: [], now: now)
            left.checkInvariants()
            #expect(left.account(of: device(3))?.available == true, "closed while something is decided alone")
        }
        _ = parts.finish(&left)
        #expect(actions == whole.actions)
        #expect(left == whole.pool)
    }

    @Test func `what has changed since is taken from nobody`() throws {
        let holder = AllocationSubject.make("holder", .batch, onset: 0.1, holding: .make(1, .reserved, on: device(0)))
        let takers = (1...2).map { AllocationSubject.make("taker\($0)", .interactive, onset: 1) }
        var pool = try Pool.holding([holder], gibibytes: 1)
        var parts = parts(of: takers + [holder], pool)
        // Somebody else's program has asked: the first is not decided.
        #expect(parts.decide([], pool: &pool, changed: [], now: now).isEmpty)
        let first = parts.decide([takers[0]], pool: &pool, changed: [], now: now)
        #expect(first.contains { $0.instance == holder.instance && !$0.isContention })

        pool = try Pool.holding([holder], gibibytes: 1)
        parts = self.parts(of: takers + [holder], pool)
        // The search is made before the holder's program has come, so that it is known who could give way.
        let other = AllocationSubject.make("other", .interactive, onset: 1, amount: .gibibytes(2))
        _ = parts.decide([other], pool: &pool, changed: [], now: now)
        let then = parts.decide([takers[0]], pool: &pool, changed: [GrantID(rawValue: 1)], now: now)
        #expect(!then.isEmpty && then.allSatisfy { $0.instance != holder.instance })
    }
}
