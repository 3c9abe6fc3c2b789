import Determinism
import FleetModel
import Testing

@testable import ForecastCore

@Suite struct SnapshotTests {
    /// A forecaster that has seen four instances for two minutes.
    private func experienced(_ horizons: ForecastHorizons = .standard) -> FleetForecaster {
        var configuration = FleetForecaster.Configuration()
        configuration.horizons = horizons
        var forecaster = FleetForecaster(configuration: configuration)
        let observations = SurgeWorkload(instances: 4, seconds: 120, seed: 3).observations
        let slots = observations.indices.map { forecaster.admit(.numbered($0, application: "app-\($0 % 2)")) }
        for second in observations[0].indices {
            for (index, slot) in slots.enumerated() { forecaster.observe(slot, observations[index][second]) }
            _ = forecaster.forecast(slots, madeAt: .seconds(Double(second)))
        }
        return forecaster
    }

    @Test func aSnapshotOfWhatWasRestoredIsTheSame() throws {
        let bytes = try experienced().snapshotBytes()
        #expect(bytes.count < 2 << 20)
        #expect(try FleetForecaster(snapshot: bytes).snapshotBytes() == bytes)
    }

    @Test func nothingIsKeptOfNothing() {
        #expect(FleetForecaster().snapshot() == nil)
    }

    @Test func aRestoredForecasterSaysWhatTheFormerWouldHaveSaid() throws {
        var former = experienced()
        var restored = try FleetForecaster(snapshot: former.snapshotBytes())
        let slots = (0..<4).map { ForecastSlot(rawValue: $0) }
        #expect(slots.indices.map { restored.admit(.numbered($0, application: "app-\($0 % 2)")) } == slots)
        #expect(restored.rememberedInstances == 0)
        // Of idle instances the former would give again what it said up to four seconds ago.
        for row in former.histories.indices { former.idleCurves.clear(row) }
        let said = restored.forecast(slots, madeAt: .zero)
        let expected = former.forecast(slots, madeAt: .zero)
        #expect(expected.contains { $0.curves[0][12] > 0 })
        for (one, other) in zip(said, expected) {
            for horizon in ForecastHorizon.allCases {
                #expect(one.onsetProbability(within: horizon) == other.onsetProbability(within: horizon))
                #expect(one.endingProbability(within: horizon) == other.endingProbability(within: horizon))
            }
            for curve in 0..<DemandForecast.curveCount {
                #expect(QuantileLevels.all.indices.allSatisfy { one.curves[curve][$0] == other.curves[curve][$0] })
            }
        }
    }

    @Test func anInstanceOfAnotherTenantOrTypeIsNotGivenTheHistory() throws {
        var restored = try FleetForecaster(snapshot: experienced().snapshotBytes())
        _ = restored.admit(.numbered(1, application: "app-0"))
        #expect(restored.rememberedInstances == 4)
        _ = restored.admit(.numbered(1, application: "app-1"))
        #expect(restored.rememberedInstances == 3)
    }

    @Test func `an instance is given its history unless it is known to be another user's`() throws {
        var forecaster = FleetForecaster(configuration: .init(models: [.climate]))
        func described(as user: String?) -> InstanceDescription {
            var description = InstanceDescription.numbered(1)
            description.user = user.map(UserID.init(unchecked:))
            return description
        }
        let slot = forecaster.admit(described(as: "ann"))
        forecaster.observe(slot, LoadObservation(second: 1, gpuMemory: 1e8, gpuCompute: 10))
        let bytes = try forecaster.snapshotBytes()
        for (user, isRemembered) in [("ann", true), (nil, true), ("ben", false)] as [(String?, Bool)] {
            var restored = try FleetForecaster(configuration: .init(models: [.climate]), snapshot: bytes)
            _ = restored.admit(described(as: user))
            #expect((restored.rememberedInstances == 0) == isRemembered)
        }
    }

    @Test func aRestoredForecasterKnowsItsTypes() throws {
        var former = experienced()
        var restored = try FleetForecaster(snapshot: former.snapshotBytes())
        let old = former.admit(.numbered(9, application: "app-1"))
        let new = restored.admit(.numbered(9, application: "app-1"))
        for level in [0.1, 0.5, 0.9] {
            let left = former.amountIfDemanded(old, resource: .memory, level: level)
            let right = restored.amountIfDemanded(new, resource: .memory, level: level)
            #expect(left == right)
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

    /// What depends on horizons is learned anew; instances, types and amounts are known.
    @Test func `a forecaster of other horizons keeps what can be kept`() throws {
        let horizons = try #require(ForecastHorizons([3, 15, 20]))
        var configuration = FleetForecaster.Configuration()
        configuration.horizons = horizons
        let former = experienced()
        var restored = try FleetForecaster(configuration: configuration, snapshot: former.snapshotBytes())
        #expect(restored.horizons == horizons && restored.formerHorizons == .standard)
        #expect(restored.rememberedInstances == 4)
        #expect(restored.networks == former.networks.map { $0.looking(ahead: horizons) })
        for number in 0..<4 {
            let description = InstanceDescription.numbered(number, application: "app-\(number % 2)")
            let slot = restored.admit(description)
            #expect(
                restored.amountIfDemanded(slot, resource: .memory, level: 0.5)
                    == former.amountIfDemanded(slot, resource: .memory, level: 0.5))
            let old = former.histories[Int(try #require(former.slots[number].history))]
            let new = restored.histories[Int(try #require(restored.slots[slot.rawValue].history))]
            let clocks = former.clocks
            // Peaks over 15 s were known; those over 20 s lie between those over 15 and over 30 s.
            #expect(
                old.peakSeconds(.memory, .medium, clocks: clocks) == new.peakSeconds(.memory, .medium, clocks: clocks))
            #expect(
                new.peakSeconds(.memory, .long, clocks: clocks) >= old.peakSeconds(.memory, .medium, clocks: clocks))
            #expect(new.peakSeconds(.memory, .long, clocks: clocks) <= old.peakSeconds(.memory, .long, clocks: clocks))
        }
        let said = restored.forecast((0..<4).map { ForecastSlot(rawValue: $0) }, madeAt: .zero)
        #expect(said.contains { $0.curve(.memory, .peak, .long)[12] > 0 })
        #expect(said.allSatisfy { $0.horizons == horizons })
        // And back again, under its own.
        let again = try FleetForecaster(configuration: configuration, snapshot: restored.snapshotBytes())
        #expect(again.formerHorizons == nil)
    }

    @Test func ofMoreInstancesThanItHoldsASnapshotHasThoseThatWereActiveLast() throws {
        let count = FleetSnapshot.greatestInstances + 100
        var forecaster = FleetForecaster(configuration: .init(models: [.climate]))
        let slots = (0..<count).map { forecaster.admit(.numbered($0)) }
        // Each has demand once, in the order of their numbers; the last ten leave.
        for (number, slot) in slots.enumerated() {
            forecaster.observe(slot, LoadObservation(second: Int64(number), gpuMemory: 1e8, gpuCompute: 10))
        }
        for slot in slots.suffix(10) { forecaster.retire(slot) }
        let kept = try #require(forecaster.snapshot()).instances.map { $0.description.id }
        let present = (0..<(count - 10)).reversed().map { InstanceDescription.numbered($0).id }
        #expect(kept == Array(present.prefix(FleetSnapshot.greatestInstances)))
        for slot in slots.prefix(count - 100) { forecaster.retire(slot) }
        let keptThen = try #require(forecaster.snapshot()).instances.map { $0.description.id }
        #expect(keptThen.count == FleetSnapshot.greatestInstances)
        // Those that are there come first, then those that left, the latest first.
        #expect(keptThen.prefix(90) == present.prefix(90))
        #expect(keptThen[90] == InstanceDescription.numbered(count - 101).id)
    }

    @Test func damagedBytesAreRefused() throws {
        let bytes = try experienced().snapshotBytes()
        var random = SeededGenerator(seed: 6)
        for _ in 0..<60 {
            var damaged = bytes
            let place = Int(random.below(UInt64(bytes.count)))
            damaged[place] ^= 1 << UInt8(random.below(8))
            #expect(throws: SnapshotFailure.self) { try FleetForecaster(snapshot: damaged) }
            #expect(throws: SnapshotFailure.self) { try FleetForecaster(snapshot: Array(bytes.prefix(place))) }
        }
    }

    /// Forged bytes whose checksum is right: refused or taken, but never a trap. Fields of instances lie at the end.
    @Test(arguments: [0..<0.1, 0..<1, 0.98..<1])
    func forgedBytesAreSurvived(part: Range<Double>) throws {
        let bytes = try experienced().snapshotBytes()
        var random = SeededGenerator(seed: 7)
        var takenCount = 0
        for round in 0..<120 {
            var forged = Array(bytes.dropLast(8))
            for _ in 0...(round % 4) {
                let length = Double(forged.count - FleetSnapshot.headLength)
                let first = FleetSnapshot.headLength + Int(part.lowerBound * length)
                let place = first + Int(random.below(UInt64((part.upperBound - part.lowerBound) * length)))
                forged[place] = UInt8(truncatingIfNeeded: random.next())
            }
            var sum = Checksum()
            for byte in forged { sum.add(byte) }
            var writer = SnapshotWriter(newest: 0)
            writer.put(sum.value)
            guard var taken = try? FleetForecaster(snapshot: forged + writer.bytes) else { continue }
            takenCount += 1
            let slots = (0..<4).map { taken.admit(.numbered($0, application: "app-\($0 % 2)")) }
            for slot in slots { #expect(taken.course(slot).memory.count <= DemandCourse.length) }
            for second in 1...40 as ClosedRange<Int64> {
                for slot in slots {
                    taken.observe(
                        slot, LoadObservation(second: second, gpuMemory: second % 9 == 0 ? 1e8 : 0, gpuCompute: 10))
                }
                for forecast in taken.forecast(slots, madeAt: .zero) {
                    #expect((0..<12).allSatisfy { forecast.curves[$0][12].isFinite })
                }
            }
            _ = try taken.snapshotBytes()
        }
        #expect(takenCount > 0)
    }
}

extension FleetForecaster {
    /// What a snapshot of now looks like on disk.
    func snapshotBytes() throws -> [UInt8] { try #require(snapshot()).encoded() }
}
