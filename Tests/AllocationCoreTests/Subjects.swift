import AllocationCore
import Determinism
import FleetModel

extension AllocationConfiguration {
    /// Prices with which, in an empty pool of devices of 8 GiB, a slice of 1 GiB is worth reserving for a standard
    /// instance from a probability of 0.4 on, and a warm session from 0.08 on.
    static let priced = AllocationConfiguration(idlePrice: 0.0256, costs: LadderCosts(warmShare: 0.03212))
}

extension AllocationSubject {
    /// A subject with one probability for all horizons, sure of it, that needs 1 GiB; what a test is about is named.
    static func make(
        _ name: String, _ priority: PriorityClass = .standard, onset: Float, width: Double = 0,
        amount: Slice = .gibibytes(1), holding: Holding? = nil, staged: Bool = true
    ) -> AllocationSubject {
        AllocationSubject(
            instance: InstanceID(unchecked: name), priority: priority, onset: [onset, onset, onset],
            relativeWidth: width, amount: amount, holding: holding, staged: staged)
    }

    /// Anything that a manager could hand over, with holdings that `pool` is charged for.
    static func random(_ number: Int, from random: inout SeededGenerator, chargedTo pool: inout Pool) -> Self {
        let onset = [random.unit(), random.unit(), random.unit()].sorted().map { Float($0) }
        let amount = Slice(
            memory: Bytes(Int64(1 + random.below(6))), compute: MilliShare(Int32(random.below(400))))
        let priority = PriorityClass.builtIn[Int(random.below(3))]
        let device = device(Int(random.below(8)))
        var holding: Holding?
        let levels: [Readiness] = [.warm, .reserved, .attached]
        let level = levels[Int(random.below(3))]
        let unusedSince = MonotonicTime.seconds(Double(random.below(20)))
        if random.chance(1, in: 2) {
            let held = level == .warm ? .zero : amount
            if level == .warm ? (try? pool.openWarm(on: device)) != nil : (try? pool.reserve(held, on: device)) != nil {
                holding = Holding(
                    grant: GrantID(rawValue: UInt64(number)), device: device, level: level, slice: held,
                    unusedSince: unusedSince, settled: random.chance(9, in: 10))
            }
        }
        return AllocationSubject(
            instance: InstanceID(unchecked: "i\(number)"), priority: priority,
            onset: [onset[0], onset[1], onset[2]], relativeWidth: random.unit() * 3, amount: amount,
            holding: holding, staged: random.chance(9, in: 10))
    }
}

extension Holding {
    static func make(
        _ grant: UInt64, _ level: Readiness, on device: DeviceID, _ held: Slice = .gibibytes(1),
        unusedSince: Double = 0,
        settled: Bool = true
    ) -> Holding {
        Holding(
            grant: GrantID(rawValue: grant), device: device, level: level, slice: level == .warm ? .zero : held,
            unusedSince: .seconds(unusedSince), settled: settled)
    }
}

extension Pool {
    /// Eight devices of different sizes, small enough that what random subjects want is short.
    static func random(from random: inout SeededGenerator) -> Pool {
        var pool = Pool(computeOvercommit: 2, maximumWarmPerDevice: 4)
        for index in 0..<8 {
            pool.add(device(index), memory: Bytes(Int64(4 + random.below(24))), compute: .wholeDevice)
        }
        return pool
    }

    /// One device of that many GiB, charged for what the subjects hold.
    static func holding(_ subjects: [AllocationSubject], gibibytes: Int64...) throws -> Pool {
        var pool = Pool()
        for (index, memory) in gibibytes.enumerated() {
            pool.add(device(index), memory: .gibibytes(memory), compute: .wholeDevice)
        }
        for holding in subjects.compactMap(\.holding) {
            if holding.level == .warm { pool.adoptWarm(on: holding.device) }
            try pool.adopt(holding.slice, on: holding.device)
        }
        return pool
    }
}
