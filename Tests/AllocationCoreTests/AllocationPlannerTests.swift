import AllocationCore
import FleetModel
import Testing

@Suite struct AllocationPlannerTests {
    let planner = AllocationPlanner(configuration: .priced)
    let now = MonotonicTime.seconds(100)

    // MARK: The trigger

    @Test(arguments: [
        (1, [AllocationAction]()),
        (9, [.openWarm(name("a"), device(0))]),
        (39, [.openWarm(name("a"), device(0))]),
        (41, [.reserve(name("a"), device(0), .gibibytes(1), existing: nil)]),
    ])
    func probabilityDecidesOnTheLevel(percent: Int, expected: [AllocationAction]) throws {
        let pool = try Pool.holding([], gibibytes: 8)
        #expect(planner.plan([.make("a", onset: Float(percent) / 100)], pool: pool, now: now).actions == expected)
    }

    @Test func aReservationLooksAShortTimeAheadAndAWarmSessionALongTime() throws {
        var subject = AllocationSubject.make("a", onset: 0)
        subject.onset = [0.1, 0.9, 0.9]
        let pool = try Pool.holding([], gibibytes: 8)
        #expect(planner.plan([subject], pool: pool, now: now).actions == [.openWarm(name("a"), device(0))])
    }

    @Test func ofTwoForecastsWithEqualMedianTheNarrowerIsReservedEarlierAndFuller() throws {
        let pool = try Pool.holding([], gibibytes: 64)
        func reservedFrom(width: Double) -> Int? {
            (0...100).first { percent in
                let subject = AllocationSubject.make("a", onset: Float(percent) / 100, width: width)
                return planner.plan([subject], pool: pool, now: now).actions.contains { $0.isReservation }
            }
        }
        let certain = try #require(reservedFrom(width: 0))
        let narrow = try #require(reservedFrom(width: 0.5))
        let wide = try #require(reservedFrom(width: 4))
        #expect(certain < narrow && narrow < wide)
        #expect(reservedFrom(width: 12) == nil, "a forecast this wide prepares the cheap levels only")
        // At the same probability the narrow one has all that it would need, and the wide one no memory.
        let subjects = [AllocationSubject.make("narrow", onset: 0.5, width: 0.5), .make("wide", onset: 0.5, width: 4)]
        #expect(
            planner.plan(subjects, pool: pool, now: now).actions == [
                .reserve(name("narrow"), device(0), .gibibytes(1), existing: nil), .openWarm(name("wide"), device(0)),
            ])
    }

    @Test func whereMemoryIsForOneTheNarrowerGetsIt() throws {
        let other = AllocationSubject.make("z", onset: 0, holding: .make(1, .attached, on: device(0), .gibibytes(7)))
        let pool = try Pool.holding([other], gibibytes: 8)
        let subjects = [AllocationSubject.make("a-wide", onset: 0.9, width: 3), .make("narrow", onset: 0.9, width: 1)]
        let actions = planner.plan(subjects, pool: pool, now: now).actions
        #expect(actions.first == .reserve(name("narrow"), device(0), .gibibytes(1), existing: nil))
        #expect(actions.count { $0.isReservation } == 1)
    }

    @Test func confidenceFallsFromOneWithWidth() {
        let configuration = AllocationConfiguration()
        let widths = [0, 0.1, 1, 4, 100, .infinity]
        let confidences = widths.map { configuration.confidence(relativeWidth: $0) }
        #expect(confidences.first == 1 && confidences[3] == 0.5 && confidences.last == 0)
        #expect(zip(confidences, confidences.dropFirst()).allSatisfy { $0 > $1 })
        #expect(configuration.confidence(relativeWidth: .nan) == 0)
    }

    @Test func attentionIsPaidToWhatIsHeldOrNotImprobable() {
        #expect(!AllocationConfiguration.deservesAttention(onset: [0, 0, 0.01], holding: nil))
        #expect(AllocationConfiguration.deservesAttention(onset: [0, 0, 0.02], holding: nil))
        #expect(
            AllocationConfiguration.deservesAttention(onset: [0, 0, 0], holding: .make(1, .warm, on: device(0))))
    }

    // MARK: Raising

    @Test func aWarmSessionIsRaisedWhereItIs() throws {
        let subject = AllocationSubject.make("a", onset: 0.5, holding: .make(7, .warm, on: device(1)))
        let pool = try Pool.holding([subject], gibibytes: 4, 8)
        let plan = planner.plan([subject], pool: pool, now: now)
        #expect(plan.actions == [.reserve(name("a"), device(1), .gibibytes(1), existing: GrantID(rawValue: 7))])
        #expect(plan.pool.account(of: device(1))?.warmSessions == 0)
        #expect(plan.pool.account(of: device(1))?.reserved == .gibibytes(1))
    }

    @Test func aWarmSessionOnAFullDeviceIsMoved() throws {
        let subjects = [
            AllocationSubject.make("a", onset: 0.5, holding: .make(7, .warm, on: device(0))),
            .make("b", onset: 0, holding: .make(8, .attached, on: device(0), .gibibytes(4))),
        ]
        let pool = try Pool.holding(subjects, gibibytes: 4, 8)
        #expect(
            planner.plan(subjects, pool: pool, now: now).actions == [
                .release(name("a"), GrantID(rawValue: 7), .preempted),
                .reserve(name("a"), device(1), .gibibytes(1), existing: nil),
            ])
    }

    @Test(arguments: [(Int64(1_100), false), (1_200, true)])
    func anUnusedReservationGrowsWithItsAmount(mebibytes: Int64, grows: Bool) throws {
        let amount = Slice(memory: .mebibytes(mebibytes), compute: MilliShare(100))
        let subject = AllocationSubject.make(
            "a", onset: 0.9, amount: amount, holding: .make(7, .reserved, on: device(0)))
        let pool = try Pool.holding([subject], gibibytes: 8)
        let plan = planner.plan([subject], pool: pool, now: now)
        #expect(plan.actions == (grows ? [.reserve(name("a"), device(0), amount, existing: GrantID(rawValue: 7))] : []))
        #expect(plan.pool.account(of: device(0))?.reserved.memory == (grows ? amount.memory : .gibibytes(1)))
    }

    @Test func whatIsAttachedOrUnderWayIsLeftAlone() throws {
        let subjects = [
            AllocationSubject.make("a", onset: 0, holding: .make(1, .attached, on: device(0))),
            .make("b", onset: 0, holding: .make(2, .reserved, on: device(0), settled: false)),
            .make("c", onset: 1, holding: .make(3, .warm, on: device(0), settled: false)),
        ]
        let pool = try Pool.holding(subjects, gibibytes: 8)
        let plan = planner.plan(subjects, pool: pool, now: now)
        #expect(plan == AllocationPlan(actions: [], pool: pool))
    }

    // MARK: Grace and hysteresis

    @Test(arguments: [
        (31, 90.0, [AllocationAction]()),  // at least three quarters of the threshold: kept
        (10, 99, []),  // within the grace period
        (10, 90, [.lower(name("a"), GrantID(rawValue: 7), .graceEnded)]),  // still worth a warm session
        (1, 99.9, []),  // the further the probability has fallen, the shorter the grace period
        (1, 99, [.release(name("a"), GrantID(rawValue: 7), .graceEnded)]),
        (1, 90, [.release(name("a"), GrantID(rawValue: 7), .graceEnded)]),
    ])
    func aReservationIsKeptWhileWantedOrInGrace(
        percent: Int, unusedSince: Double, expected: [AllocationAction]
    ) throws {
        let subject = AllocationSubject.make(
            "a", onset: Float(percent) / 100, holding: .make(7, .reserved, on: device(0), unusedSince: unusedSince))
        let pool = try Pool.holding([subject], gibibytes: 8)
        let plan = planner.plan([subject], pool: pool, now: now)
        #expect(plan.actions == expected)
        #expect(plan.pool.account(of: device(0))?.reserved == .gibibytes(1), "not free before the server has confirmed")
    }

    @Test func aReservationIsReleasedWhereNoWarmSessionMayBeKept() throws {
        let subject = AllocationSubject.make("a", onset: 0.1, holding: .make(7, .reserved, on: device(0)))
        var pool = Pool(maximumWarmPerDevice: 0)
        pool.add(device(0), memory: .gibibytes(4), compute: .wholeDevice)
        try pool.reserve(.gibibytes(1), on: device(0))
        let actions = planner.plan([subject], pool: pool, now: now).actions
        #expect(actions == [.release(name("a"), GrantID(rawValue: 7), .graceEnded)])
    }

    @Test func aProbabilityThatWaversAboutTheThresholdMovesNothing() throws {
        for percent in stride(from: 31, through: 60, by: 1) {
            let subject = AllocationSubject.make(
                "a", onset: Float(percent) / 100, holding: .make(7, .reserved, on: device(0)))
            let pool = try Pool.holding([subject], gibibytes: 8)
            #expect(planner.plan([subject], pool: pool, now: now).actions.isEmpty)
            #expect(planner.wantedReadiness(of: subject.prospect, pool: pool) == .reserved)
        }
    }

    // MARK: Requests and the reactive policy

    @Test func aRequestIsServedWhateverTheForecast() throws {
        let warm = AllocationSubject.make("a", onset: 0, width: 50, holding: .make(7, .warm, on: device(0)))
        let pool = try Pool.holding([warm], gibibytes: 4)
        #expect(
            planner.serve(warm, others: [], pool: pool, now: now).actions
                == [.reserve(name("a"), device(0), .gibibytes(1), existing: GrantID(rawValue: 7))])
        #expect(
            planner.serve(.make("b", onset: 0), others: [], pool: pool, now: now).actions
                == [.reserve(name("b"), device(0), .gibibytes(1), existing: nil)])
    }

    /// What is foreseen would cost more idle than it saves; what is asked for does not stand idle.
    @Test func aRequestForAWholeDeviceIsServed() throws {
        let asking = AllocationSubject.make("a", onset: 1, amount: .gibibytes(8))
        let pool = try Pool.holding([], gibibytes: 8)
        #expect(planner.wantedReadiness(of: asking.prospect, pool: pool) < .reserved)
        #expect(
            planner.serve(asking, others: [], pool: pool, now: now).actions
                == [.reserve(name("a"), device(0), .gibibytes(8), existing: nil)])
    }

    /// A late command is late, not lost; another session would be later.
    @Test func aRequestKeepsItsWarmSessionWhereComputeIsShort() throws {
        let warm = AllocationSubject.make("a", onset: 0, holding: .make(7, .warm, on: device(0)))
        var pool = try Pool.holding([warm], gibibytes: 4, 4)
        try pool.adopt(Slice(memory: .gibibytes(1), compute: MilliShare(4_000)), on: device(0))
        #expect(
            planner.serve(warm, others: [], pool: pool, now: now).actions
                == [.reserve(name("a"), device(0), .gibibytes(1), existing: GrantID(rawValue: 7))])
    }

    @Test func aRequestTakesMemoryWhereComputeIsShort() throws {
        let idle = AllocationSubject.make("b", onset: 0, holding: .make(1, .reserved, on: device(0)))
        let asking = AllocationSubject.make("a", onset: 0)
        var pool = try Pool.holding([idle], gibibytes: 1)
        try pool.adopt(Slice(memory: .zero, compute: MilliShare(4_000)), on: device(0))
        let actions = planner.serve(asking, others: [idle], pool: pool, now: now).actions
        #expect(actions.first == .lower(name("b"), GrantID(rawValue: 1), .preempted))
    }

    @Test(arguments: [Readiness.reserved, .attached])
    func aRequestThatFindsItsReservationChangesNothing(level: Readiness) throws {
        let subject = AllocationSubject.make(
            "a", onset: 0, amount: .gibibytes(3), holding: .make(7, level, on: device(0)))
        let pool = try Pool.holding([subject], gibibytes: 8)
        #expect(planner.serve(subject, others: [], pool: pool, now: now).actions.isEmpty)
    }

    /// A program that waited for the ample amount though what its class asks for was there would wait for nothing.
    @Test func whereAnAmpleAmountHasNoRoomTheClassesServiceLevelDecides() throws {
        let planner = AllocationPlanner(configuration: AllocationConfiguration(idlePrice: 0.00001))
        var subject = AllocationSubject.make("a", onset: 1)
        subject.amplest = .gibibytes(3)
        func reserves(_ gibibytes: Int64) -> [AllocationAction] {
            let slice = Slice(memory: .gibibytes(gibibytes), compute: subject.amount.compute)
            return [.reserve(name("a"), device(0), slice, existing: nil)]
        }
        let small = try Pool.holding([], gibibytes: 2)
        #expect(planner.serve(subject, others: [], pool: small, now: now).actions == reserves(1))
        let large = try Pool.holding([], gibibytes: 4)
        #expect(planner.serve(subject, others: [], pool: large, now: now).actions == reserves(3))
        subject.tenant = TenantID(unchecked: "t")
        let limits = AllocationLimits(quotas: [TenantID(unchecked: "t"): 0.5])
        #expect(planner.plan([subject], pool: large, limits: limits, now: now).actions == reserves(1))
        subject.tenant = nil
        subject.holding = .make(1, .reserved, on: device(0))
        let full = try Pool.holding([subject], gibibytes: 2)
        #expect(planner.plan([subject], pool: full, now: now).actions.isEmpty, "it has what its class asks for")
    }

    @Test func theReactivePolicyNeverAnticipatesAndKeepsNothing() throws {
        let reactive = AllocationPlanner(configuration: AllocationConfiguration(mode: .reactive))
        let subjects = [
            AllocationSubject.make("a", onset: 1),
            .make("b", onset: 1, holding: .make(2, .warm, on: device(0))),
            .make("c", onset: 1, holding: .make(3, .reserved, on: device(0))),
            .make("d", onset: 1, holding: .make(4, .attached, on: device(0))),
        ]
        let pool = try Pool.holding(subjects, gibibytes: 8)
        #expect(
            reactive.plan(subjects, pool: pool, now: now).actions == [
                .release(name("b"), GrantID(rawValue: 2), .graceEnded),
                .release(name("c"), GrantID(rawValue: 3), .graceEnded),
            ])
        #expect(
            reactive.serve(subjects[0], others: [], pool: pool, now: now).actions
                == [.reserve(name("a"), device(0), .gibibytes(1), existing: nil)])
    }
}

func name(_ text: String) -> InstanceID { InstanceID(unchecked: text) }

extension AllocationAction {
    var isReservation: Bool {
        if case .reserve = self { true } else { false }
    }
}
