import AllocationCore
import Determinism
import FleetModel
import Testing

@Suite struct PlanInPartsTests {
    private let planner = AllocationPlanner(configuration: .priced)
    private let now = MonotonicTime.seconds(20)
    /// Of the seven devices' memory less than the tenant of the test's subjects holds, so that something is taken back.
    private let quotas = [TenantID(unchecked: "small"): 0.1]

    private func fleet(seed: UInt64) -> (subjects: [AllocationSubject], pool: Pool) {
        var random = SeededGenerator(seed: seed)
        var pool = Pool.random(from: &random)
        var subjects: [AllocationSubject] = []
        for number in 0..<60 {
            var subject = AllocationSubject.random(number, from: &random, chargedTo: &pool)
            if number % 3 == 0 { subject.tenant = TenantID(unchecked: "small") }
            subjects.append(subject)
        }
        return (subjects, pool)
    }

    private func limits(_ subjects: [AllocationSubject], _ closesDevices: Bool) -> AllocationLimits {
        var limits = AllocationLimits.counting(subjects, quotas: quotas)
        if closesDevices { limits.closing = [device(3)] }
        return limits
    }

    /// Taken in by fives.
    private func parts(
        of subjects: [AllocationSubject], _ pool: Pool, closesDevices: Bool = false
    ) -> PlanInParts {
        var parts = PlanInParts(by: planner, price: IdlePrice(), quotas: quotas, closesDevices: closesDevices)
        for begin in stride(from: 0, to: subjects.count, by: 5) {
            let part = subjects[begin..<min(begin + 5, subjects.count)]
            let reservations = part.enumerated().compactMap { UnusedReservation(of: $0.element, index: $0.offset) }
            _ = parts.add(part.map(\.prospect), reservations: reservations, pool: pool, now: now)
        }
        parts.begin(on: pool, limits: limits(subjects, closesDevices), now: now)
        return parts
    }

    @Test(arguments: 0..<60 as Range<UInt64>, [false, true])
    func `a plan in parts between which nothing happens is the plan`(seed: UInt64, closesDevices: Bool) {
        let (subjects, pool) = fleet(seed: seed)
        let whole = planner.plan(subjects, pool: pool, limits: limits(subjects, closesDevices), now: now)
        var parts = parts(of: subjects, pool, closesDevices: closesDevices)
        var left = pool
        var (actions, refused): ([AllocationAction], [AllocationAction]) = ([], [])
        while !parts.isDecided {
            let (turns, withoutRoom) = parts.next(7, on: left)
            let (decisions, decided) = parts.decide(turns.map { subjects[$0] }, pool: &left, changed: [], now: now)
            #expect(decided > 0 || !withoutRoom.isEmpty)
            actions += decisions
            refused += withoutRoom.map { .contend(subjects[$0].instance, .warmSession) }
            parts.pass(decided)
            left.checkInvariants()
            #expect(left.account(of: device(3))?.available == true, "closed while something is decided alone")
        }
        _ = parts.finish(&left)
        let decided = whole.actions.filter { !refused.contains($0) }
        #expect(actions == decided && decided.count + refused.count == whole.actions.count)
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
            let first = parts.decide([takers[0]], pool: &pool, changed: [], now: now).actions
            #expect(first.count(where: isTaken) == 1, "one of them gives way")
        }
        let all = holders.compactMap(\.holding?.grant)
        let then = parts.decide([takers[1]], pool: &pool, changed: all, now: now).actions
        #expect(then.contains(where: \.isContention) && !then.contains(where: isTaken))
        let later = parts.decide([takers[2]], pool: &pool, changed: [], now: now).actions
        #expect(!later.contains(where: isTaken))
    }

    @Test func `a part in which room is searched for often ends before its subjects do`() throws {
        // Each needs less than the one before, so that it is looked again, and none has a right to what there is.
        let takers = (0..<40).map {
            AllocationSubject.make(
                "taker\($0)", onset: 0.9 - Float($0) / 1_000,
                amount: Slice(memory: .mebibytes(Int64(1_000 - $0)), compute: .zero))
        }
        let holder = AllocationSubject.make(
            "holder", onset: 1, holding: .make(1, .reserved, on: device(0), .gibibytes(8)))
        var pool = try Pool.holding([holder], gibibytes: 8)
        var parts = parts(of: [holder] + takers, pool)
        var told: [Int] = []
        var ends: [Int] = []
        while !parts.isDecided {
            let turns = parts.next(41, on: pool).turns
            let subjects = turns.map { $0 == 0 ? holder : takers[$0 - 1] }
            let decided = parts.decide(subjects, pool: &pool, changed: [], now: now).decided
            parts.pass(decided)
            told += turns.prefix(decided)
            ends.append(decided)
        }
        #expect(Set(told).count == 40 && told.count == 40, "each has one turn, but who keeps what it has")
        #expect(ends.count > 1, "\(ends)")
    }

    @Test func `who wants a warm session where there is room for none is not looked at, unless others come before`()
        throws
    {
        func subject(_ name: String, _ onset: Float) -> AllocationSubject {
            AllocationSubject.make(name, onset: onset, amount: .gibibytes(1))
        }
        var pool = Pool(maximumWarmPerDevice: 1)
        pool.add(device(0), memory: .gibibytes(8), compute: .wholeDevice)
        let probabilities = stride(from: Float(0.001), to: 1, by: 0.001)
        let onset = try #require(
            probabilities.first { planner.wantedReadiness(of: subject("any", $0).prospect, pool: pool) == .warm })
        let hopeful = [subject("a", onset), subject("b", onset)]
        var parts = parts(of: hopeful, pool)
        let next = parts.next(9, on: pool)
        #expect(next.turns == [0, 1] && next.withoutRoom.isEmpty, "there is room for one")

        try pool.openWarm(on: device(0))
        parts = self.parts(of: hopeful, pool)
        let refused = parts.next(9, on: pool)
        #expect(refused.turns.isEmpty && refused.withoutRoom == [0, 1] && parts.isDecided)

        parts = self.parts(of: hopeful + [subject("certain", 1)], pool)
        #expect(parts.next(9, on: pool).turns == [2, 0, 1], "what is decided for it may make room")
    }
}
