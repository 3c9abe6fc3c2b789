import AllocationCore
import FleetModel
import Testing

@Suite struct ContentionTests {
    let planner = AllocationPlanner()
    let now = MonotonicTime.seconds(100)

    private func reservedByBatch(_ grant: UInt64, _ gibibytes: Int64, onset: Float = 1, settled: Bool = true)
        -> AllocationSubject
    {
        .make(
            "batch\(grant)", .batch, onset: onset,
            holding: .make(grant, .reserved, on: device(0), .gibibytes(gibibytes), unusedSince: 100, settled: settled))
    }

    private func contention(_ reason: Contention.Reason, _ amount: Slice) -> AllocationAction {
        .contend(name("a"), Contention(reason: reason, wanted: .reserved, slice: amount))
    }

    @Test func theHeavierClassIsServedFirst() throws {
        let pool = try Pool.holding([], gibibytes: 1)
        let subjects = [AllocationSubject.make("a", .batch, onset: 1), .make("z", .interactive, onset: 0.3)]
        let actions = planner.plan(subjects, pool: pool, now: now).actions
        #expect(actions.first == .reserve(name("z"), device(0), .gibibytes(1), existing: nil))
    }

    @Test func unusedReservationsOfLowerClassesAreTakenBack() throws {
        let victim = reservedByBatch(1, 2)
        let taker = AllocationSubject.make("a", .interactive, onset: 1, amount: .gibibytes(2))
        let pool = try Pool.holding([victim], gibibytes: 3)
        let plan = planner.plan([victim, taker], pool: pool, now: now)
        #expect(
            plan.actions == [
                .lower(name("batch1"), GrantID(rawValue: 1), .preempted),
                contention(.waitingForPreemption(GrantID(rawValue: 1)), .gibibytes(2)), .openWarm(name("a"), device(0)),
            ])
        #expect(plan.pool.account(of: device(0))?.reserved == .gibibytes(2), "the victim's slice is not free yet")
    }

    @Test func noSecondVictimIsTakenWhileTheFirstOneLeaves() throws {
        let subjects = [reservedByBatch(1, 2, settled: false), reservedByBatch(2, 2)]
        let taker = AllocationSubject.make(
            "a", .interactive, onset: 1, amount: .gibibytes(2), holding: .make(9, .warm, on: device(0)))
        let pool = try Pool.holding(subjects + [taker], gibibytes: 4)
        #expect(
            planner.plan(subjects + [taker], pool: pool, now: now).actions
                == [contention(.waitingForPreemption(GrantID(rawValue: 1)), .gibibytes(2))])
    }

    @Test func twoTakersShareWhatOneVictimLeaves() throws {
        let subjects = [reservedByBatch(1, 4), reservedByBatch(2, 4, onset: 0.9)]
        let takers = ["a", "b", "c"].map { AllocationSubject.make($0, .interactive, onset: 1, amount: .gibibytes(2)) }
        let pool = try Pool.holding(subjects, gibibytes: 8)
        let actions = planner.plan(subjects + takers, pool: pool, now: now).actions
        let released = actions.compactMap { action in
            if case .lower(_, let grant, .preempted) = action { grant.rawValue } else { nil }
        }
        #expect(released == [2, 1], "the less probable one serves a and b, the other one c")
    }

    @Test func asFewAsSufficeAreTaken() throws {
        let subjects = [reservedByBatch(1, 1, onset: 0.6), reservedByBatch(2, 4, onset: 0.9)]
        let taker = AllocationSubject.make("a", .interactive, onset: 1, amount: .gibibytes(4))
        let pool = try Pool.holding(subjects, gibibytes: 5)
        let actions = planner.plan(subjects + [taker], pool: pool, now: now).actions
        #expect(actions.first == .lower(name("batch2"), GrantID(rawValue: 2), .preempted))
        #expect(!actions.contains(.lower(name("batch1"), GrantID(rawValue: 1), .preempted)))
    }

    @Test func whatATakerWaitsBesideIsNotGivenAway() throws {
        let victim = reservedByBatch(1, 2)
        let taker = AllocationSubject.make("a", .interactive, onset: 1, amount: .gibibytes(3))
        let latecomer = AllocationSubject.make("z", .standard, onset: 1)
        let pool = try Pool.holding([victim], gibibytes: 3)
        let plan = planner.plan([victim, taker, latecomer], pool: pool, now: now)
        #expect(!plan.actions.contains { $0.isReservation })
        #expect(plan.pool.account(of: device(0))?.freeMemory == .gibibytes(1), "held back only within the plan")
    }

    @Test(arguments: [Readiness.attached, .reserved])
    func whatIsInUseOrProtectedIsNotTaken(level: Readiness) throws {
        var protected = PriorityClass.batch
        protected.mayBeTakenFrom = level == .attached
        let holder = AllocationSubject.make("h", protected, onset: 1, holding: .make(1, level, on: device(0)))
        let taker = AllocationSubject.make(
            "a", .interactive, onset: 1, holding: .make(2, .warm, on: device(0)))
        let pool = try Pool.holding([holder, taker], gibibytes: 1)
        #expect(
            planner.plan([holder, taker], pool: pool, now: now).actions
                == [contention(.memory(shortBy: .gibibytes(1)), .gibibytes(1))])
    }

    @Test func aClassThatMayNotTakeWaits() throws {
        var meek = PriorityClass.interactive
        meek.mayTake = false
        let taker = AllocationSubject.make("a", meek, onset: 1, holding: .make(2, .warm, on: device(0)))
        let subjects = [reservedByBatch(1, 1), taker]
        let pool = try Pool.holding(subjects, gibibytes: 1)
        #expect(
            planner.plan(subjects, pool: pool, now: now).actions
                == [contention(.memory(shortBy: .gibibytes(1)), .gibibytes(1))])
    }

    @Test func anAmountLargerThanAnyDeviceContendsAndTakesNothing() throws {
        let victim = reservedByBatch(1, 2)
        let taker = AllocationSubject.make("a", .interactive, onset: 1, amount: .gibibytes(16))
        let pool = try Pool.holding([victim], gibibytes: 8)
        #expect(
            planner.plan([victim, taker], pool: pool, now: now).actions
                == [contention(.memory(shortBy: .gibibytes(10)), .gibibytes(16))])
    }

    @Test func aRequestTakesBackToo() throws {
        let victim = reservedByBatch(1, 1)
        let taker = AllocationSubject.make("a", .interactive, onset: 0, holding: .make(2, .warm, on: device(0)))
        let pool = try Pool.holding([victim, taker], gibibytes: 1)
        #expect(
            planner.serve(taker, others: [victim, taker], pool: pool, now: now).actions == [
                .lower(name("batch1"), GrantID(rawValue: 1), .preempted),
                contention(.waitingForPreemption(GrantID(rawValue: 1)), .gibibytes(1)),
            ])
    }

    private func reservedByStandard(_ grant: UInt64, onset: Float) -> AllocationSubject {
        .make("s\(grant)", onset: onset, holding: .make(grant, .reserved, on: device(0), unusedSince: 100))
    }

    @Test(arguments: [(Float(0.44), true), (0.46, false)])
    func ofItsOwnClassWhatIsHalfAsProbableGivesWay(onset: Float, givesWay: Bool) throws {
        let holder = reservedByStandard(1, onset: onset)
        let taker = AllocationSubject.make("a", onset: 0.9)
        let pool = try Pool.holding([holder], gibibytes: 1)
        let actions = planner.plan([holder, taker], pool: pool, now: now).actions
        #expect(actions.contains(.lower(name("s1"), GrantID(rawValue: 1), .preempted)) == givesWay)
        let reason =
            givesWay ? Contention.Reason.waitingForPreemption(GrantID(rawValue: 1)) : .memory(shortBy: .gibibytes(1))
        #expect(actions.contains(contention(reason, .gibibytes(1))))
    }

    @Test func severalThatTogetherAreMoreProbableDoNotGiveWay() throws {
        let holders = [reservedByStandard(1, onset: 0.3), reservedByStandard(2, onset: 0.3)]
        let taker = AllocationSubject.make("a", onset: 0.9, amount: .gibibytes(2))
        let pool = try Pool.holding(holders, gibibytes: 2)
        let actions = planner.plan(holders + [taker], pool: pool, now: now).actions
        #expect(actions.contains(contention(.memory(shortBy: .gibibytes(2)), .gibibytes(2))))
    }

    @Test func whereTheDeviceMayCarryNoMoreWarmSessionsTheVictimIsReleased() throws {
        let victim = reservedByBatch(1, 1)
        let taker = AllocationSubject.make("a", .interactive, onset: 1)
        var pool = Pool(maximumWarmPerDevice: 1)
        pool.add(device(0), memory: .gibibytes(1), compute: .wholeDevice)
        try pool.adopt(.gibibytes(1), on: device(0))
        #expect(
            planner.plan([victim, taker], pool: pool, now: now).actions == [
                .release(name("batch1"), GrantID(rawValue: 1), .preempted),
                contention(.waitingForPreemption(GrantID(rawValue: 1)), .gibibytes(1)), .openWarm(name("a"), device(0)),
            ])
    }

    @Test func aReasonIsGivenForEachShortage() throws {
        let wanting = AllocationSubject.make("a", onset: 1)
        #expect(planner.plan([wanting], pool: Pool(), now: now).actions == [contention(.noDevice, .gibibytes(1))])
        let unstaged = AllocationSubject.make("a", onset: 1, staged: false)
        let pool = try Pool.holding([], gibibytes: 4)
        #expect(planner.plan([unstaged], pool: pool, now: now).actions == [contention(.notStaged, .gibibytes(1))])
        let costly = AllocationSubject.make(
            "a", onset: 1, amount: .gibibytes(1, compute: 4_100), holding: .make(1, .warm, on: device(0)))
        #expect(
            planner.plan([costly], pool: try Pool.holding([costly], gibibytes: 4), now: now).actions
                == [contention(.compute(shortBy: MilliShare(100)), .gibibytes(1, compute: 4_100))])
        var crowded = Pool(maximumWarmPerDevice: 0)
        crowded.add(device(0), memory: .gibibytes(4), compute: .wholeDevice)
        #expect(
            AllocationPlanner(configuration: .priced).plan([.make("a", onset: 0.1)], pool: crowded, now: now).actions
                == [.contend(name("a"), Contention(reason: .warmLimit, wanted: .warm, slice: .zero))])
    }

    @Test func aContentionReadsAsASentence() {
        let short = Contention(reason: .memory(shortBy: Bytes(1)), wanted: .reserved, slice: .gibibytes(1))
        #expect(short.description == "reserved 1 GiB and 100/1000 compute: memory short by 1 MiB")
        let warm = Contention(reason: .warmLimit, wanted: .warm, slice: .zero)
        #expect(warm.description == "warm: every device has as many warm sessions as it may")
    }
}
