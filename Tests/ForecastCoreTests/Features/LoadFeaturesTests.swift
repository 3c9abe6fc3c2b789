import Determinism
import FleetModel
import Foundation
import Testing

@testable import ForecastCore

@Suite struct FloatMathTests {
    @Test func logarithmsAgreeWithTheMathsLibrary() {
        var random = SeededGenerator(seed: 2)
        for _ in 0..<1_000 {
            let value = Float(exp2(60 * random.unit() - 30))
            #expect(abs(Double(FloatMath.log(value)) - log(Double(value))) < 2e-6 * max(1, abs(log(Double(value)))))
        }
    }
}

@Suite struct LoadAveragesTests {
    /// Against sums over all seconds; the instance is idle for long stretches, which are never handed over.
    @Test func averagesAreTheWeightedMeansOfAllSeconds() {
        let decay = DecayTable.shared
        var random = SeededGenerator(seed: 3)
        var averages = LoadAverages(before: 0)
        var memory = [Double](repeating: 0, count: 900)
        var before = false
        for second in memory.indices where second % 300 < 60 {
            memory[second] = random.chance(1, in: 2) ? Double(random.below(1_000)) : 0
            let isBusy = memory[second] > 0
            averages.observe(
                [memory[second], 0], arrivals: 1, isBusy: isBusy, wasBusy: before, at: Int64(second), decay: decay)
            before = isBusy
        }
        for (average, halfLife) in [(LoadAverages.Average.memory30, 30.0), (.memory120, 120), (.memory600, 600)] {
            let weights = memory.indices.map { exp2(-Double(899 - $0) / halfLife) }
            let exact = zip(weights, memory).reduce(0) { $0 + $1.0 * $1.1 } / weights.reduce(0, +)
            let fast = Double(averages.value(average, at: 899, known: 900, decay: decay))
            #expect(abs(fast - exact) < 0.01 * exact + 0.5)
        }
    }

    @Test func theScaleIsTheMeanOfBusySecondsLeaningToTheUsual() {
        let decay = DecayTable.shared
        var averages = LoadAverages(before: 0)
        #expect(averages.scale(.memory, usual: 7, at: 0, decay: decay) == 7)
        for second in 0..<3_000 as Range<Int64> {
            averages.observe(
                [second % 2 == 0 ? 100 : 0, 0], arrivals: 0, isBusy: second % 2 == 0, wasBusy: false, at: second,
                decay: decay)
        }
        #expect((60...100).contains(averages.scale(.memory, usual: 7, at: 2_999, decay: decay)))
    }
}

@Suite struct RecentLoadsTests {
    @Test func peaksAndValuesAreThoseOfAPlainList() {
        var random = SeededGenerator(seed: 5)
        var recent = RecentLoads()
        recent.addRow()
        recent.addRow()
        var list: [Float] = []
        for second in 0..<200 as Range<Int64> {
            let value = Double(random.below(50))
            list.append(Float(value))
            recent.store([value, 0], row: 1, at: second)
            for seconds in [1, 5, 30] {
                let end = second - Int64(random.below(3))
                guard end >= 0 else { continue }
                let first = max(0, Int(end) - seconds + 1)
                let exact = list[first...Int(end)].max() ?? 0
                #expect(recent.peak(.memory, row: 1, over: seconds, through: end, last: second) == exact)
                #expect(recent.demand(.memory, row: 1, at: end, last: second) == list[Int(end)])
            }
            #expect(recent.peak(.memory, row: 0, over: 30, through: second, last: second) == 0)
        }
    }
}

@Suite struct BurstRhythmTests {
    @Test func aPeriodicProgramHasItsPeriod() {
        let clocks = ForecastClocks()
        var recent = RecentLoads()
        recent.addRow()
        var history = InstanceHistory(admitted: -1, last: -1, clocks: clocks)
        for second in 0..<600 as Range<Int64> {
            _ = history.endBurst(at: second)
            history.observe(
                [second % 40 < 6 ? 1e8 : 0, 0], arrivals: 0, at: second, clocks: clocks, recent: &recent, row: 0)
        }
        #expect(abs(history.rhythm.period - 40) < 0.1)
        #expect(abs(history.rhythm.gap - 34) < 0.1)
        #expect(abs(history.rhythm.length - 6) < 0.1)
        #expect(history.rhythm.periodSpread < 2.5)
    }
}

@Suite struct IdleCurvesTests {
    @Test func curvesComeBackToWithinAPercentAndZerosExactly() {
        var idle = IdleCurves()
        idle.addRow()
        #expect(idle.madeAt(0) == nil)
        let curves = InlineArray<12, QuantileCurve> { curve in
            QuantileCurve { $0 < 4 ? 0 : Double(curve + 1) * 1e7 * Double($0) }
        }
        idle.store(curves, row: 0, at: 9)
        var restored = InlineArray<12, QuantileCurve>(repeating: .zero)
        idle.restore(0, to: &restored)
        #expect(idle.madeAt(0) == 9)
        for curve in 0..<12 {
            for level in 0..<13 {
                #expect(abs(restored[curve][level] - curves[curve][level]) <= 0.01 * curves[curve][level])
            }
        }
    }
}
