import AllocationCore
import Determinism
import FleetModel
import Testing

/// Over random fleets: what is named as the smallest change makes the plan reserve, and a smaller one does not.
@Suite struct SmallestChangeTests {
    let planner = AllocationPlanner(configuration: .priced)
    let now = MonotonicTime.seconds(20)

    private func crowded(seed: UInt64) -> (subjects: [AllocationSubject], pool: Pool) {
        var random = SeededGenerator(seed: seed)
        var pool = Pool(computeOvercommit: random.chance(1, in: 2) ? 1 : 2, maximumWarmPerDevice: 8)
        for index in 0..<8 {
            pool.add(device(index), memory: Bytes(Int64(4 + random.below(6))), compute: .wholeDevice)
        }
        var subjects = (0..<60).map { AllocationSubject.random($0, from: &random, chargedTo: &pool) }
        for index in subjects.indices where random.chance(1, in: 2) {
            subjects[index].onset = [1, 1, 1]
            subjects[index].relativeWidth = 0
            // Some would like more than they hold.
            if random.chance(1, in: 2) { subjects[index].amount.memory += Bytes(2) }
            // And some so probably that more is set aside where it is to be had.
            subjects[index].amplest = subjects[index].amount.memory + Bytes(Int64(index % 3))
        }
        if random.chance(1, in: 2) { pool.setAvailable(device(Int(random.below(8))), false) }
        return (subjects, pool)
    }

    private func isReserved(_ subject: AllocationSubject, in pool: Pool) -> Bool {
        planner.plan([subject], pool: pool, now: now).actions.contains(where: \.isReservation)
    }

    /// Counts, so that a generator that no longer makes shortages is noticed.
    private func check(_ seeds: Range<UInt64>) -> [String: Int] {
        var counts: [String: Int] = [:]
        for seed in seeds {
            let (subjects, pool) = crowded(seed: seed)
            for subject in subjects {
                let told = planner.explain(subject, others: subjects, pool: pool, now: now)
                let turn = planner.poolAtTurn(of: subject, others: subjects, pool: pool, now: now)
                check(told, subject, turn, &counts)
            }
        }
        return counts
    }

    private func check(
        _ told: AllocationExplanation, _ subject: AllocationSubject, _ turn: Pool, _ counts: inout [String: Int]
    ) {
        switch told.change {
        case .nothing: counts["nothing", default: 0] += 1
        case .room(let missing, let place):
            counts["room", default: 0] += 1
            #expect(!isReserved(subject, in: turn))
            #expect(isReserved(subject, in: turn.freeing(missing, on: place)))
            for less in missing.oneUnitLess { #expect(!isReserved(subject, in: turn.freeing(less, on: place))) }
            #expect(told.devices.first { $0.device == place }?.missing == missing)
        case .available(let place):
            counts["available", default: 0] += 1
            var changed = turn
            changed.setAvailable(place, true)
            #expect(isReserved(subject, in: changed) && !isReserved(subject, in: turn))
        case .probability(let least):
            counts["probability", default: 0] += 1
            #expect(told.wanted < .reserved || subject.holding?.settled == false)
            var probable = subject
            probable.onset[ForecastHorizon.short.rawValue] = Float(least * 1.00001)
            #expect(wants(probable, turn) || least * 1.00001 > 1)
            probable.onset[ForecastHorizon.short.rawValue] = Float(least * 0.99999)
            #expect(!wants(probable, turn))
        case .sharedVersion:
            counts["sharedVersion", default: 0] += 1
            #expect(!subject.staged)
        case .device(let needed):
            counts["device", default: 0] += 1
            var changed = turn
            changed.add(device(99), memory: needed.memory, compute: .wholeDevice)
            if subject.holding?.level != .reserved {
                #expect(isReserved(subject, in: changed) || !wants(subject, changed))
            }
        case .quota, .idleBudget:
            Issue.record("nothing is limited here")
        case .request:
            counts["request", default: 0] += 1
            var certain = subject
            certain.onset = [1, 1, 1]
            #expect(!wants(certain, turn))
        }
    }

    private func wants(_ subject: AllocationSubject, _ pool: Pool) -> Bool {
        planner.wantedReadiness(of: subject.prospect, pool: pool) == .reserved
    }

    @Test func whatIsNamedSufficesAndLessDoesNot() {
        let counts = check(0..<60)
        #expect(counts["available", default: 0] > 0, "\(counts)")
        for kind in ["nothing", "room", "probability", "sharedVersion"] {
            #expect(counts[kind, default: 0] > 10, "\(counts)")
        }
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func aProgramThatAsksNeedsMemoryAlone(seed: UInt64) {
        let (subjects, pool) = crowded(seed: seed)
        for subject in subjects where subject.staged && subject.holding == nil {
            let told = planner.explain(subject, others: subjects, pool: pool, now: now, isAsked: true)
            guard case .room(let missing, let place) = told.change else { continue }
            #expect(missing.compute == .zero)
            func isServed(_ pool: Pool) -> Bool {
                planner.serve(subject, others: [], pool: pool, now: now).actions.contains(where: \.isReservation)
            }
            #expect(isServed(pool.freeing(missing, on: place)))
            for less in missing.oneUnitLess { #expect(!isServed(pool.freeing(less, on: place))) }
        }
    }

    /// The plan itself is what an explanation speaks of.
    @Test(arguments: 0..<40 as Range<UInt64>)
    func theDecisionIsThePlans(seed: UInt64) {
        let (subjects, pool) = crowded(seed: seed)
        let actions = planner.plan(subjects, pool: pool, now: now).actions
        for subject in subjects {
            let told = planner.explain(subject, others: subjects, pool: pool, now: now)
            let own = actions.filter { $0.instance == subject.instance }
            #expect((told.decision == .short) == own.contains(where: \.isContention))
            if own.contains(where: \.isReservation) {
                #expect(told.decision == .raised && told.change == .nothing)
            }
            // Whoever comes later may still take from it; until then nothing happens to it.
            if own.isEmpty { #expect(![.raised, .givenBack, .short].contains(told.decision)) }
        }
    }
}

extension Slice {
    /// This, a byte or a thousandth less.
    fileprivate var oneUnitLess: [Slice] {
        var less: [Slice] = []
        if memory > .zero { less.append(Slice(memory: memory - Bytes(1), compute: compute)) }
        if compute > .zero { less.append(Slice(memory: memory, compute: compute - MilliShare(1))) }
        return less
    }
}

extension Pool {
    fileprivate func freeing(_ slice: Slice, on device: DeviceID) -> Pool {
        var changed = self
        changed.free(slice, on: device)
        return changed
    }
}
