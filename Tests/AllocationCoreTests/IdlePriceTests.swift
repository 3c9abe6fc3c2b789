import AllocationCore
import Determinism
import FleetModel
import Testing

@Suite struct IdlePriceTests {
    private func pool(promised gibibytes: Int64) throws -> Pool {
        var pool = Pool()
        pool.add(device(0), memory: .gibibytes(100), compute: .wholeDevice)
        try pool.reserve(Slice(memory: .gibibytes(gibibytes), compute: .zero), on: device(0))
        return pool
    }

    @Test(arguments: [(Int64(0), 0.25), (50, 1), (75, 4), (100, 100)])
    func theFullerThePoolTheDearerIsWhatIdles(promised: Int64, factor: Double) throws {
        var price = IdlePrice()
        price.advance(try pool(promised: promised), elapsed: 1)
        #expect(abs(price.factor - factor) < 1e-9)
    }

    @Test func aSquareWaveIsFollowedSmoothlyAndWithinItsBounds() throws {
        let pools = [try pool(promised: 10), try pool(promised: 90)]
        var price = IdlePrice()
        var loads: [Double] = []
        for second in 0..<600 {
            price.advance(pools[second / 5 % 2], elapsed: 1)
            loads.append(try #require(price.load))
        }
        #expect(zip(loads, loads.dropFirst()).allSatisfy { abs($0 - $1) <= 0.8 / 20 })
        #expect(loads.suffix(100).allSatisfy { (0.35...0.65).contains($0) }, "a wave of 10 s is half averaged away")
    }

    @Test func aStepIsFollowedWithinAMinute() throws {
        var price = IdlePrice()
        price.advance(try pool(promised: 0), elapsed: 1)
        let full = try pool(promised: 90)
        for _ in 0..<60 { price.advance(full, elapsed: 1) }
        #expect(try #require(price.load) > 0.84)
    }

    /// What is reserved raises the price, which releases it, which lowers the price: with a bar to keep that is below
    /// the bar to take, a pool that is nearly full does not swing.
    @Test(arguments: 0..<5 as Range<UInt64>)
    func aNearlyFullPoolComesToRest(seed: UInt64) throws {
        let planner = AllocationPlanner(configuration: .priced)
        var random = SeededGenerator(seed: seed)
        var pool = Pool(computeOvercommit: 1)
        pool.add(device(0), memory: .gibibytes(12), compute: MilliShare(1_000))
        var price = IdlePrice()
        var held: [InstanceID: Holding] = [:]
        var changes: [Int] = []
        let onsets = (0..<20).map { _ in Float(random.unit()) }
        for second in 0..<300 {
            price.advance(pool, elapsed: 1)
            let now = MonotonicTime.seconds(Double(second))
            let subjects = onsets.enumerated().map { index, onset -> AllocationSubject in
                // Noise of a twentieth either way.
                let noisy = onset * (0.95 + 0.1 * Float(random.unit()))
                var subject = AllocationSubject.make(
                    "i\(index)", onset: min(noisy, 1), amount: .gibibytes(1, compute: 10),
                    holding: held[name("i\(index)")])
                if planner.wantedReadiness(of: subject.prospect, pool: pool, price: price) >= subject.holding?.level
                    ?? .reserved
                {
                    subject.holding?.unusedSince = now
                }
                held[subject.instance] = subject.holding
                return subject
            }
            let plan = planner.plan(subjects, pool: pool, price: price, now: now)
            pool = plan.pool
            changes.append(0)
            for action in plan.actions where !action.isContention {
                changes[second] += 1
                carryOut(action, &held, &pool, now)
            }
        }
        #expect(changes.suffix(200).reduce(0, +) <= 20, "\(changes)")
    }

    private func carryOut(
        _ action: AllocationAction, _ held: inout [InstanceID: Holding], _ pool: inout Pool, _ now: MonotonicTime
    ) {
        let number = UInt64(action.instance.rawValue.dropFirst()) ?? 0
        func holding(_ level: Readiness, _ slice: Slice) -> Holding {
            .make(number, level, on: device(0), slice, unusedSince: now.inSecondsForTests)
        }
        switch action {
        case .openWarm: held[action.instance] = holding(.warm, .zero)
        case .reserve(_, _, let slice, _): held[action.instance] = holding(.reserved, slice)
        case .lower:
            if let slice = held[action.instance]?.slice { pool.free(slice, on: device(0)) }
            held[action.instance] = holding(.warm, .zero)
        case .release:
            if held[action.instance]?.level == .warm {
                pool.closeWarm(on: device(0))
            } else if let slice = held[action.instance]?.slice {
                pool.free(slice, on: device(0))
            }
            held[action.instance] = nil
        case .contend: break
        }
    }
}

extension MonotonicTime {
    fileprivate var inSecondsForTests: Double { (self - .seconds(0)).inSeconds }
}
