import AllocationCore
import Determinism
import FleetModel
import Testing

/// Quotas of tenants and idle budgets of classes.
@Suite struct AllocationLimitsTests {
    let planner = AllocationPlanner()
    let now = MonotonicTime.seconds(100)
    private let tenant = TenantID(unchecked: "t")

    private func subject(
        _ name: String, _ priority: PriorityClass = .standard, onset: Float = 1, holding: Holding? = nil
    ) -> AllocationSubject {
        var subject = AllocationSubject.make(name, priority, onset: onset, holding: holding)
        subject.tenant = tenant
        return subject
    }

    private func plan(
        _ subjects: [AllocationSubject], gibibytes: Int64, quota: Double
    ) throws -> [AllocationAction] {
        let pool = try Pool.holding(subjects, gibibytes: gibibytes)
        let limits = AllocationLimits.counting(subjects, quotas: [tenant: quota])
        return planner.plan(subjects, pool: pool, limits: limits, now: now).actions
    }

    private func contention(_ name: String, _ reason: Contention.Reason) -> AllocationAction {
        .contend(InstanceID(unchecked: name), Contention(reason: reason, wanted: .reserved, slice: .gibibytes(1)))
    }

    @Test func aTenantReservesUpToItsQuotaAndTheReasonIsRecorded() throws {
        let actions = try plan([subject("a"), subject("b"), subject("c")], gibibytes: 8, quota: 0.25)
        #expect(actions.filter(\.isReservation).map(\.instance.rawValue) == ["a", "b"])
        #expect(actions.contains(contention("c", .quota(shortBy: .gibibytes(1)))))
        #expect(actions.contains(.openWarm(InstanceID(unchecked: "c"), device(0))), "the cheap level meanwhile")
        var other = subject("z")
        other.tenant = TenantID(unchecked: "u")
        let both = try plan([subject("a"), subject("b"), subject("c"), other], gibibytes: 8, quota: 0.25)
        #expect(both.contains(.reserve(other.instance, device(0), .gibibytes(1), existing: nil)))
    }

    @Test func whatIsAttachedCountsFirst() throws {
        let used = subject("a", holding: .make(1, .attached, on: device(0), .gibibytes(2)))
        let actions = try plan([used, subject("b")], gibibytes: 8, quota: 0.25)
        #expect(actions.contains(contention("b", .quota(shortBy: .gibibytes(1)))))
    }

    @Test func whatIsBeyondALoweredQuotaIsGivenBackTheLeastProbableFirst() throws {
        let held = [Float(0.9), 0.6, 0.8].enumerated().map { number, onset in
            subject(
                "h\(number)", onset: onset, holding: .make(UInt64(number), .reserved, on: device(0), unusedSince: 100))
        }
        let actions = try plan(held, gibibytes: 8, quota: 0.25)
        #expect(
            actions == [
                contention("h1", .quota(shortBy: .gibibytes(1))),
                .lower(InstanceID(unchecked: "h1"), GrantID(rawValue: 1), .graceEnded),
            ])
    }

    @Test func aClassKeepsWithinItsIdleBudget() throws {
        var batch = PriorityClass.batch
        batch.idleBudget = 0.125
        let subjects = [subject("a", batch), subject("b", batch), subject("c", .interactive)]
        let pool = try Pool.holding([], gibibytes: 8)
        let actions = planner.plan(subjects, pool: pool, now: now).actions
        #expect(actions.filter(\.isReservation).map(\.instance.rawValue) == ["c", "a"])
        #expect(actions.contains(contention("b", .idleBudget(shortBy: .gibibytes(1)))))
    }

    @Test func aProgramThatAsksIsNotLimited() throws {
        let asking = subject("a")
        let pool = try Pool.holding([], gibibytes: 8)
        let served = planner.serve(asking, others: [], pool: pool, now: now).actions
        #expect(served.contains { $0.isReservation })
    }

    @Test func whyNamesTheLimitAndThatMuchMoreSuffices() throws {
        let held = subject("h", holding: .make(1, .reserved, on: device(0)))
        let wanting = subject("a", onset: 0.9)
        let pool = try Pool.holding([held], gibibytes: 8)
        func explain(_ quota: Double) -> AllocationExplanation {
            planner.explain(
                wanting, others: [held], pool: pool,
                limits: .counting([held, wanting], quotas: [tenant: quota]), now: now)
        }
        let told = explain(0.1875)
        #expect(told.decision == .short && told.change == .quota(.mebibytes(512)))
        #expect(told.reason.hasSuffix("the tenant's quota is short by 512 MiB"))
        #expect(explain(0.25).decision == .raised && explain(0.2499).decision == .short)
    }

    /// Over random fleets no plan takes a tenant or a class further beyond its limit than it was.
    @Test(arguments: 0..<50 as Range<UInt64>)
    func noPlanGoesBeyondALimit(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var pool = Pool(computeOvercommit: 4, maximumWarmPerDevice: 8)
        for index in 0..<8 { pool.add(device(index), memory: Bytes(20), compute: .wholeDevice) }
        var subjects = (0..<60).map { AllocationSubject.random($0, from: &random, chargedTo: &pool) }
        let tenants = (0..<3).map { TenantID(unchecked: "t\($0)") }
        for index in subjects.indices {
            subjects[index].tenant = tenants[Int(random.below(3))]
            subjects[index].onset = [1, 1, 1]
            subjects[index].relativeWidth = 0
            subjects[index].priority.idleBudget = 0.3
        }
        let quotas = Dictionary(uniqueKeysWithValues: tenants.map { ($0, random.unit()) })
        let plan = planner.plan(
            subjects, pool: pool, limits: .counting(subjects, quotas: quotas), now: .seconds(20))
        var added: [TenantID: Int64] = [:]
        var idle: [PriorityClassName: Int64] = [:]
        for action in plan.actions {
            guard case .reserve(let instance, _, let slice, _) = action,
                let subject = subjects.first(where: { $0.instance == instance })
            else { continue }
            let held = subject.holding?.level == .reserved ? subject.holding?.slice.memory ?? .zero : .zero
            added[subject.tenant ?? tenants[0], default: 0] += (slice.memory - held).rawValue
            idle[subject.priority.name, default: 0] += (slice.memory - held).rawValue
        }
        for (tenant, more) in added {
            let held = subjects.filter {
                $0.tenant == tenant && ($0.holding?.level ?? .cold) >= .reserved && !isLost($0, plan)
            }
            let sum = held.reduce(more) { $0 + ($1.holding?.slice.memory.rawValue ?? 0) }
            #expect(Double(sum) <= (quotas[tenant] ?? 1) * 160)
        }
        for (name, more) in idle {
            let held = subjects.filter {
                $0.priority.name == name && $0.holding?.level == .reserved && !isLost($0, plan)
            }
            let sum = held.reduce(more) { $0 + ($1.holding?.slice.memory.rawValue ?? 0) }
            #expect(Double(sum) <= 0.3 * 160)
        }
    }

    private func isLost(_ subject: AllocationSubject, _ plan: AllocationPlan) -> Bool {
        plan.actions.contains { action in
            switch action {
            case .lower(let instance, _, _), .release(let instance, _, .graceEnded): instance == subject.instance
            default: false
            }
        }
    }
}
