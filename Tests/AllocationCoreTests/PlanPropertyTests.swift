import Determinism
import FleetModel
import Testing

@testable import AllocationCore

/// What holds of every plan, over random fleets.
@Suite struct PlanPropertyTests {
    let planner = AllocationPlanner(configuration: .priced)
    let now = MonotonicTime.seconds(20)

    private func fleet(
        seed: UInt64, count: Int = 60, _ adjust: (inout AllocationSubject) -> Void = { _ in }
    ) -> (subjects: [AllocationSubject], pool: Pool) {
        var random = SeededGenerator(seed: seed)
        var pool = Pool.random(from: &random)
        var subjects: [AllocationSubject] = []
        for number in 0..<count {
            subjects.append(.random(number, from: &random, chargedTo: &pool))
            adjust(&subjects[number])
        }
        return (subjects, pool)
    }

    @Test(arguments: 0..<100 as Range<UInt64>)
    func nothingIsPromisedTwiceAndNothingInUseIsTouched(seed: UInt64) throws {
        let (subjects, pool) = fleet(seed: seed)
        let plan = planner.plan(subjects, pool: pool, now: now)
        plan.pool.checkInvariants()
        let byInstance = Dictionary(uniqueKeysWithValues: subjects.map { ($0.instance, $0) })
        for action in plan.actions {
            let subject = try #require(byInstance[action.instance])
            if !action.isContention {
                #expect(subject.holding?.level != .attached && subject.holding?.settled != false)
            }
            switch action {
            case .reserve(_, let device, let slice, let existing):
                #expect(subject.staged && slice.memory >= subject.amount.memory)
                #expect(existing == nil || (existing == subject.holding?.grant && device == subject.holding?.device))
            case .release(_, let grant, let reason):
                #expect(grant == subject.holding?.grant)
                if reason == .preempted, subject.holding?.level == .reserved {
                    #expect(subject.priority.mayBeTakenFrom)
                }
            case .openWarm:
                #expect(subject.staged && subject.holding == nil)
            case .lower(_, let grant, let reason):
                #expect(grant == subject.holding?.grant && subject.holding?.level == .reserved)
                if reason == .preempted { #expect(subject.priority.mayBeTakenFrom) }
            case .contend:
                break
            }
        }
        let raised = plan.actions.filter(\.isReservation).map(\.instance)
        #expect(Set(raised).count == raised.count, "one reservation for each instance")
    }

    @Test func whoIsBelowEveryBarForTheLeastAmountGetsNothingWhateverItNeeds() throws {
        var random = SeededGenerator(seed: 5)
        var price = IdlePrice()
        price.advance(fleet(seed: 1).pool, elapsed: 1)
        var (below, above) = (0, 0)
        for number in 0..<400 {
            let pool = fleet(seed: UInt64(number), count: 0).pool
            var spare = pool
            var subject = AllocationSubject.random(number, from: &random, chargedTo: &spare)
            subject.holding = nil
            let least = Bytes(Int64(random.below(UInt64(subject.amount.memory.rawValue) + 1)))
            let scale = number.isMultiple(of: 2) ? Float(random.unit() * 0.3) : 1
            subject.onset = [subject.onset[0] * scale, subject.onset[1] * scale, subject.onset[2] * scale]
            let isBelow = planner.isBelowEveryBar(
                subject.onset, weight: subject.priority.weight, costs: .init(warmShare: 0.03212), least: least,
                pool: pool,
                price: price)
            let actions = planner.plan([subject], pool: pool, price: price, now: now).actions
            if isBelow { #expect(actions.isEmpty) }
            below += isBelow ? 1 : 0
            above += actions.isEmpty ? 0 : 1
        }
        #expect(below > 40 && above > 40, "both come")
    }

    @Test func nobodyIsAboveABarWhereThePlanIsOnlyForThoseWhoAsk() {
        let reactive = AllocationPlanner(configuration: AllocationConfiguration(mode: .reactive))
        #expect(
            reactive.isBelowEveryBar(
                [1, 1, 1], weight: PriorityClass.interactive.weight, costs: LadderCosts(), least: Bytes(1),
                pool: fleet(seed: 1).pool,
                price: IdlePrice()))
    }

    @Test(arguments: 0..<50 as Range<UInt64>)
    func theOrderInWhichSubjectsComeDoesNotMatter(seed: UInt64) {
        let (subjects, pool) = fleet(seed: seed)
        var random = SeededGenerator(seed: seed &+ 1)
        let plan = planner.plan(subjects, pool: pool, now: now)
        #expect(planner.plan(subjects, pool: pool, now: now) == plan)
        #expect(planner.plan(subjects.shuffled(using: &random), pool: pool, now: now) == plan)
    }

    @Test(arguments: 0..<50 as Range<UInt64>)
    func aVictimIsOfALowerClassThanWhoeverWaitsOrMuchLessProbable(seed: UInt64) throws {
        let (subjects, pool) = fleet(seed: seed) { $0.onset = [min($0.onset[0] * 4, 1), 1, 1] }
        let byInstance = Dictionary(uniqueKeysWithValues: subjects.map { ($0.instance, $0) })
        var taken: [AllocationSubject] = []
        for action in planner.plan(subjects, pool: pool, now: now).actions {
            let subject = try #require(byInstance[action.instance])
            switch action {
            case .release(_, _, .preempted) where subject.holding?.level == .reserved, .lower(_, _, .preempted):
                taken.append(subject)
            case .contend(_, let contention):
                if case .waitingForPreemption = contention.reason {
                    let own = taken.filter { $0.priority.weight == subject.priority.weight }
                    #expect(taken.allSatisfy { $0.priority.weight <= subject.priority.weight })
                    #expect(own.reduce(0) { $0 + discounted($1) } <= discounted(subject) / 2 + 1e-9)
                }
                taken = []
            default:
                break
            }
        }
        #expect(taken.isEmpty, "whoever takes says so at once")
    }

    private func discounted(_ subject: AllocationSubject) -> Double {
        Double(subject.onset[0]) / (1 + subject.relativeWidth / 4)
    }

    @Test(arguments: 0..<100 as Range<UInt64>)
    func withoutTakingThePlanIsThatOfASlowObviousRule(seed: UInt64) {
        let (subjects, start) = fleet(seed: seed) { $0.priority.mayBeTakenFrom = false }
        var pool = start
        if seed.isMultiple(of: 2) { pool.expect(slices: subjects.map(\.amount.memory)) }
        let plan = planner.plan(subjects, pool: pool, now: now)
        #expect(plan.actions.filter { !$0.isContention } == ObviousRule(now: now).actions(subjects, pool))
    }
}

/// The rule as one would say it, with a search through all devices for each instance.
private struct ObviousRule {
    let now: MonotonicTime

    func actions(_ subjects: [AllocationSubject], _ start: Pool) -> [AllocationAction] {
        var pool = start
        var actions: [AllocationAction] = []
        let order = subjects.sorted { one, other in
            (other.priority.weight, discounted(other, 0), discounted(other, 2), one.instance)
                < (one.priority.weight, discounted(one, 0), discounted(one, 2), other.instance)
        }
        for subject in order { actions += decide(subject, &pool) }
        return actions
    }

    private func discounted(_ subject: AllocationSubject, _ horizon: Int) -> Double {
        Double(subject.onset[horizon]) / (1 + subject.relativeWidth / 4)
    }

    /// The probability at which what is saved is worth what stands idle, in a pool of which nothing is promised.
    private func bar(_ subject: AllocationSubject, _ share: Double, seconds: Double, savedMs: Double) -> Double {
        let idle = AllocationConfiguration.priced.idlePrice / 4 / subject.priority.weight * share * seconds
        return idle / (savedMs / 1_000 + idle / 2)
    }

    /// Of the memory or of the compute of a device of mean size, whichever is more.
    private func share(_ subject: AllocationSubject, _ pool: Pool) -> Double {
        let slice = subject.holding?.level == .reserved ? subject.holding?.slice ?? .zero : subject.amount
        let memory = pool.devices.reduce(0) { $0 + Double($1.memory.rawValue) } / Double(pool.count)
        return max(Double(slice.memory.rawValue) / memory, Double(subject.amount.compute.rawValue) / 1_000)
    }

    private func decide(_ subject: AllocationSubject, _ pool: inout Pool) -> [AllocationAction] {
        let holding = subject.holding
        if holding?.level == .attached || holding?.settled == false { return [] }
        let isReserved = holding?.level == .reserved
        let costs = AllocationConfiguration.priced.costs
        let reserveBar = bar(subject, share(subject, pool), seconds: 5, savedMs: costs.reserveMs)
        let warmBar = bar(subject, costs.warmShare, seconds: 30, savedMs: costs.openMs)
        let wantsReserved = discounted(subject, 0) >= reserveBar * (isReserved ? 0.75 : 1)
        let wantsWarm = discounted(subject, 2) >= warmBar * (holding != nil ? 0.75 : 1)
        if wantsReserved { return isReserved || !subject.staged ? [] : raise(subject, &pool) }
        if let holding {
            let probability = isReserved ? discounted(subject, 0) : discounted(subject, 2)
            let kept = (isReserved ? reserveBar : warmBar) * 0.75
            let grace = subject.priority.grace * min(probability / kept, 1)
            if (wantsWarm && !isReserved) || now - holding.unusedSince < grace { return [] }
            if isReserved, wantsWarm, (try? pool.openWarm(on: holding.device)) != nil {
                return [.lower(subject.instance, holding.grant, .graceEnded)]
            }
            return [.release(subject.instance, holding.grant, .graceEnded)]
        }
        return wantsWarm && subject.staged ? openWarm(subject, &pool) : []
    }

    private func raise(_ subject: AllocationSubject, _ pool: inout Pool) -> [AllocationAction] {
        let needed = subject.amount
        if let holding = subject.holding, (try? pool.reserve(needed, on: holding.device)) != nil {
            pool.closeWarm(on: holding.device)
            return [.reserve(subject.instance, holding.device, needed, existing: holding.grant)]
        }
        let fitting = pool.devices.filter { pool.canReserve(needed, on: $0.device) }
        let roomiest = pool.devices.filter { $0.freeMemory >= needed.memory }.max { $0.freeCompute < $1.freeCompute }
        let memory = pool.devices.reduce(0) { $0 + Double($1.memory.rawValue) } / Double(pool.count)
        let isSmall = Double(needed.memory.rawValue) / memory < 0.125
        var spread = isSmall ? roomiest.flatMap { pool.canReserve(needed, on: $0.device) ? $0 : nil } : nil
        if !pool.memoryValue.isFlat {
            spread = cheapest(fitting, for: needed, pool) { account in
                isSmall
                    ? -Int(account.freeCompute.rawValue) * 12_500 / 1_000 : freeParts(of: account, pool) * 12_500 / 64
            } before: {
                isSmall ? $0.freeCompute > $1.freeCompute : $0.freeMemory < $1.freeMemory
            }
        }
        guard let best = spread ?? fitting.min(by: { $0.freeMemory < $1.freeMemory }),
            (try? pool.reserve(needed, on: best.device)) != nil
        else { return subject.holding == nil ? openWarm(subject, &pool) : [] }
        let moved = subject.holding.map { [AllocationAction.release(subject.instance, $0.grant, .preempted)] } ?? []
        return moved + [.reserve(subject.instance, best.device, needed, existing: nil)]
    }

    private func openWarm(_ subject: AllocationSubject, _ pool: inout Pool) -> [AllocationAction] {
        let roomy = pool.devices.filter { $0.freeMemory >= subject.amount.memory }
        var best = roomy.min { $0.warmSessions < $1.warmSessions }
        if !pool.memoryValue.isFlat {
            let open = roomy.filter { $0.warmSessions < pool.maximumWarmPerDevice }
            best = cheapest(open, for: subject.amount, pool) {
                $0.warmSessions * 12_500
            } before: {
                $0.warmSessions < $1.warmSessions
            }
        }
        guard let device = best ?? pool.devices.min(by: { $0.warmSessions < $1.warmSessions }),
            device.memory >= subject.amount.memory, (try? pool.openWarm(on: device.device)) != nil
        else { return [] }
        return [.openWarm(subject.instance, device.device)]
    }

    /// The device that costs the slices expected least, and is best in itself; of equals the one with the least memory
    /// free, in parts, and among those the one that stands `before` the others.
    private func cheapest(
        _ devices: [DeviceAccount], for slice: Slice, _ pool: Pool, own: (DeviceAccount) -> Int,
        before: (DeviceAccount, DeviceAccount) -> Bool
    ) -> DeviceAccount? {
        let part = pool.memoryValue.part
        let needed = Int((slice.memory.rawValue + part - 1) / part)
        let urgency = 1 / (4 * ((1 - min(pool.promisedShare, 0.95)) * (1 - min(pool.promisedShare, 0.95))))
        func cost(_ account: DeviceAccount) -> Double {
            Double(pool.memoryValue.cost(of: needed, where: freeParts(of: account, pool))) * urgency
                + Double(own(account))
        }
        return devices.min { one, other in
            let costs = (cost(one), cost(other))
            if costs.0 != costs.1 { return costs.0 < costs.1 }
            let parts = (freeParts(of: one, pool), freeParts(of: other, pool))
            return parts.0 == parts.1 ? before(one, other) : parts.0 < parts.1
        }
    }

    private func freeParts(of account: DeviceAccount, _ pool: Pool) -> Int {
        min(Int(account.freeMemory.rawValue / pool.memoryValue.part), 64)
    }
}
