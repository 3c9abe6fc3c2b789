import AllocationCore
import Determinism
import FleetModel
import Testing

@Suite struct PoolRecoveryTests {
    private func pool(_ gibibytes: Int64...) -> Pool {
        var pool = Pool(computeOvercommit: 1, maximumWarmPerDevice: 2)
        for (index, memory) in gibibytes.enumerated() {
            pool.add(device(index), memory: .gibibytes(memory), compute: .wholeDevice)
        }
        return pool
    }

    private func slice(_ gibibytes: Int64) -> Slice { Slice(memory: .gibibytes(gibibytes), compute: .zero) }

    @Test func aReservedStandbyGoesWhereItFitsBestAmongThoseAllowed() {
        let pool = pool(8, 2, 4)
        #expect(pool.standbyPlace(for: slice(2), at: .reserved) { _ in true } == device(1))
        #expect(pool.standbyPlace(for: slice(2), at: .reserved) { $0 != device(1) } == device(2))
        #expect(pool.standbyPlace(for: slice(2), at: .reserved) { _ in false } == nil)
    }

    @Test func aWarmStandbyGoesWhereItsSliceWouldFitAndFewestSessionsWait() throws {
        var pool = pool(4, 4, 1)
        try pool.openWarm(on: device(0))
        #expect(pool.standbyPlace(for: slice(2), at: .warm) { _ in true } == device(1))
        #expect(pool.standbyPlace(for: slice(2), at: .warm) { $0 != device(1) } == device(0))
        try pool.openWarm(on: device(0))
        #expect(pool.standbyPlace(for: slice(2), at: .warm) { $0 != device(1) } == nil, "it carries as many as it may")
    }

    @Test func theMostImportantIsPlacedFirstAndTheRestIsCounted() {
        var pool = pool(8, 3)
        let left = pool.unplaced([slice(2), slice(2), slice(1)], losing: [device(0)])
        #expect(left.count == 1 && left.memory == .gibibytes(2))
    }

    @Test(arguments: 0..<30 as Range<UInt64>)
    func aDrillLeavesThePoolAsItWas(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var pool = Pool(computeOvercommit: 1)
        for index in 0..<6 {
            pool.add(device(index), memory: .gibibytes(Int64(1 + random.below(16))), compute: .wholeDevice)
            if random.chance(1, in: 4) { pool.setAvailable(device(index), false) }
        }
        let before = pool
        let slices = (0..<8).map { _ in slice(Int64(1 + random.below(6))) }
        _ = pool.unplaced(slices, losing: [device(0), device(1)])
        pool.checkInvariants()
        #expect(pool == before && pool.promisedShare == before.promisedShare)
    }
}
