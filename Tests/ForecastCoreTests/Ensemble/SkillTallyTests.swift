import FleetModel
import Testing

@testable import ForecastCore

@Suite struct SkillTallyTests {
    private func curve(_ value: Double) -> QuantileCurve { QuantileCurve { _ in value } }

    @Test func aRecordIsTheRatioOfLossesAndTheShareCovered() {
        var tally = SkillTally()
        // Losses at all levels: 2 × level × 2 above, and 2 × (1 - level) × 1 below.
        tally.count(ScoredCurve(curve(8), climate: curve(9), outcome: 10), scale: 10, share: 1)
        tally.count(ScoredCurve(curve(11), climate: curve(12), outcome: 10), scale: 10, share: 3)
        let levels = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99]
        let mean = levels.reduce(0, +) / 11
        let loss = 2 * mean * 2 + 3 * 2 * (1 - mean) * 1
        let climate = 2 * mean * 1 + 3 * 2 * (1 - mean) * 2
        let trust = tally.trust(.instance)
        #expect(abs((trust.lossAgainstClimate ?? 0) - loss / climate) < 1e-5)
        #expect(trust.coverage95 == 0.75)
        #expect(abs(trust.scored - 4.0 / 12) < 1e-6)
    }

    @Test func whatCannotBeComparedIsOnlyCovered() {
        var tally = SkillTally()
        tally.count(ScoredCurve(curve(8), climate: nil, outcome: 10), scale: 10, share: 1)
        tally.count(ScoredCurve(curve(8), climate: curve(4), outcome: 10), scale: nil, share: 1)
        #expect(tally.trust(.instance).lossAgainstClimate == nil)
        #expect(tally.trust(.instance).coverage95 == 0)
    }

    @Test func whatIsRecentCountsMost() {
        var tally = SkillTally()
        func count(_ stated: Double, forecasts: Int) {
            for _ in 0..<forecasts {
                for _ in 0..<DemandForecast.curveCount {
                    tally.count(ScoredCurve(curve(stated), climate: curve(20), outcome: 10), scale: 10, share: 1)
                }
                tally.forget()
            }
        }
        count(30, forecasts: 1_000)
        #expect(abs((tally.trust(.instance).lossAgainstClimate ?? 0) - 2) < 1e-3)
        count(10, forecasts: 1_000)
        #expect((tally.trust(.instance).lossAgainstClimate ?? 1) < 0.2)
        #expect(tally.trust(.instance).scored <= 257)
    }

    /// Instances that work for 9 s of every 45 s, which a climate cannot know.
    private func periodic(_ forecaster: inout FleetForecaster, _ slots: [ForecastSlot], seconds: Range<Int>) {
        for second in seconds {
            for (index, slot) in slots.enumerated() {
                let isBusy = (second + 7 * index) % 45 < 9
                forecaster.observe(
                    slot,
                    LoadObservation(
                        second: Int64(second), gpuMemory: isBusy ? 4e8 : 0, gpuCompute: isBusy ? 300 : 0))
            }
            _ = forecaster.forecast(slots, madeAt: .seconds(Double(second)))
        }
    }

    @Test func anInstanceIsTrustedByItsTypesRecordUntilItHasItsOwn() throws {
        var forecaster = FleetForecaster()
        let slots = (0..<8).map { forecaster.admit(.numbered($0)) }
        #expect(forecaster.trust(slots[0]) == ForecastTrust())
        periodic(&forecaster, slots, seconds: 0..<600)
        let own = forecaster.trust(slots[0])
        #expect(own.basis == .instance)
        #expect(try #require(own.lossAgainstClimate) < 0.7)
        #expect(try #require(own.coverage95) > 0.9)

        let newcomer = forecaster.admit(.numbered(8))
        let known = forecaster.trust(newcomer)
        #expect(known.basis == .application)
        #expect(known == forecaster.accuracy.applications.first?.trust)
        #expect(try #require(known.lossAgainstClimate) < 0.8)
        // Of another type nothing is known, and a slot that is given again begins anew.
        #expect(forecaster.trust(forecaster.admit(.numbered(9, application: "other"))).lossAgainstClimate == nil)
        forecaster.retire(slots[0])
        #expect(forecaster.trust(slots[0]) == ForecastTrust())
        #expect(forecaster.trust(forecaster.admit(.numbered(10, application: "other"))).scored == 0)
    }

    @Test func aClimateAloneIsAboutAsGoodAsTheClimate() throws {
        var forecaster = FleetForecaster(configuration: .init(models: [.climate]))
        let slots = (0..<8).map { forecaster.admit(.numbered($0)) }
        periodic(&forecaster, slots, seconds: 0..<400)
        #expect(abs(try #require(forecaster.trust(slots[0]).lossAgainstClimate) - 1) < 0.1)
        #expect(abs(try #require(forecaster.accuracy.lossAgainstClimate) - 1) < 0.1)
    }

    /// A resource that nobody uses, and first seconds in which nothing is known, do not drown the rest.
    @Test func whatIsNotWantedDoesNotCount() throws {
        var forecaster = FleetForecaster()
        let slots = (0..<4).map { forecaster.admit(.numbered($0)) }
        for second in 0..<400 {
            for (index, slot) in slots.enumerated() {
                let phase = (second + 7 * index) % 45
                forecaster.observe(
                    slot,
                    LoadObservation(
                        second: Int64(second), gpuMemory: phase < 9 ? 4e8 : 0, gpuCompute: 0,
                        cpuMilli: phase > 42 ? 900 : 4, networkIn: phase > 41 ? 4e6 : 700))
            }
            _ = forecaster.forecast(slots, madeAt: .seconds(Double(second)))
        }
        #expect(try #require(forecaster.trust(slots[0]).lossAgainstClimate) < 0.8)
        #expect(try #require(forecaster.accuracy.applications.first?.trust.lossAgainstClimate) < 0.8)
    }

    @Test func anInstanceTakesAtMostTwoAndTwoTenthsKilobytes() {
        #expect(FleetForecaster.bytesPerInstance <= 2_200)
    }
}
