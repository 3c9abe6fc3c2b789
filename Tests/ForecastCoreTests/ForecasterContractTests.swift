import Determinism
import FleetModel
import ForecastCore
import Testing

/// What every forecaster must pass: see the guarantees of ``Forecaster``.
@Suite struct ForecasterContractTests {
    enum Kind: CaseIterable {
        case climate, network, ensemble, rolling, lastValue, movingAverage, oracle

        func make() throws -> any Forecaster {
            switch self {
            case .climate: FleetForecaster(configuration: .init(models: [.climate]))
            case .network: FleetForecaster(configuration: .init(models: [.network]))
            case .ensemble: FleetForecaster()
            case .rolling: BaselineForecaster(.rollingQuantiles(seconds: 60))
            case .lastValue: BaselineForecaster(.lastValue)
            case .movingAverage: BaselineForecaster(.movingAverage(halfLife: 60))
            case .oracle: OracleForecaster(panel: try #require(.surges(instances: 4, seconds: 120, seed: 1)))
            }
        }
    }

    /// Everything that a manager may hand over: bursts, holes, repeats, seconds that go back, absurd values.
    private func wildObservation(_ second: Int64, _ generator: inout SeededGenerator) -> LoadObservation {
        let wild: [Double] = [0, 0, 0, 1, 5e8, 1e30, .infinity, .nan, -7]
        func value() -> Double { wild[Int(generator.below(9))] }
        let shift = Int64(generator.below(12)) - 3
        return LoadObservation(
            second: second + (generator.chance(1, in: 8) ? shift : 0), gpuMemory: value(), gpuCompute: value(),
            cpuMilli: value(), networkIn: generator.chance(1, in: 3) ? nil : value(), workInFlight: value())
    }

    private func isValid(_ forecast: DemandForecast) -> Bool {
        for index in 0..<DemandForecast.curveCount {
            let curve = forecast.curves[index]
            guard (0..<13).allSatisfy({ curve[$0].isFinite && curve[$0] >= 0 }),
                (1..<13).allSatisfy({ curve[$0] >= curve[$0 - 1] })
            else { return false }
        }
        return [forecast.onsetProbability, forecast.endingProbability].allSatisfy { probability in
            let said = ForecastHorizon.allCases.map(probability)
            return said.allSatisfy { (0...1).contains($0) } && said[0] <= said[1] && said[1] <= said[2]
        }
    }

    private func isEqual(_ left: DemandForecast, _ right: DemandForecast) -> Bool {
        (0..<DemandForecast.curveCount).allSatisfy { left.curves[$0] == right.curves[$0] }
            && (0..<3).allSatisfy { left.onset[$0] == right.onset[$0] && left.ending[$0] == right.ending[$0] }
    }

    /// Forecasts of a run over wild observations, with instances that come and go.
    private func wildRun(_ forecaster: inout some Forecaster, seed: UInt64) -> [DemandForecast] {
        var generator = SeededGenerator(seed: seed)
        var slots = (0..<4).map { forecaster.admit(.numbered($0)) }
        var made: [DemandForecast] = []
        for second in 0..<90 as Range<Int64> {
            for slot in slots where !generator.chance(1, in: 10) {
                forecaster.observe(slot, wildObservation(second, &generator))
            }
            if generator.chance(1, in: 20) {
                forecaster.retire(slots[0])
                slots[0] = forecaster.admit(.numbered(100 + Int(second)))
            }
            made += forecaster.forecast(slots, madeAt: .seconds(Double(second)))
        }
        return made
    }

    @Test(arguments: Kind.allCases)
    func forecastsAreValidWhateverIsObserved(_ kind: Kind) throws {
        for seed in 1...3 as ClosedRange<UInt64> {
            var forecaster = try kind.make()
            #expect(wildRun(&forecaster, seed: seed).allSatisfy(isValid))
        }
    }

    @Test(arguments: Kind.allCases)
    func equalCallsGiveEqualForecasts(_ kind: Kind) throws {
        var first = try kind.make()
        var second = try kind.make()
        let pairs = zip(wildRun(&first, seed: 7), wildRun(&second, seed: 7))
        #expect(pairs.allSatisfy(isEqual))
        #expect(first.accuracy == second.accuracy)
    }

    @Test(arguments: Kind.allCases)
    func aSlotGivenAgainKnowsNothingOfItsFormerInstance(_ kind: Kind) throws {
        var reusing = try kind.make()
        let former = reusing.admit(.numbered(0))
        for second in 0..<60 as Range<Int64> {
            reusing.observe(
                former, LoadObservation(second: second, gpuMemory: second % 9 < 4 ? 3e8 : 0, gpuCompute: 0))
            _ = reusing.forecast([former], madeAt: .seconds(Double(second)))
        }
        reusing.retire(former)
        // The same forecaster with the same instances, except that another takes the slot that became free.
        var fresh = reusing
        let reused = reusing.admit(.numbered(1))
        _ = reusing.admit(.numbered(2))
        _ = fresh.admit(.numbered(2))
        let unused = fresh.admit(.numbered(1))
        #expect(reused == former && unused != former)
        for second in 60..<100 as Range<Int64> {
            let observation = LoadObservation(
                second: second, gpuMemory: second % 7 == 0 ? 1e8 : 0, gpuCompute: 0, cpuMilli: 3, networkIn: 0)
            reusing.observe(reused, observation)
            fresh.observe(unused, observation)
            let left = reusing.forecast([reused], madeAt: .seconds(Double(second)))
            let right = fresh.forecast([unused], madeAt: .seconds(Double(second)))
            #expect(isEqual(left[0], right[0]))
        }
    }

    @Test(arguments: Kind.allCases)
    func aSlotThatIsNotInUseIsForecastAsNoDemand(_ kind: Kind) throws {
        var forecaster = try kind.make()
        let slot = forecaster.admit(.numbered(0))
        forecaster.observe(slot, LoadObservation(second: 0, gpuMemory: 1e8, gpuCompute: 100))
        forecaster.retire(slot)
        forecaster.retire(slot)
        let unknown = [slot, ForecastSlot(rawValue: -1), ForecastSlot(rawValue: 1_000)]
        for slot in unknown { forecaster.observe(slot, LoadObservation(second: 1, gpuMemory: 1, gpuCompute: 1)) }
        for forecast in forecaster.forecast(unknown, madeAt: .zero) {
            #expect(isEqual(forecast, DemandForecast(madeAt: .zero)))
        }
    }

    /// Of all but the oracle, which knows its panel and looks at nothing else.
    @Test(arguments: Kind.allCases.filter { $0 != .oracle })
    func nothingEndsInASecondWithoutDemand(_ kind: Kind) throws {
        var forecaster = try kind.make()
        let slot = forecaster.admit(.numbered(0))
        for second in 0..<85 as Range<Int64> {
            let isBusy = second % 13 < 6
            forecaster.observe(
                slot, LoadObservation(second: second, gpuMemory: isBusy ? 2e8 : 0, gpuCompute: 0, workInFlight: 1))
            let forecast = forecaster.forecast([slot], madeAt: .seconds(Double(second)))[0]
            guard !isBusy else { continue }
            for horizon in ForecastHorizon.allCases { #expect(forecast.endingProbability(within: horizon) == 0) }
        }
    }

    @Test(arguments: [Kind.ensemble, .climate, .rolling])
    func aCourseIsWhatWasObserved(_ kind: Kind) throws {
        var forecaster = try kind.make()
        let slot = forecaster.admit(.numbered(0))
        #expect(forecaster.course(slot) == DemandCourse())
        var demand: [Int64: Float] = [:]
        for second in [5, 6, 7, 8, 20, 21, 90, 91, 94, 120] as [Int64] {
            let value = second == 91 ? 0 : Float(second)
            demand[second] = value
            forecaster.observe(
                slot, LoadObservation(second: second, gpuMemory: Double(value), gpuCompute: Double(2 * value)))
            let seconds = max(5, second - 59)...second
            let memory = seconds.map { demand[$0] ?? 0 }
            #expect(forecaster.course(slot) == DemandCourse(memory: memory, compute: memory.map { 2 * $0 }))
        }
    }

    @Test(arguments: Kind.allCases)
    func amountsAreAboveZeroBeforeAnythingIsKnown(_ kind: Kind) throws {
        var forecaster = try kind.make()
        let slot = forecaster.admit(.numbered(0))
        for resource in Resource.allCases {
            #expect(forecaster.amountIfDemanded(slot, resource: resource, level: 0.9) > 0)
        }
    }
}
