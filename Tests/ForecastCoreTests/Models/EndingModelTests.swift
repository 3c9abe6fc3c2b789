import Determinism
import FleetModel
import Testing

@testable import ForecastCore

@Suite struct EndingModelTests {
    /// What is said after each second of instances that do `isBusy` (by instance and second), by instance and second.
    private func run(
        instances: Int, seconds: Int, isBusy: (Int, Int) -> Bool
    ) -> [[DemandForecast]] {
        var forecaster = FleetForecaster()
        let slots = (0..<instances).map { forecaster.admit(.numbered($0)) }
        var said = slots.map { _ in [DemandForecast]() }
        for second in 0..<seconds {
            for (index, slot) in slots.enumerated() {
                let demand = isBusy(index, second) ? 1e8 : 0
                forecaster.observe(
                    slot, LoadObservation(second: Int64(second), gpuMemory: demand, gpuCompute: demand / 1e6))
            }
            let forecasts = forecaster.forecast(slots, madeAt: .seconds(Double(second)))
            for index in slots.indices { said[index].append(forecasts[index]) }
        }
        return said
    }

    /// Whether two seconds in a row within the horizon after `second` have no demand.
    private func ends(_ series: [Bool], after second: Int, within horizon: ForecastHorizon) -> Bool {
        ((second + 1)..<(second + ForecastHorizons.standard[horizon])).contains { !series[$0] && !series[$0 + 1] }
    }

    @Test func whereABurstEndsIsLearnedFromTheInstancesOwnBursts() {
        // One kind of program, of which some work for 6 s at a time and some for 40 s, with 20 s between.
        let said = run(instances: 8, seconds: 900) { instance, second in
            let length = instance % 2 == 0 ? 6 : 40
            return (second + 5 * instance) % (length + 20) < length
        }
        for instance in 0..<8 {
            let length = instance % 2 == 0 ? 6 : 40
            for second in 600..<800 {
                let age = (second + 5 * instance) % (length + 20)
                let probability = said[instance][second].endingProbability(within: .short)
                // Two idle seconds within five: the last second with demand is at most three away.
                if length == 6, (3..<6).contains(age) { #expect(probability > 0.7, "age \(age)") }
                if length == 6, age == 0 { #expect(probability < 0.3) }
                // As old as the others are when they end.
                if length == 40, age < 12 { #expect(probability < 0.2, "age \(age)") }
            }
        }
    }

    @Test func probabilitiesAreThoseThatComeTrue() {
        var random = SeededGenerator(seed: 5)
        let series = (0..<24).map { instance in
            var busy: [Bool] = []
            while busy.count < 1_500 {
                let length = 1 + Int(random.below(UInt64(8 + 20 * (instance % 4))))
                busy += repeatElement(true, count: length)
                busy += repeatElement(false, count: 2 + Int(random.below(20)))
            }
            return busy
        }
        let said = run(instances: 24, seconds: 1_460) { series[$0][$1] }
        for horizon in ForecastHorizon.allCases {
            var (expected, seen, count) = (0.0, 0.0, 0.0)
            var (loss, ignorantLoss) = (0.0, 0.0)
            var outcomes: [Double] = []
            for instance in 0..<24 {
                for second in 500..<1_430 where series[instance][second] {
                    let probability = said[instance][second].endingProbability(within: horizon)
                    let outcome = ends(series[instance], after: second, within: horizon) ? 1.0 : 0
                    expected += probability
                    seen += outcome
                    count += 1
                    loss += (probability - outcome) * (probability - outcome)
                    outcomes.append(outcome)
                }
            }
            for outcome in outcomes { ignorantLoss += (seen / count - outcome) * (seen / count - outcome) }
            #expect(abs(expected - seen) / count < 0.03, "\(horizon)")
            // By Brier's score better than who knows how often bursts end, and nothing else.
            #expect(loss < 0.9 * ignorantLoss, "\(horizon): \(loss) \(ignorantLoss)")
        }
    }

    @Test func aBurstIsOverWhenTheHistorySaysSo() {
        var random = SeededGenerator(seed: 9)
        var track = OnsetTrack()
        var busy: [Bool] = []
        for second in 0..<3_000 {
            busy.append(random.chance(2, in: 3))
            let demand = busy[second] ? 1e8 : 0
            track.observe(
                LoadObservation(second: Int64(second), gpuMemory: demand, gpuCompute: 0), hasDemand: busy[second])
            for horizon in ForecastHorizon.allCases where second >= 40 {
                let origin = second - ForecastHorizons.standard[horizon]
                guard busy[origin] else { continue }
                // The plain way: a burst ends when no demand has come for as long as the history waits.
                var last = origin
                var isOver = false
                for later in (origin + 1)...(second + 1) {
                    isOver = isOver || Int64(later - last) >= InstanceHistory.burstGap
                    if later <= second, busy[later] { last = later }
                }
                #expect(track.burstEnded(within: ForecastHorizons.standard[horizon]) == isOver)
            }
        }
    }

    @Test func whatASecondWasToBothModelsIsRemembered() {
        #expect(PastSecond().onset == nil && PastSecond().ending == nil)
        for onset in 0..<UInt16(OnsetContext.cellCount) {
            let second = PastSecond(onset: OnsetContext(cell: onset))
            #expect(second.onset?.cell == onset && second.ending == nil)
        }
        for onset in 0..<UInt16(OnsetContext.busyCount) {
            for ending in 0..<UInt16(EndingContext.cellCount) {
                let second = PastSecond(onset: OnsetContext(cell: onset), ending: EndingContext(cell: ending))
                #expect(second.onset?.cell == onset && second.ending?.cell == ending)
            }
        }
    }

    @Test func everyContextHasACellAndAGroup() {
        var cells: Set<UInt16> = []
        for age in [1, 2, 3, 4, 6, 8, 12, 16, 32, 64, 128] as [Int64] {
            for usual in [nil, 1, 2, 3, 4, 6, 8, 12, 16, 32, 64] as [Float?] {
                for hasWork in [false, true] {
                    let context = EndingContext(age: age, usualLength: usual, hasWork: hasWork)
                    cells.insert(context.cell)
                    #expect((0..<EndingContext.groupCount).contains(context.group))
                    #expect(context.group == EndingContext(age: age, usualLength: nil, hasWork: hasWork).group)
                }
            }
        }
        #expect(cells.count == EndingContext.cellCount)
        #expect(cells.allSatisfy { Int($0) < EndingContext.cellCount })
        #expect(EndingContext(age: 1 << 40, usualLength: 1e12, hasWork: true).cell < UInt16(EndingContext.cellCount))
    }
}
