import AllocationCore
import Determinism
import FleetModel
import Testing

@Suite struct SessionsInUseTests {
    private static func device(_ index: Int) -> DeviceID {
        DeviceID(server: GPUServerID(unchecked: "s"), index: index)
    }

    /// Devices of 1,000 MiB on which these sessions are.
    private static func pool(_ sessions: [SessionsInUse.Session], devices: Int = 2) throws -> Pool {
        var pool = Pool(computeOvercommit: 1)
        for index in 0..<devices {
            pool.add(device(index), memory: .mebibytes(1_000), compute: MilliShare(1_000))
            pool.setAvailable(device(index), true)
        }
        for session in sessions {
            try pool.adopt(Slice(memory: session.memory, compute: .zero), on: session.device)
        }
        return pool
    }

    private static func session(
        _ grant: UInt64, on index: Int, _ mebibytes: Int64, weight: Double = 1, since: Int64 = 0
    ) -> SessionsInUse.Session {
        SessionsInUse.Session(
            grant: GrantID(rawValue: grant), device: device(index), memory: .mebibytes(mebibytes), weight: weight,
            notice: .seconds(10), since: .seconds(Double(since)))
    }

    @Test func theLightestAndTheFewestAreTaken() throws {
        let sessions = [
            Self.session(1, on: 0, 500, weight: 2), Self.session(2, on: 0, 500, weight: 2),
            Self.session(3, on: 1, 300), Self.session(4, on: 1, 300), Self.session(5, on: 1, 400),
        ]
        let pool = try Self.pool(sessions)
        let chosen = SessionsInUse(sessions).choose(for: .mebibytes(600), weight: 4, pool: pool)
        #expect(Set(chosen.map(\.grant.rawValue)) == [3, 4])
    }

    @Test func ofEqualClassesTheYoungestHasTheLeastToLose() throws {
        let sessions = [Self.session(1, on: 0, 500, since: 10), Self.session(2, on: 0, 500, since: 20)]
        let pool = try Self.pool(sessions, devices: 1)
        let chosen = SessionsInUse(sessions).choose(for: .mebibytes(400), weight: 4, pool: pool)
        #expect(chosen.map(\.grant.rawValue) == [2])
    }

    @Test func nothingIsTakenOfEqualOrHeavierClassesOrTwice() throws {
        let sessions = [Self.session(1, on: 0, 1_000, weight: 2)]
        let pool = try Self.pool(sessions, devices: 1)
        let inUse = SessionsInUse(sessions)
        #expect(inUse.choose(for: .mebibytes(1), weight: 2, pool: pool).isEmpty)
        #expect(inUse.choose(for: .mebibytes(1), weight: 1, pool: pool).isEmpty)
        #expect(inUse.choose(for: .mebibytes(1), weight: 4, pool: pool, excluding: [GrantID(rawValue: 1)]).isEmpty)
        #expect(inUse.choose(for: .mebibytes(2_000), weight: 4, pool: pool).isEmpty)
        #expect(!inUse.choose(for: .mebibytes(1), weight: 4, pool: pool).isEmpty)
    }

    @Test(arguments: 1...200)
    func whatIsTakenSufficesAndNoneOfItIsNeedless(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var left = [Int64](repeating: 1_000, count: 3)
        var sessions: [SessionsInUse.Session] = []
        for grant in 1...(1 + random.below(12)) {
            let index = Int(random.below(3))
            let size = min(Int64(1 + random.below(500)), left[index])
            guard size > 0 else { continue }
            left[index] -= size
            sessions.append(
                Self.session(
                    grant, on: index, size, weight: Double(1 + random.below(3)), since: Int64(random.below(9))))
        }
        let pool = try Self.pool(sessions, devices: 3)
        let wanted = Int64(1 + random.below(1_000))
        let chosen = SessionsInUse(sessions).choose(for: .mebibytes(wanted), weight: 3, pool: pool)
        let lighter = sessions.filter { $0.weight < 3 }
        let most = (0..<3).map { index in
            left[index] + lighter.filter { $0.device == Self.device(index) }.reduce(0) { $0 + $1.memory.rawValue >> 20 }
        }
        #expect(chosen.isEmpty == (most.allSatisfy { $0 < wanted } || left.contains { $0 >= wanted }))
        guard let device = chosen.first?.device else { return }
        #expect(chosen.allSatisfy { $0.device == device && $0.weight < 3 })
        let freed = left[device.index] + chosen.reduce(0) { $0 + $1.memory.rawValue >> 20 }
        #expect(freed >= wanted)
        #expect(chosen.allSatisfy { freed - $0.memory.rawValue >> 20 < wanted })
    }
}
