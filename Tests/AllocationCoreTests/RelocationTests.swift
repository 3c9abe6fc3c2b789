import Determinism
import FleetModel
import Testing

@testable import AllocationCore

/// Unused reservations that go elsewhere so that a program that asks finds room.
@Suite struct RelocationTests {
    private let planner = AllocationPlanner(configuration: .priced)
    private let now = MonotonicTime.seconds(20)

    private func holder(
        _ grant: UInt64, on number: Int, gibibytes: Int64, _ level: Readiness = .reserved, settled: Bool = true
    ) -> AllocationSubject {
        .make(
            "holder\(grant)", .interactive, onset: 0.5,
            holding: .make(grant, level, on: device(number), .gibibytes(gibibytes), settled: settled))
    }

    private func asking(gibibytes: Int64) -> AllocationSubject {
        .make("asking", onset: 1, amount: .gibibytes(gibibytes))
    }

    @Test func `what is held unused in the way goes where it fits as well`() throws {
        let holders = [holder(1, on: 0, gibibytes: 1), holder(2, on: 1, gibibytes: 1)]
        let pool = try Pool.holding(holders, gibibytes: 4, 4)
        let found = try #require(Relocation(for: asking(gibibytes: 4), moving: holders, pool: pool))
        #expect(found.moves.count == 1)
        let move = try #require(found.moves.first)
        #expect(move.to == device(move.grant.rawValue == 1 ? 1 : 0))
        // Promised where it goes, and still where it is.
        #expect(found.pool.account(of: move.to)?.reserved.memory == .gibibytes(2))
        #expect(found.pool.devices.allSatisfy { $0.available })
        found.pool.checkInvariants()
    }

    @Test func `the least is moved, and no more than is needed`() throws {
        let holders = [holder(1, on: 0, gibibytes: 3), holder(2, on: 1, gibibytes: 1), holder(3, on: 1, gibibytes: 1)]
        let pool = try Pool.holding(holders, gibibytes: 4, 4, 4)
        let found = try #require(Relocation(for: asking(gibibytes: 3), moving: holders, pool: pool))
        #expect(found.moves.map(\.grant.rawValue) == [2])
    }

    @Test(arguments: [Readiness.attached, .warm])
    func `what a program uses, and what has no memory, stays`(level: Readiness) throws {
        let holders = [holder(1, on: 0, gibibytes: 1, level), holder(2, on: 1, gibibytes: 1, level)]
        let pool = try Pool.holding(holders, gibibytes: 4, 4)
        #expect(Relocation(for: asking(gibibytes: 4), moving: holders, pool: pool) == nil)
    }

    @Test func `nothing is moved where it has no room elsewhere, is on its way, or is pinned`() throws {
        let full = [holder(1, on: 0, gibibytes: 3), holder(2, on: 1, gibibytes: 3)]
        let little = try Pool.holding(full, gibibytes: 4, 4)
        #expect(Relocation(for: asking(gibibytes: 2), moving: full, pool: little) == nil)
        let coming = [holder(1, on: 0, gibibytes: 1, settled: false)]
        let pool = try Pool.holding(coming, gibibytes: 4, 2)
        #expect(Relocation(for: asking(gibibytes: 4), moving: coming, pool: pool) == nil)
        var pinned = holder(1, on: 0, gibibytes: 1)
        pinned.order.pin = .device(device(0))
        #expect(Relocation(for: asking(gibibytes: 4), moving: [pinned], pool: pool) == nil)
        #expect(Relocation(for: asking(gibibytes: 5), moving: [holder(1, on: 0, gibibytes: 1)], pool: pool) == nil)
    }

    @Test func `no room is made on a sibling's device`() throws {
        var subject = asking(gibibytes: 4)
        subject.siblings = Siblings(set: 1, devices: [device(0)])
        let holders = [holder(1, on: 0, gibibytes: 1)]
        let pool = try Pool.holding(holders, gibibytes: 4, 2)
        #expect(Relocation(for: subject, moving: holders, pool: pool) == nil)
    }

    /// After the moves the program is served, and nobody has lost anything.
    @Test(arguments: 0..<200 as Range<UInt64>)
    func `whoever room was made for is served`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var pool = Pool.random(from: &random)
        var subjects: [AllocationSubject] = []
        for number in 0..<30 { subjects.append(.random(number, from: &random, chargedTo: &pool)) }
        var asking = AllocationSubject.make("asking", onset: 1)
        asking.amount = Slice(memory: Bytes(Int64(4 + random.below(20))), compute: .zero)
        asking.amplest = asking.amount.memory
        guard planner.serve(asking, others: [], pool: pool, now: now).isShort,
            let found = Relocation(for: asking, moving: subjects, pool: pool)
        else { return }
        var after = found.pool
        for move in found.moves {
            let holder = try #require(subjects.first { $0.holding?.grant == move.grant })
            let holding = try #require(holder.holding)
            #expect(holding.level == .reserved && holding.settled && holding.slice == move.slice)
            #expect(move.to != holding.device)
            after.free(holding.slice, on: holding.device)
        }
        after.checkInvariants()
        #expect(!planner.serve(asking, others: [], pool: after, now: now).isShort)
    }
}
