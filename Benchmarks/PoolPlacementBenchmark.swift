import AllocationCore
import Determinism
import FleetModel
import Foundation

/// Small and large slices that come and go in the manager's pool: what finds no room, and how crowded devices get, by
/// what the pool knows of the slices that are to come.
enum PoolPlacementBenchmark {
    private enum Rule: String, CaseIterable {
        case spread = "nothing expected"
        case bestFit = "best fit alone"
        case valued = "by what is expected"
    }

    @Sendable static func run(isSmall: Bool, _ report: @Sendable (Measurement) -> Void) async throws {
        for fleet in SliceMix.all {
            for load in isSmall ? [80] : [30, 60, 80, 100] {
                for rule in Rule.allCases {
                    var churn = PoolChurn(devices: isSmall ? 10 : 100, fleet, load: load)
                    report(churn.measure(arrivals: isSmall ? 200 : 10_000, named: rule.rawValue, place(by: rule)))
                }
            }
        }
    }

    private static func place(by rule: Rule) -> PoolChurn.Choice {
        switch rule {
        case .spread: { pool, slice, _ in pool.place(for: slice) }
        case .bestFit: { pool, slice, _ in pool.bestFit(for: slice) }
        case .valued:
            { pool, slice, expected in
                pool.expect(slices: expected)
                return pool.place(for: slice)
            }
        }
    }
}

/// Which slices are asked for.
private struct SliceMix {
    var name: String
    /// Share of a device's memory in thousandths, and how many of so many slices ask for it.
    var large: [(share: Int, count: Int)]
    /// Slices of 1 to 10 % for each large one.
    var smallPerLarge: Int

    static let all = [
        SliceMix(name: "small slices", large: [], smallPerLarge: 1),
        // The shares of one device that are asked for most often in the openb default trace.
        SliceMix(
            name: "four small slices to a large one",
            large: [(1_000, 39), (810, 11), (470, 8), (320, 3), (650, 3), (230, 2), (460, 1), (590, 1), (160, 1)],
            smallPerLarge: 4),
    ]

    func draw(_ random: inout SeededGenerator) -> Slice {
        let isSmall = large.isEmpty || random.below(UInt64(smallPerLarge + 1)) > 0
        var share = 10 + Int(random.below(90))
        if !isSmall {
            var left = Int(random.below(UInt64(large.reduce(0) { $0 + $1.count })))
            share =
                large.first { entry in
                    left -= entry.count
                    return left < 0
                }?.share ?? share
        }
        return Slice(
            memory: Bytes(PoolChurn.memory.rawValue / 1_000 * Int64(share)),
            compute: MilliShare(Int32(20 + random.below(130))))
    }
}

/// A pool in which slices arrive and leave at random (Poisson arrivals, exponential times).
private struct PoolChurn {
    typealias Choice = (inout Pool, Slice, [Bytes]) -> DeviceID?

    static let memory = Bytes.gibibytes(80)
    private static let overcommit = 4.0

    private let fleet: SliceMix
    private let load: Int
    private let devices: Int
    private var random = SeededGenerator(seed: 1)
    private var pool = Pool(computeOvercommit: overcommit)
    /// By the time at which they leave, the latest first.
    private var held: [(until: Double, slice: Slice, device: DeviceID)] = []

    init(devices: Int, _ fleet: SliceMix, load: Int) {
        (self.devices, self.fleet, self.load) = (devices, fleet, load)
        for index in 0..<devices {
            let device = DeviceID(server: GPUServerID(unchecked: "server-\(index)"), index: 0)
            pool.add(device, memory: Self.memory, compute: .wholeDevice)
        }
    }

    mutating func measure(arrivals: Int, named rule: String, _ choose: Choice) -> Measurement {
        let expected = (0..<1_000).map { _ in fleet.draw(&random).memory }
        let mean = expected.reduce(0.0) { $0 + Double($1.rawValue) } / Double(expected.count)
        // In mean stays: as many are asked for at a time as take so much of the pool.
        let rate = Double(load) / 100 * Double(devices) * Double(Self.memory.rawValue) / mean
        var (time, asked, refused, used, crowded) = (0.0, 0.0, 0.0, 0.0, 0.0)
        for arrival in 0..<arrivals {
            time += Self.exponential(&random) / rate
            while let next = held.last, next.until <= time {
                pool.free(next.slice, on: next.device)
                held.removeLast()
            }
            let slice = fleet.draw(&random)
            // From empty to as full as it gets.
            let counts = arrival > arrivals / 3
            if counts { asked += Double(slice.memory.rawValue) }
            if let device = choose(&pool, slice, expected), (try? pool.reserve(slice, on: device)) != nil {
                keep(slice, on: device, until: time + Self.exponential(&random))
            } else if counts {
                refused += Double(slice.memory.rawValue)
            }
            guard counts, arrival % 10 == 0 else { continue }
            for account in pool.devices {
                used += Double(account.reserved.compute.rawValue)
                crowded += Double(max(account.reserved.compute.rawValue - MilliShare.wholeDevice.rawValue, 0))
            }
        }
        return Measurement(
            name: "pool-placement",
            conditions: "\(devices) devices, \(fleet.name), load \(load) % of memory, \(rule), \(arrivals) arrivals",
            figures: [
                ("memory refused", refused / max(asked, 1) * 100, "%"),
                ("compute beyond a device", crowded / max(used, 1) * 100, "%"),
            ])
    }

    /// Drawn with mean 1.
    private static func exponential(_ random: inout SeededGenerator) -> Double { -log(1 - random.unit()) }

    private mutating func keep(_ slice: Slice, on device: DeviceID, until: Double) {
        var (low, high) = (0, held.count)
        while low < high {
            let middle = (low + high) / 2
            if held[middle].until > until { low = middle + 1 } else { high = middle }
        }
        held.insert((until, slice, device), at: low)
    }
}
