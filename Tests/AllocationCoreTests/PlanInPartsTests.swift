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

    @Test(arguments: [false, true])
    func `what has changed since is taken from nobody`(afterASearch: Bool) throws {
        let holders = (0...1).map {
            AllocationSubject.make(
                "holder\($0)", .batch, onset: 0.1, holding: .make(UInt64($0), .reserved, on: device($0)))
        }
        let takers = (0...2).map { AllocationSubject.make("taker\($0)", .interactive, onset: 1) }
        func isTaken(_ action: AllocationAction) -> Bool {
            !action.isContention && holders.contains { $0.instance == action.instance }
        }
        var pool = try Pool.holding(holders, gibibytes: 1, 1)
        var parts = parts(of: holders + takers, pool)
        if afterASearch {
            let first = parts.decide([takers[0]], pool: &pool, changed: [], now: now)
            #expect(first.count(where: isTaken) == 1, "one of them gives way")
        }
        let all = holders.compactMap(\.holding?.grant)
        let then = parts.decide([takers[1]], pool: &pool, changed: all, now: now)
        #expect(then.contains(where: \.isContention) && !then.contains(where: isTaken))
        let later = parts.decide([takers[2]], pool: &pool, changed: [], now: now)
        #expect(!later.contains(where: isTaken))
    }
}
