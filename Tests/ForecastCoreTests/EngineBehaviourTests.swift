import Determinism
import FleetModel
import Foundation
import Testing

@testable import ForecastCore

/// How the whole engine behaves on load of a known kind.
@Suite struct EngineBehaviourTests {
    /// What is said each second of instances that do `demand` (memory, by instance and second; compute in step with it).
    private func run(
        instances: Int, seconds: Int, scale: Double = 1, models: [ForecastModel] = ForecastModel.allCases,
        demand: (Int, Int) -> Double
    ) -> [[DemandForecast]] {
        var forecaster = FleetForecaster(configuration: .init(models: models))
        let slots = (0..<instances).map { forecaster.admit(.numbered($0)) }
        return (0..<seconds).map { second in
            for (index, slot) in slots.enumerated() {
                let value = demand(index, second)
                forecaster.observe(
                    slot,
                    LoadObservation(
                        second: Int64(second), gpuMemory: scale * value, gpuCompute: scale * value / 1e6))
            }
            return forecaster.forecast(slots, madeAt: .seconds(Double(second)))
        }
    }

    /// Bursts at random times, of random heights: the same for equal arguments.
    private func bursty(_ instance: Int, _ second: Int) -> Double {
        var random = SeededGenerator(seed: UInt64(instance * 1_000 + second / 7))
        return random.chance(1, in: 3) ? 1e8 * (1 + 3 * random.unit()) : 0
    }

    private func isEqual(_ left: DemandForecast, _ right: DemandForecast) -> Bool {
        (0..<12).allSatisfy { left.curves[$0] == right.curves[$0] }
            && (0..<3).allSatisfy { left.onset[$0] == right.onset[$0] && left.ending[$0] == right.ending[$0] }
    }

    /// The share of memory's values and peaks at 5 s that are not above the .95 quantile, pooled over instances and the
    /// origins given.
    private func coverage(
        _ said: [[DemandForecast]], origins: Range<Int>, demand: (Int, Int) -> Double
    ) -> Double {
        var covered = 0.0
        var count = 0.0
        for origin in origins {
            for (index, forecast) in said[origin].enumerated() {
                let future = ((origin + 1)...(origin + 5)).map { demand(index, $0) }
                for (target, outcome) in [(ForecastTarget.point, future.last), (.peak, future.max())] {
                    count += 1
                    let stated = forecast.curve(.memory, target, .short)[10]
                    if Double(Float(outcome ?? 0)) <= stated * 1.000_01 { covered += 1 }
                }
            }
        }
        return covered / count
    }

    @Test func whatIsSaidDoesNotDependOnTheFuture() {
        let now = 150
        let plain = run(instances: 6, seconds: 200, demand: bursty)
        let other = run(instances: 6, seconds: 200) { $1 <= now ? bursty($0, $1) : bursty($0, 10_000 - $1) }
        for second in 0...now {
            for index in 0..<6 { #expect(isEqual(plain[second][index], other[second][index])) }
        }
        #expect(!isEqual(plain[199][0], other[199][0]))
    }

    /// Of the networks and all that they are told. (The bins of the climate lie differently on another scale.)
    @Test func forecastsScaleWithTheDemand() {
        let models: [ForecastModel] = [.network, .companion]
        let plain = run(instances: 6, seconds: 240, models: models, demand: bursty)
        let scaled = run(instances: 6, seconds: 240, scale: 1_024, models: models, demand: bursty)
        for second in 0..<240 {
            for index in 0..<6 {
                for curve in 0..<12 {
                    let (left, right) = (plain[second][index].curves[curve], scaled[second][index].curves[curve])
                    for level in 0..<13 { #expect(abs(right[level] / 1_024 - left[level]) <= 0.01 * left[12] + 1e-6) }
                }
            }
        }
    }

    @Test func noDemandIsForecastAsExactlyNone() {
        let said = run(instances: 3, seconds: 200) { _, _ in 0 }
        #expect(said.allSatisfy { $0.allSatisfy { forecast in (0..<12).allSatisfy { forecast.curves[$0] == .zero } } })
    }

    @Test func aSingleSpikeIsForgotten() {
        let said = run(instances: 2, seconds: 1_500) { $0 == 0 && $1 == 100 ? 1e9 : 0 }
        let last = said[1_499][0]
        for horizon in ForecastHorizon.allCases { #expect(last.curve(.memory, .peak, horizon)[10] == 0) }
    }

    @Test func steadyDemandIsForecastNarrowly() {
        let said = run(instances: 4, seconds: 400) { _, _ in 5e8 }
        for horizon in ForecastHorizon.allCases {
            for target in ForecastTarget.allCases {
                let curve = said[399][2].curve(.memory, target, horizon)
                #expect(abs(curve.median / 5e8 - 1) < 0.1)
                #expect(curve.value(at: 0.9) - curve.value(at: 0.1) < 0.2 * 5e8)
            }
        }
    }

    @Test func aStepIsFollowedWithinSeconds() {
        let said = run(instances: 8, seconds: 460) { _, second in second < 400 ? 2e8 : 6e8 }
        let before = said[399][0].curve(.memory, .point, .short).median
        let after = said[420][0].curve(.memory, .point, .short).median
        #expect(abs(before / 2e8 - 1) < 0.15)
        #expect(abs(after / 6e8 - 1) < 0.35)
    }

    @Test func driftIsFollowed() {
        let said = run(instances: 4, seconds: 700) { _, second in 1e8 * (1 + Double(second) / 175) }
        let median = said[699][1].curve(.memory, .point, .short).median
        #expect(abs(median / 5e8 - 1) < 0.2)
    }

    @Test func periodicDemandIsForeseenBetterThanByTheClimate() throws {
        let observations = (0..<16).map { instance in
            (0..<900).map { second in
                let phase = (second + instance * 7) % 45
                return LoadObservation(
                    second: Int64(second), gpuMemory: phase < 9 ? 4e8 : 0, gpuCompute: phase < 9 ? 300 : 0)
            }
        }
        let panel = try #require(
            DemandPanel(instances: (0..<16).map { .numbered($0) }, observations: observations))
        func loss(_ models: [ForecastModel]) -> Double {
            var forecaster = FleetForecaster(configuration: .init(models: models))
            return Evaluation.run(&forecaster, on: panel, origins: 600..<860, step: 3).meanLoss
        }
        #expect(loss(ForecastModel.allCases) < 0.5 * loss([.climate]))
    }

    @Test func anInstanceOfAnotherTypeKeepsItsHistoryAndIsKnownByIt() {
        var forecaster = FleetForecaster(configuration: .init(models: [.climate]))
        let slot = forecaster.admit(.numbered(1, application: "sh"))
        for second in 0..<60 as Range<Int64> {
            forecaster.observe(slot, LoadObservation(second: second, gpuMemory: 1e8, gpuCompute: 10))
        }
        let before = forecaster.forecast([slot], madeAt: .zero)[0].curve(.memory, .peak, .long)
        forecaster.describe(slot, as: .numbered(1, application: "python"))
        #expect(forecaster.forecast([slot], madeAt: .zero)[0].curve(.memory, .peak, .long) == before)
        forecaster.retire(slot)
        // When it comes back it is again a moment until it is known what it runs.
        let again = forecaster.admit(.numbered(1, application: "sh"))
        #expect(forecaster.rememberedInstances == 1)
        forecaster.observe(again, LoadObservation(second: 62, gpuMemory: 0, gpuCompute: 0))
        forecaster.describe(again, as: .numbered(1, application: "python"))
        #expect(forecaster.rememberedInstances == 0)
        forecaster.observe(again, LoadObservation(second: 63, gpuMemory: 0, gpuCompute: 0))
        #expect(forecaster.forecast([again], madeAt: .zero)[0].curve(.memory, .peak, .long)[12] > 0)
    }

    @Test func gapsAndResetsAreSurvived() {
        var forecaster = FleetForecaster()
        let slot = forecaster.admit(.numbered(0))
        for second in [0, 1, 2, 9, 10, 200, 201, 100, 100_000, 100_001, 5_000_000_000] as [Int64] {
            forecaster.observe(slot, LoadObservation(second: second, gpuMemory: 1e8, gpuCompute: 50))
            let forecast = forecaster.forecast([slot], madeAt: .zero)[0]
            #expect((0..<12).allSatisfy { forecast.curves[$0][12].isFinite && forecast.curves[$0][0] >= 0 })
        }
    }

    @Test func anInstanceThatComesBackStartsFromItsOwnHistory() {
        var forecaster = FleetForecaster()
        let former = forecaster.admit(.numbered(0))
        let other = forecaster.admit(.numbered(1))
        func observe(_ slot: ForecastSlot, _ second: Int64, _ memory: Double) {
            forecaster.observe(slot, LoadObservation(second: second, gpuMemory: memory, gpuCompute: memory / 1e7))
        }
        for second in 0..<200 as Range<Int64> {
            observe(former, second, second % 10 < 5 ? 4e9 : 0)
            observe(other, second, second % 10 < 5 ? 1e8 : 0)
        }
        forecaster.retire(former)
        let back = forecaster.admit(.numbered(0))
        observe(back, 230, 0)
        #expect((3e9...5.3e9).contains(forecaster.amountIfDemanded(back, resource: .memory, level: 0.5)))
        // Under the same name, but of another application type: a stranger.
        forecaster.retire(back)
        let stranger = forecaster.admit(.numbered(0, application: "other"))
        #expect(forecaster.amountIfDemanded(stranger, resource: .memory, level: 0.5) < 3e9)
    }

    /// 64 instances whose amounts or pace change at once: pooled coverage of .95 is back within .02 after 120 s.
    @Test(arguments: [0, 1, 2])
    func coverageRecoversFromAChangeOfRegime(_ kind: Int) {
        let change = 420
        func demand(_ instance: Int, _ second: Int) -> Double {
            let isNew = second >= change
            let pace = kind == 1 && isNew ? 3 : 6
            var random = SeededGenerator(seed: UInt64(instance * 100_000 + second / pace))
            let share: UInt64 = kind == 2 && isNew ? 6 : 3
            guard random.chance(share, in: 10) else { return 0 }
            var jitter = SeededGenerator(seed: UInt64(instance * 100_000 + second))
            let level = 1e8 * (1 + 2 * random.unit()) * (0.9 + 0.2 * jitter.unit())
            return kind == 0 && isNew ? 3 * level : level
        }
        let said = run(instances: 64, seconds: 640, demand: demand)
        do {
            let window = (change + 120)..<(change + 180)
            let share = coverage(said, origins: window, demand: demand)
            #expect(abs(share - 0.95) < 0.02, "\(kind): \(share)")
        }
    }
}
