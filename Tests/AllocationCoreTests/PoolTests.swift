import AllocationCore
import Determinism
import FleetModel
import Testing

@Suite struct PoolTests {
    @Test func bestFitTakesTheSmallestGapThatIsLargeEnough() {
        var pool = Pool()
        for (index, gibibytes) in [8, 2, 4].enumerated() {
            pool.add(device(index), memory: .gibibytes(Int64(gibibytes)), compute: .wholeDevice)
        }
        #expect(pool.bestFit(for: .gibibytes(3)) == device(2))
        #expect(pool.bestFit(for: .gibibytes(5)) == device(0))
        #expect(pool.bestFit(for: .gibibytes(9)) == nil)
    }

    @Test func bestFitPassesOverDevicesWithoutCompute() throws {
        var pool = Pool(computeOvercommit: 1)
        pool.add(device(0), memory: .gibibytes(4), compute: .wholeDevice)
        pool.add(device(1), memory: .gibibytes(8), compute: .wholeDevice)
        try pool.reserve(.gibibytes(1, compute: 900), on: device(0))
        #expect(pool.bestFit(for: .gibibytes(1, compute: 200)) == device(1))
        #expect(pool.shortage(for: .gibibytes(8, compute: 1_200)) == .compute(shortBy: MilliShare(200)))
    }

    @Test func memoryIsNeverPromisedTwice() throws {
        var pool = Pool()
        pool.add(device(0), memory: .gibibytes(4), compute: .wholeDevice)
        try pool.reserve(.gibibytes(3), on: device(0))
        #expect(throws: PoolError.memory(shortBy: .gibibytes(1))) { try pool.reserve(.gibibytes(2), on: device(0)) }
        #expect(throws: PoolError.memory(shortBy: .gibibytes(1))) { try pool.adopt(.gibibytes(2), on: device(0)) }
        pool.free(.gibibytes(3), on: device(0))
        try pool.reserve(.gibibytes(4), on: device(0))
        pool.checkInvariants()
    }

    @Test func computeIsPromisedUpToTheOvercommit() throws {
        var pool = Pool(computeOvercommit: 2)
        pool.add(device(0), memory: .gibibytes(4), compute: .wholeDevice)
        try pool.reserve(.gibibytes(1, compute: 1_000), on: device(0))
        try pool.reserve(.gibibytes(1, compute: 1_000), on: device(0))
        #expect(throws: PoolError.compute(shortBy: MilliShare(1))) {
            try pool.reserve(.gibibytes(1, compute: 1), on: device(0))
        }
    }

    @Test func nothingNewGoesToADeviceThatIsNotAvailable() throws {
        var pool = Pool()
        pool.add(device(0), memory: .gibibytes(4), compute: .wholeDevice)
        try pool.reserve(.gibibytes(1), on: device(0))
        pool.setAvailable(device(0), false)
        #expect(pool.bestFit(for: .gibibytes(1)) == nil)
        #expect(throws: PoolError.notAvailable) { try pool.reserve(.gibibytes(1), on: device(0)) }
        #expect(throws: PoolError.notAvailable) { try pool.openWarm(on: device(0)) }
        try pool.adopt(.gibibytes(1), on: device(0))
        pool.free(.gibibytes(2), on: device(0))
        pool.setAvailable(device(0), true)
        #expect(pool.bestFit(for: .gibibytes(4)) == device(0))
    }

    @Test func aDeviceThatReturnsSmallerKeepsWhatIsPromised() throws {
        var pool = Pool()
        pool.add(device(0), memory: .gibibytes(8), compute: .wholeDevice)
        try pool.reserve(.gibibytes(6), on: device(0))
        pool.add(device(0), memory: .gibibytes(4), compute: .wholeDevice)
        #expect(pool.account(of: device(0))?.freeMemory == .zero)
        pool.free(.gibibytes(6), on: device(0))
        pool.checkInvariants()
    }

    @Test func warmSessionsSpreadAndAreBounded() throws {
        var pool = Pool(maximumWarmPerDevice: 1)
        pool.add(device(0), memory: .gibibytes(8), compute: .wholeDevice)
        pool.add(device(1), memory: .gibibytes(8), compute: .wholeDevice)
        #expect(pool.deviceForWarmSession(laterNeeding: .gibibytes(1)) == device(0))
        try pool.openWarm(on: device(0))
        #expect(pool.deviceForWarmSession(laterNeeding: .gibibytes(1)) == device(1))
        try pool.openWarm(on: device(1))
        #expect(pool.deviceForWarmSession(laterNeeding: .gibibytes(1)) == nil)
        #expect(throws: PoolError.warmLimit) { try pool.openWarm(on: device(1)) }
    }

    @Test func aDeviceHasAsMuchComputeAsIsSaidOfIt() throws {
        var pool = Pool(computeOvercommit: 2)
        pool.add(device(0), memory: .gibibytes(8), compute: .wholeDevice)
        let half = Slice(memory: .gibibytes(1), compute: MilliShare(500))
        for _ in 0..<3 { try pool.reserve(half, on: device(0)) }
        pool.setCompute(MilliShare(500), on: device(0))
        #expect(pool.account(of: device(0))?.freeCompute == MilliShare(-500))
        #expect(!pool.canReserve(half, on: device(0)))
        pool.checkInvariants()
        // What it is over by fills no other.
        #expect(pool.promisedShare == 1)
        pool.add(device(1), memory: .gibibytes(8), compute: MilliShare(500))
        #expect(pool.promisedShare == 0.5)
        pool.setCompute(.wholeDevice, on: device(0))
        pool.setCompute(.wholeDevice, on: device(7))
        #expect(pool.canReserve(half, on: device(0)))
        pool.checkInvariants()
    }

    @Test func aDeviceCarriesNoMoreWarmSessionsThanItsHostHasMemoryFor() throws {
        var pool = Pool(maximumWarmPerDevice: 4)
        for number in 0...1 { pool.add(device(number), memory: .gibibytes(8), compute: .wholeDevice) }
        pool.setMaximumWarm(2, on: device(0))
        pool.setMaximumWarm(9, on: device(1))
        var places: [DeviceID] = []
        while let place = pool.deviceForWarmSession(laterNeeding: .gibibytes(1)) {
            try pool.openWarm(on: place)
            pool.checkInvariants()
            places.append(place)
        }
        #expect(places.filter { $0 == device(0) }.count == 2 && places.count == 6)
        #expect(places.prefix(2) == [device(1), device(1)], "where most may be carried first")
        #expect(throws: PoolError.warmLimit) { try pool.openWarm(on: device(0)) }
        // What is there stays when the limit falls.
        pool.setMaximumWarm(0, on: device(1))
        #expect(pool.account(of: device(1))?.warmSessions == 4 && !pool.hasRoomForWarmSession)
        pool.closeWarm(on: device(0))
        #expect(pool.deviceForWarmSession(laterNeeding: .gibibytes(1)) == device(0))
        pool.checkInvariants()
    }

    /// The indexes against a search through all devices, over random histories.
    @Test(arguments: 0..<20 as Range<UInt64>)
    func choicesAreThoseOfALinearSearch(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var pool = Pool(computeOvercommit: 2, maximumWarmPerDevice: 3)
        var held: [(slice: Slice, device: DeviceID)] = []
        for _ in 0..<400 {
            let device = device(Int(random.below(24)))
            let slice = Slice(
                memory: Bytes(Int64(random.below(6))), compute: MilliShare(Int32(random.below(600))))
            switch random.below(8) {
            case 0:
                pool.add(device, memory: Bytes(Int64(random.below(16))), compute: .wholeDevice)
            case 1:
                pool.setAvailable(device, random.chance(1, in: 2))
            case 2 where random.chance(1, in: 8):
                pool.remove(device)
                held.removeAll { $0.device == device }
            case 3 where !held.isEmpty:
                let last = held.remove(at: Int(random.below(UInt64(held.count))))
                pool.free(last.slice, on: last.device)
            case 4:
                if (try? pool.openWarm(on: device)) != nil, random.chance(1, in: 2) { pool.closeWarm(on: device) }
            default:
                let canReserve = pool.canReserve(slice, on: device)
                #expect(canReserve == ((try? pool.reserve(slice, on: device)) != nil))
                if canReserve { held.append((slice, device)) }
            }
            pool.checkInvariants()
            expectLinearChoices(of: pool, for: slice)
        }
    }

    private func expectLinearChoices(of pool: Pool, for slice: Slice) {
        let available = pool.devices.filter(\.available)
        // `min` gives the first of equals, which is the one that was added first.
        let bestFit = available.filter { $0.freeMemory >= slice.memory && $0.freeCompute >= slice.compute }
            .min { $0.freeMemory < $1.freeMemory }
        #expect(pool.bestFit(for: slice) == bestFit?.device)
        #expect((pool.shortage(for: slice) == nil) == (bestFit != nil))
        let roomy = available.filter { $0.freeMemory >= slice.memory }
        let warm = (roomy.isEmpty ? available : roomy).min { $0.warmSessions < $1.warmSessions }
        let isUsable = warm.map { $0.warmSessions < pool.maximumWarmPerDevice && $0.memory >= slice.memory } ?? false
        #expect(pool.deviceForWarmSession(laterNeeding: slice) == (isUsable ? warm?.device : nil))
    }
}

func device(_ index: Int) -> DeviceID { DeviceID(server: GPUServerID(unchecked: "server"), index: index) }

extension Slice {
    static func gibibytes(_ count: Int64, compute: Int32 = 100) -> Slice {
        Slice(memory: .gibibytes(count), compute: MilliShare(compute))
    }
}
