import AllocationCore
import Determinism
import FleetModel

/// Placement decisions on a fleet of mixed GPU servers, from empty to full and then with requests that come and go: the
/// full fleet is the hard case, since each decision changes a server and each shape of request finds many changed.
enum PlacementBenchmark {
    @Sendable static func run(isSmall: Bool, _ report: @Sendable (Measurement) -> Void) async throws {
        let servers = isSmall ? 50 : 5_000
        var bench = FilledFleet(servers: servers)
        let filling = bench.fill()
        report(measurement("filling", servers, filling))
        report(measurement("coming and going", servers, bench.churn(decisions: isSmall ? 200 : 50_000)))
    }

    private static func measurement(_ phase: String, _ servers: Int, _ microseconds: [Double]) -> Measurement {
        let total = microseconds.reduce(0, +)
        return Measurement(
            name: "placement",
            conditions: "\(servers) servers, \(phase), \(microseconds.count) decisions, "
                + "\(FilledFleet.shapes.count) shapes of request, one core",
            figures: [
                ("rate", Double(microseconds.count) / max(total, 1e-9) * 1e6, "decisions/s"),
                ("p50", microseconds.quantile(0.5), "us"), ("p99", microseconds.quantile(0.99), "us"),
                ("max", microseconds.quantile(1), "us"),
            ])
    }
}

/// Servers like those of large clusters, and requests as they are asked for there: most for a share or one device.
private struct FilledFleet {
    /// Shape and how many of a thousand requests have it.
    static let shapes: [(shape: RequestShape, count: Int)] = {
        var shapes: [(RequestShape, Int)] = []
        for (share, count) in [(810, 30), (470, 25), (320, 12), (650, 10), (230, 6), (160, 4), (550, 3)] {
            for (cpu, part) in [(4_000, 1), (6_000, 2), (8_000, 2), (12_000, 1)] {
                let demand = DeviceDemand.share(MilliShare(Int32(share)), memory: 0)
                shapes.append((RequestShape(cpuMilli: cpu, memory: cpu * 3, devices: demand), count * part))
            }
        }
        for (devices, count) in [(1, 60), (2, 4), (4, 2), (8, 3)] {
            for (cpu, part) in [(6_000, 2), (8_000, 3), (10_000, 2), (12_000, 1)] {
                shapes.append(
                    (
                        RequestShape(cpuMilli: cpu * devices, memory: cpu * devices * 3, devices: .whole(devices)),
                        count * part
                    ))
            }
        }
        for cpu in [4_000, 8_000, 16_000, 32_000] {
            shapes.append((RequestShape(cpuMilli: cpu, memory: cpu * 4, devices: .none), 30))
        }
        return shapes
    }()

    private var fleet: ServerFleet
    private var random = SeededGenerator(seed: 11)
    private let deck: [RequestShape]
    private var placed: [Placement] = []

    init(servers: Int) {
        deck = Self.shapes.flatMap { Array(repeating: $0.shape, count: $0.count) }
        fleet = ServerFleet(policy: FragmentationPlacer(mix: RequestMix(deck)))
        for index in 0..<servers {
            let isLarge = index % 10 < 6
            fleet.add(
                PlacementServer(
                    id: GPUServerID(unchecked: "server-\(index)"),
                    kind: ServerKind(model: isLarge ? "large" : "small"), cpuMilli: isLarge ? 96_000 : 64_000,
                    memory: isLarge ? 393_216 : 262_144, devices: isLarge ? 8 : 2 + index % 3))
        }
    }

    /// Places until twenty requests in a row found no place.
    /// - Returns: microseconds of each decision.
    mutating func fill() -> [Double] {
        var times: [Double] = []
        var refused = 0
        while refused < 20 {
            let (time, isPlaced) = decide()
            times.append(time)
            refused = isPlaced ? 0 : refused + 1
        }
        return times
    }

    /// One request leaves, another comes.
    mutating func churn(decisions: Int) -> [Double] {
        (0..<decisions).map { _ in
            if !placed.isEmpty {
                let index = Int(random.below(UInt64(placed.count)))
                placed.swapAt(index, placed.count - 1)
                fleet.release(placed.removeLast())
            }
            return decide().time
        }
    }

    private mutating func decide() -> (time: Double, isPlaced: Bool) {
        let request = PlacementRequest(deck[Int(random.below(UInt64(deck.count)))])
        var placement: Placement?
        let time = milliseconds { placement = fleet.place(request) } * 1e3
        if let placement { placed.append(placement) }
        return (time, placement != nil)
    }
}
