import AllocationCore
import FleetModel
import Testing

/// What is said of single situations.
@Suite struct ExplanationTests {
    let planner = AllocationPlanner(configuration: .priced)
    let now = MonotonicTime.seconds(100)

    private func explain(
        _ subject: AllocationSubject, _ others: [AllocationSubject] = [], gibibytes: Int64, isAsked: Bool = false
    ) throws -> AllocationExplanation {
        let pool = try Pool.holding([subject] + others, gibibytes: gibibytes)
        return planner.explain(subject, others: others, pool: pool, now: now, isAsked: isAsked)
    }

    @Test func anImprobableInstanceIsToldFromWhichProbabilityOn() throws {
        let subject = AllocationSubject.make("a", onset: 0.02, width: 4)
        let told = try explain(subject, gibibytes: 8)
        #expect(told.decision == .improbable && told.wanted == .cold && told.held == .cold)
        #expect(told.steps.map(\.level) == [.warm, .reserved] && told.steps.allSatisfy { !$0.isJustified })
        #expect(told.steps.allSatisfy { abs($0.confidence - 0.5) < 1e-9 })
        guard case .probability(let least) = told.change else {
            Issue.record("\(told.change)")
            return
        }
        #expect(abs(least * 0.5 - told.steps[1].bar) < 1e-9)
    }

    @Test func whatNoProbabilityJustifiesIsServedOnRequestAlone() throws {
        let told = try explain(.make("a", onset: 1, width: 400), gibibytes: 8)
        #expect(told.decision != .short && told.change == .request)
    }

    @Test func aShortageNamesTheNearestDeviceAndWhoHolds() throws {
        let holder = AllocationSubject.make("h", onset: 1, holding: .make(1, .reserved, on: device(0), .gibibytes(7)))
        let protected = AllocationSubject.make(
            "p", .interactive, onset: 1, holding: .make(2, .reserved, on: device(0), .gibibytes(1)))
        let subject = AllocationSubject.make("a", onset: 1, amount: .gibibytes(2))
        let told = try explain(subject, [holder, protected], gibibytes: 9)
        #expect(told.decision == .short && told.wanted == .reserved)
        #expect(told.reason.hasSuffix("memory short by 1 GiB"))
        #expect(told.devices.map(\.verdict) == [.short] && told.devices.first?.missing.memory == .gibibytes(1))
        #expect(told.reservations.map(\.verdict) == [.notLower, .protected])
        #expect(told.change == .room(Slice(memory: .gibibytes(1), compute: .zero), device(0)))
    }

    @Test func aWaitingProgramMayTakeFromItsOwnClass() throws {
        let holder = AllocationSubject.make("h", onset: 1, holding: .make(1, .reserved, on: device(0), .gibibytes(7)))
        let told = try explain(.make("a", onset: 0, amount: .gibibytes(2)), [holder], gibibytes: 8, isAsked: true)
        #expect(told.isAsked && told.decision == .short && told.reason.contains("waiting for g1"))
        #expect(told.reservations.map(\.verdict) == [.takeable])
    }

    @Test func aDeviceWithAnotherOfItsSetIsNoPlaceForIt() throws {
        var subject = AllocationSubject.make("a", onset: 1)
        subject.siblings = Siblings(set: 0, devices: [device(0)])
        let told = try explain(subject, gibibytes: 8)
        #expect(told.decision == .short && told.devices.map(\.verdict) == [.sibling])
        guard case .device = told.change else {
            Issue.record("\(told.change)")
            return
        }
    }

    @Test func whereNoVersionIsSharedWithTheServerThatHasRoomThatWouldHelp() throws {
        var subject = AllocationSubject.make("a", onset: 1)
        subject.closed = [device(0)]
        let told = try explain(subject, gibibytes: 8, isAsked: true)
        #expect(told.decision == .short && told.devices.map(\.verdict) == [.noVersion])
        #expect(told.change == .sharedVersion)
        subject.closed = []
        #expect(try explain(subject, gibibytes: 8, isAsked: true).decision == .raised)
    }

    @Test func aDeviceThatIsAwayIsNamedWhereItWouldHaveRoom() {
        var pool = Pool()
        pool.add(device(0), memory: .gibibytes(8), compute: .wholeDevice)
        pool.setAvailable(device(0), false)
        let told = planner.explain(.make("a", onset: 1), others: [], pool: pool, now: now)
        #expect(told.decision == .short && told.devices.map(\.verdict) == [.away])
        #expect(told.change == .available(device(0)))
    }

    @Test func whatIsLargerThanEveryDeviceNeedsOneThatThereIsNot() throws {
        let pool = try Pool.holding([], gibibytes: 8)
        let subject = AllocationSubject.make("a", onset: 1, amount: .gibibytes(16))
        let told = AllocationPlanner().explain(subject, others: [], pool: pool, now: now)
        #expect(told.devices.map(\.verdict) == [.tooSmall])
        #expect(told.change == .device(.gibibytes(16)))
    }

    @Test func whatIsHeldIsToldForWhatItIs() throws {
        let used = AllocationSubject.make("a", onset: 0, holding: .make(1, .attached, on: device(0)))
        #expect(try explain(used, gibibytes: 8).decision == .inUse)
        let wanted = AllocationSubject.make("a", onset: 1, holding: .make(1, .reserved, on: device(0)))
        #expect(try explain(wanted, gibibytes: 8).decision == .settled)
        let waning = AllocationSubject.make(
            "a", onset: 0.1, holding: .make(1, .reserved, on: device(0), unusedSince: 99.9))
        #expect(try explain(waning, gibibytes: 8).decision == .inGrace)
        let over = AllocationSubject.make("a", onset: 0, holding: .make(1, .reserved, on: device(0)))
        #expect(try explain(over, gibibytes: 8).decision == .givenBack)
        let unsettled = AllocationSubject.make("a", onset: 1, holding: .make(1, .warm, on: device(0), settled: false))
        #expect(try explain(unsettled, gibibytes: 8).decision == .changing)
        #expect(try explain(.make("a", onset: 1), gibibytes: 8).decision == .raised)
        let unstaged = try explain(.make("a", onset: 1, staged: false), gibibytes: 8)
        #expect(unstaged.decision == .short && unstaged.change == .sharedVersion)
    }

    @Test func theAnswerIsBounded() {
        var pool = Pool()
        for index in 0..<300 { pool.add(device(index), memory: .gibibytes(1), compute: .wholeDevice) }
        let others = (0..<100).map { number in
            AllocationSubject.make(
                "h\(number)", .batch, onset: 1, holding: .make(UInt64(number), .reserved, on: device(number)))
        }
        let told = planner.explain(.make("a", onset: 1), others: others, pool: pool, now: now)
        #expect(told.devices.count == AllocationExplanation.deviceLimit && told.deviceCount == 300)
        #expect(told.reservations.count == AllocationExplanation.reservationLimit && told.reservationCount == 100)
    }
}
