import Determinism
import FleetModel
import Testing

@testable import ForecastCore

@Suite struct SnapshotTests {
    /// A forecaster that has seen four instances for two minutes.
    private func experienced() -> FleetForecaster {
        var forecaster = FleetForecaster()
        let observations = SurgeWorkload(instances: 4, seconds: 120, seed: 3).observations
        let slots = observations.indices.map { forecaster.admit(.numbered($0, application: "app-\($0 % 2)")) }
        for second in observations[0].indices {
            for (index, slot) in slots.enumerated() { forecaster.observe(slot, observations[index][second]) }
            _ = forecaster.forecast(slots, madeAt: .seconds(Double(second)))
        }
        return forecaster
    }

    @Test func aSnapshotOfWhatWasRestoredIsTheSame() throws {
        let bytes = experienced().snapshot()
        #expect(bytes.count < 2 << 20)
        #expect(try FleetForecaster(snapshot: bytes).snapshot() == bytes)
    }

    @Test func aRestoredForecasterKnowsItsTypes() throws {
        var former = experienced()
        var restored = try FleetForecaster(snapshot: former.snapshot())
        let old = former.admit(.numbered(9, application: "app-1"))
        let new = restored.admit(.numbered(9, application: "app-1"))
        for level in [0.1, 0.5, 0.9] {
            let left = former.amountIfDemanded(old, resource: .memory, level: level)
            let right = restored.amountIfDemanded(new, resource: .memory, level: level)
            #expect(abs(left - right) < 1e-3 * left)
        }
        // A clock that began anew, and a surge: what is known of such surges still counts.
        func probability(_ forecaster: inout FleetForecaster, _ slot: ForecastSlot, from first: Int64) -> Double {
            for second in 0..<10 as Range<Int64> {
                let isSurge = second == 9
                forecaster.observe(
                    slot,
                    LoadObservation(
                        second: first + second, gpuMemory: 0, gpuCompute: 0, cpuMilli: isSurge ? 900 : 5,
                        networkIn: isSurge ? 4e6 : 900))
            }
            return forecaster.forecast([slot], madeAt: .zero)[0].onsetProbability(within: .short)
        }
        let left = probability(&former, old, from: 120)
        let right = probability(&restored, new, from: 5)
        #expect(abs(left - right) < 0.02)
        // The first burst: how those of its type end is known.
        func ending(_ forecaster: inout FleetForecaster, _ slot: ForecastSlot, at second: Int64) -> Double {
            forecaster.observe(slot, LoadObservation(second: second, gpuMemory: 1e8, gpuCompute: 100))
            return forecaster.forecast([slot], madeAt: .zero)[0].endingProbability(within: .short)
        }
        let learned = ending(&former, old, at: 130)
        var ignorant = FleetForecaster()
        let stranger = ignorant.admit(.numbered(9, application: "app-1"))
        #expect(abs(learned - ending(&restored, new, at: 15)) < 0.02)
        #expect(abs(learned - ending(&ignorant, stranger, at: 15)) > 0.05)
    }

    @Test func damagedBytesAreRefused() {
        let bytes = experienced().snapshot()
        var random = SeededGenerator(seed: 6)
        for _ in 0..<60 {
            var damaged = bytes
            let place = Int(random.below(UInt64(bytes.count)))
            damaged[place] ^= 1 << UInt8(random.below(8))
            #expect(throws: SnapshotFailure.self) { try FleetForecaster(snapshot: damaged) }
            #expect(throws: SnapshotFailure.self) { try FleetForecaster(snapshot: Array(bytes.prefix(place))) }
        }
    }

    /// Forged bytes whose checksum is right: refused or taken, but never a trap.
    @Test func forgedBytesAreSurvived() {
        let bytes = experienced().snapshot()
        var random = SeededGenerator(seed: 7)
        for round in 0..<60 {
            var forged = Array(bytes.dropLast(8))
            for _ in 0..<4 {
                let place = 10 + Int(random.below(UInt64(round % 2 == 0 ? 400 : forged.count - 10)))
                forged[place] = UInt8(truncatingIfNeeded: random.next())
            }
            var sum = Checksum()
            for byte in forged { sum.add(byte) }
            var writer = SnapshotWriter()
            writer.put(sum.value)
            guard var taken = try? FleetForecaster(snapshot: forged + writer.bytes) else { continue }
            let slot = taken.admit(.numbered(0, application: "app-0"))
            taken.observe(slot, LoadObservation(second: 1, gpuMemory: 1e8, gpuCompute: 10))
            let forecast = taken.forecast([slot], madeAt: .zero)[0]
            #expect((0..<12).allSatisfy { forecast.curves[$0][12].isFinite })
        }
    }
}
