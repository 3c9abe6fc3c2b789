import Determinism
import FleetModel
import Testing

@testable import AllocationCore

/// Where slices go when it is known what slices are expected.
@Suite struct PoolPlacementTests {
    /// `count` empty devices of 64 GiB.
    private func pool(_ count: Int) -> Pool {
        var pool = Pool(computeOvercommit: 1)
        for index in 0..<count { pool.add(device(index), memory: .gibibytes(64), compute: .wholeDevice) }
        return pool
    }

    /// Places slices of 4 GiB, and answers with how many devices are left whole.
    private func wholeDevices(after count: Int, _ pool: Pool) throws -> Int {
        var pool = pool
        for _ in 0..<count {
            let slice = Slice.gibibytes(4, compute: 30)
            try pool.reserve(slice, on: try #require(pool.place(for: slice)))
        }
        pool.checkInvariants()
        return pool.devices.filter { $0.reserved.memory == .zero }.count
    }

    @Test func `small slices leave room for the large ones that are expected beside them`() throws {
        var pool = pool(20)
        #expect(try wholeDevices(after: 48, pool) == 0, "nothing is known: they are spread")
        pool.expect(slices: Array(repeating: .gibibytes(4), count: 48) + Array(repeating: .gibibytes(64), count: 12))
        // Three devices hold them; four are a little less crowded.
        let whole = try wholeDevices(after: 48, pool)
        #expect(whole >= 16)
    }

    @Test func `small slices take what is left beside large ones`() throws {
        var pool = pool(20)
        // Beside 60 GiB there is room for 4 on each device: a second one there would keep the large slice out.
        pool.expect(slices: Array(repeating: .gibibytes(4), count: 48) + Array(repeating: .gibibytes(60), count: 12))
        for _ in 0..<48 {
            let slice = Slice.gibibytes(4, compute: 30)
            try pool.reserve(slice, on: try #require(pool.place(for: slice)))
        }
        #expect(pool.devices.filter { $0.freeMemory >= .gibibytes(60) }.count >= 17)
    }

    @Test func `where no large slice is expected they are spread over all devices`() throws {
        var pool = pool(20)
        pool.expect(slices: Array(repeating: .gibibytes(4), count: 48))
        #expect(try wholeDevices(after: 20, pool) == 0)
    }

    @Test func `a warm session goes where its slice will leave room, too`() throws {
        var pool = pool(4)
        try pool.reserve(.gibibytes(8), on: device(2))
        #expect(pool.deviceForWarmSession(laterNeeding: .gibibytes(4)) == device(0))
        pool.expect(slices: [.gibibytes(4), .gibibytes(4), .gibibytes(60), .gibibytes(64)])
        #expect(pool.deviceForWarmSession(laterNeeding: .gibibytes(4)) == device(2))
        // A large one is not kept from a whole device.
        #expect(pool.deviceForWarmSession(laterNeeding: .gibibytes(60)) == device(0))
    }

    @Test func `a large slice takes the gap that nothing else would fill`() throws {
        var pool = pool(2)
        try pool.reserve(.gibibytes(32), on: device(0))
        try pool.reserve(.gibibytes(34), on: device(1))
        // Best fit takes the 30 that are free; of two halves a gap of 2 is lost, of a half nothing.
        let slice = Slice.gibibytes(30, compute: 10)
        #expect(pool.place(for: slice) == device(1))
        pool.expect(slices: [.gibibytes(32), .gibibytes(32), .gibibytes(30)])
        #expect(pool.place(for: slice) == device(1))
        pool.expect(slices: Array(repeating: .gibibytes(30), count: 8) + [.gibibytes(2)])
        #expect(pool.place(for: .gibibytes(2, compute: 10)) == device(0))
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func `what is expected never keeps a slice from a device that has room for it`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var pool = Pool(computeOvercommit: 2, maximumWarmPerDevice: 3)
        for index in 0..<16 {
            pool.add(device(index), memory: .gibibytes(Int64(8 + random.below(64))), compute: .wholeDevice)
        }
        func amount() -> Bytes { .mebibytes(Int64(1 + random.below(random.chance(1, in: 3) ? 60_000 : 3_000))) }
        pool.expect(slices: (0..<100).map { _ in amount() })
        for _ in 0..<200 {
            let slice = Slice(memory: amount(), compute: MilliShare(Int32(random.below(300))))
            let place = pool.place(for: slice)
            #expect((place == nil) == (pool.bestFit(for: slice) == nil))
            guard let place else { continue }
            try pool.reserve(slice, on: place)
            if random.chance(1, in: 3), let warm = pool.deviceForWarmSession(laterNeeding: slice) {
                try pool.openWarm(on: warm)
            }
            if random.chance(1, in: 4) { pool.setAvailable(device(Int(random.below(16))), random.chance(3, in: 4)) }
            pool.checkInvariants()
        }
    }
}
