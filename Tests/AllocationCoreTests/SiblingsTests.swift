import Determinism
import FleetModel
import Testing

@testable import AllocationCore

/// Members of a set, that is one instance's several virtual GPUs, are on devices of their own.
@Suite struct SiblingsTests {
    private let planner = AllocationPlanner(configuration: .priced)
    private let now = MonotonicTime.seconds(20)

    private func member(
        _ name: String, of set: Int = 1, onset: Float = 1, others: [DeviceID] = [], holding: Holding? = nil
    ) -> AllocationSubject {
        var subject = AllocationSubject.make(name, onset: onset, holding: holding)
        subject.siblings = Siblings(set: set, devices: others)
        return subject
    }

    private func places(_ plan: AllocationPlan) -> [DeviceID] {
        plan.actions.compactMap { action in
            if case .reserve(_, let device, _, _) = action { device } else { nil }
        }
    }

    @Test func `members that one device would hold go to different ones`() throws {
        let pool = try Pool.holding([], gibibytes: 8, 8)
        let plan = planner.plan([member("a"), member("b")], pool: pool, now: now)
        #expect(Set(places(plan)) == [device(0), device(1)])
        let alone = planner.plan([.make("a", onset: 1), member("b"), member("c", of: 2)], pool: pool, now: now)
        #expect(places(alone).count == 3)
    }

    @Test func `a member waits where its siblings have every device, however much is free there`() throws {
        let pool = try Pool.holding([], gibibytes: 8)
        let plan = planner.plan([member("a"), member("b")], pool: pool, now: now)
        #expect(places(plan) == [device(0)] && plan.isShort)
        let served = planner.serve(member("b", others: [device(0)]), others: [], pool: pool, now: now)
        #expect(places(served).isEmpty && served.isShort)
        #expect(served.pool == pool, "what was closed for a moment is as it was")
    }

    @Test func `a session beside a sibling is given up for a place of its own`() throws {
        let warm = Holding.make(1, .warm, on: device(0))
        let subject = member("a", others: [device(0)], holding: warm)
        let pool = try Pool.holding([subject], gibibytes: 8, 8)
        let plan = planner.serve(subject, others: [], pool: pool, now: now)
        #expect(places(plan) == [device(1)])
        #expect(plan.actions.first == .release(subject.instance, GrantID(rawValue: 1), .preempted))
    }

    @Test func `a quota is of all devices, those of siblings among them`() throws {
        let pool = try Pool.holding([], gibibytes: 4, 4)
        var subject = member("a", others: [device(0)])
        subject.tenant = TenantID(unchecked: "small")
        let limits = AllocationLimits(quotas: [TenantID(unchecked: "small"): 0.2])
        #expect(places(planner.plan([subject], pool: pool, limits: limits, now: now)) == [device(1)])
    }

    @Test func `no session is taken on a sibling's device`() throws {
        let busy = [0, 1].map {
            AllocationSubject.make("\($0)", onset: 1, holding: .make($0, .attached, on: device(Int($0))))
        }
        let pool = try Pool.holding(busy, gibibytes: 1, 1)
        let inUse = SessionsInUse(
            busy.compactMap(\.holding).map {
                SessionsInUse.Session(
                    grant: $0.grant, device: $0.device, memory: $0.slice.memory, weight: 1, notice: .zero, since: .zero)
            })
        let chosen = inUse.choose(for: .gibibytes(1), weight: 2, pool: pool, apartFrom: [device(0)])
        #expect(chosen.map(\.device) == [device(1)])
        #expect(inUse.choose(for: .gibibytes(1), weight: 2, pool: pool, apartFrom: [device(0), device(1)]).isEmpty)
    }

    /// Whatever is held, wanted and taken: at the end no two members of a set have anything on one device.
    @Test(arguments: 0..<100 as Range<UInt64>)
    func `no plan brings members together`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var pool = Pool.random(from: &random)
        var subjects: [AllocationSubject] = []
        for number in 0..<60 { subjects.append(.random(number, from: &random, chargedTo: &pool)) }
        var devices: [InstanceID: DeviceID] = [:]
        for subject in subjects { devices[subject.instance] = subject.holding?.device }
        // Sets of three; of those that are together already nothing is asked.
        for first in stride(from: 0, to: 60, by: 3) {
            let set = first..<first + 3
            let held = set.compactMap { subjects[$0].holding?.device }
            guard Set(held).count == held.count else { continue }
            for number in set {
                let others = set.filter { $0 != number }.compactMap { subjects[$0].holding?.device }
                subjects[number].siblings = Siblings(set: first, devices: others)
            }
        }
        let plan = planner.plan(subjects, pool: pool, now: now)
        plan.pool.checkInvariants()
        for action in plan.actions {
            if let device = action.newDevice { devices[action.instance] = device }
        }
        for set in Dictionary(grouping: subjects.filter { $0.siblings != nil }, by: { $0.siblings?.set }).values {
            let used = set.compactMap { devices[$0.instance] }
            #expect(Set(used).count == used.count, "members of one set on one device")
        }
    }
}
