import Determinism
import FleetModel
import Foundation
import Testing

@testable import ForecastCore

@Suite struct BinaryPowersTests {
    @Test func agreesWithTheMathsLibrary() {
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<1_000 {
            let exponent = 200 * generator.unit() - 100
            let power = BinaryPowers.power(exponent)
            #expect(abs(power / exp2(exponent) - 1) < 1e-13)
            #expect(abs(BinaryPowers.logarithm(power) - exponent) < 1e-11)
        }
    }

    @Test(arguments: [(0.0, 1.0), (1, 2), (-1_074, 0), (-5_000, 0)])
    func edges(_ exponent: Double, _ expected: Double) { #expect(BinaryPowers.power(exponent) == expected) }
}

@Suite struct DecayClockTests {
    @Test func massIsTheSumOfWeights() {
        let clock = DecayClock(halfLife: 600)
        let second: Int64 = 9_700
        let sum = ((second - 99)...second).reduce(0) { $0 + clock.weight(of: $1, in: clock.era(of: second)) }
        #expect(abs(clock.mass(after: second - 100, through: second) / sum - 1) < 1e-9)
    }

    @Test func aSumCarriedIntoTheNextErasKeepsItsMeaning() {
        let clock = DecayClock(halfLife: 600)
        let (old, new) = (9_000, 20_000) as (Int64, Int64)
        let carried = clock.weight(of: old) * clock.factor(from: clock.era(of: old), to: clock.era(of: new))
        #expect(abs(carried / clock.weight(of: old, in: clock.era(of: new)) - 1) < 1e-9)
    }
}

@Suite struct WindowedHistogramTests {
    @Test(arguments: 1...5 as ClosedRange<UInt64>)
    func quantilesAreWithinABinOfTheSamples(_ seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var histogram = WindowedHistogram()
        var values: [Double] = []
        for _ in 0..<2_000 {
            let value = 1e6 * exp2(8 * generator.unit())
            values.append(value)
            histogram.add(DemandGrid.shared.bin(of: value, .memory), weight: 1)
        }
        values += Array(repeating: 0, count: 1_000)
        values.sort()
        let curve = histogram.curve(zeroMass: 1_000, .memory)
        for (index, level) in QuantileLevels.all.enumerated() {
            let exact = values[min(Int(level * 3_000), 2_999)]
            if exact == 0 {
                #expect(curve[index] <= 1.4e6)
            } else {
                #expect(curve[index] / exact < 1.31 && curve[index] / exact > 1 / 1.31)
            }
        }
    }

    @Test func oneWildValueDoesNotBluntItForEver() {
        var histogram = WindowedHistogram()
        histogram.add(DemandGrid.shared.bin(of: 1e14, .memory), weight: 1)
        for step in 1...3_000 {
            histogram.add(DemandGrid.shared.bin(of: 1e8, .memory), weight: 1 + Float(step % 600) / 600)
            if step % 600 == 0 { histogram.halve(1) }
        }
        let curve = histogram.curve(zeroMass: 0, .memory)
        #expect(curve.median / 1e8 < 1.31)
    }
}

@Suite struct InstanceHistoryTests {
    @Test func aHistoryTouchedAfterHoursEqualsOneTouchedEverySecond() {
        let clocks = ForecastClocks()
        var recent = RecentLoads()
        recent.addRow()
        var sparse = InstanceHistory(admitted: -1, last: -1, clocks: clocks)
        for second in 0..<40 as Range<Int64> {
            sparse.observe(
                [second < 10 ? 1e8 : 0, 0], arrivals: 0, at: second, clocks: clocks, recent: &recent, row: 0)
        }
        var dense = sparse
        for second in 40..<12_000 as Range<Int64> {
            dense.observe([0, 0], arrivals: 0, at: second, clocks: clocks, recent: &recent, row: 0)
        }
        let left = sparse.busyShare(at: 12_000, clocks: clocks)
        let right = dense.busyShare(at: 12_000, clocks: clocks)
        #expect(abs(left - right) < 1e-9)
        #expect(left > 0 && left < 1e-4)
    }

    @Test func quantilesAreExactlyZeroWhereDemandIsZero() {
        let clocks = ForecastClocks()
        var recent = RecentLoads()
        recent.addRow()
        var history = InstanceHistory(admitted: -1, last: -1, clocks: clocks)
        for second in 0..<400 as Range<Int64> {
            history.observe(
                [second % 10 == 0 ? 1e8 : 0, 0], arrivals: 0, at: second, clocks: clocks, recent: &recent, row: 0)
        }
        let curves = history.climate(at: 399, clocks: clocks)
        let point = curves[DemandForecast.curveIndex(.memory, .point, .short)]
        #expect(point.value(at: 0.8) == 0)
        #expect(abs(point.value(at: 0.975) / 1e8 - 1) < 0.31)
        #expect(curves[DemandForecast.curveIndex(.compute, .peak, .long)] == .zero)
    }

    /// Against all values that were seen, weighted by their age.
    @Test(arguments: 1...3 as ClosedRange<UInt64>)
    func climateIsWhatWasSeenWeightedByAge(_ seed: UInt64) {
        let clocks = ForecastClocks()
        var generator = SeededGenerator(seed: seed)
        var recent = RecentLoads()
        recent.addRow()
        var history = InstanceHistory(admitted: -1, last: -1, clocks: clocks)
        let values = (0..<1_500).map { second in
            generator.chance(2, in: 5) ? 1e8 * exp2(3 * generator.unit()) * (second < 700 ? 1 : 4) : 0
        }
        for (second, value) in values.enumerated() {
            history.observe([value, 0], arrivals: 0, at: Int64(second), clocks: clocks, recent: &recent, row: 0)
        }
        let curves = history.climate(at: 1_499, clocks: clocks)
        for horizon in ForecastHorizon.allCases {
            let seconds = ForecastHorizons.standard[horizon]
            let peaks = (seconds...1_499).map { values[($0 - seconds + 1)...$0].max() ?? 0 }
            for (target, seen) in [(ForecastTarget.point, values), (.peak, peaks)] {
                let curve = curves[DemandForecast.curveIndex(.memory, target, horizon)]
                for level in [3, 5, 8, 10] {
                    let exact = weightedQuantile(seen, QuantileLevels.all[level])
                    // Within a bin of 30 %, and the level within one in a hundred.
                    let below = weightedQuantile(seen, QuantileLevels.all[level] - 0.01) / 1.31
                    let above = weightedQuantile(seen, QuantileLevels.all[level] + 0.01) * 1.31
                    #expect(curve[level] >= below && curve[level] <= above, "\(exact)")
                }
            }
        }
    }

    private func weightedQuantile(_ values: [Double], _ level: Double) -> Double {
        let weighted = values.enumerated().map { ($1, exp2(Double($0 - values.count) / 600)) }.sorted { $0.0 < $1.0 }
        let wanted = level * weighted.reduce(0) { $0 + $1.1 }
        var passed = 0.0
        for (value, weight) in weighted {
            passed += weight
            if passed >= wanted { return value }
        }
        return weighted.last?.0 ?? 0
    }
}

extension WindowedHistogram {
    func curve(zeroMass: Float, _ resource: Resource) -> QuantileCurve {
        var places = [Float](repeating: 0, count: QuantileLevels.count)
        _ = DemandGrid.shared.withEdges(resource) { edges in
            places.withUnsafeMutableBufferPointer {
                if let base = $0.baseAddress { write(zeroMass: zeroMass, edges: edges, to: base) }
            }
        }
        return QuantileCurve { Double(places[$0]) }
    }
}

extension InstanceHistory {
    /// The climate's 12 curves.
    func climate(at second: Int64, clocks: ForecastClocks) -> [QuantileCurve] {
        var places = [Float](repeating: 0, count: ExpertLayout.row)
        places.withUnsafeMutableBufferPointer {
            guard let base = $0.baseAddress else { return }
            writeClimate(at: second, clocks: clocks, to: base)
        }
        return (0..<DemandForecast.curveCount).map { curve in
            QuantileCurve { Double(places[ExpertLayout.offset(curve: curve, model: .climate) + $0]) }
        }
    }
}

@Suite struct ExpandedHistogramTests {
    @Test(arguments: [0, 20, 63, 120, 127])
    func `all bins at once are what each bin is`(around middle: Int) {
        var histogram = WindowedHistogram()
        #expect((0..<128).allSatisfy { histogram.expanded()[$0] == 0 })
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<40 {
            let bin = middle + Int(generator.below(30)) - 15
            histogram.add(min(max(bin, 0), 127), weight: Float(generator.below(9)))
        }
        let expanded = histogram.expanded()
        for bin in 0..<128 { #expect(expanded[bin] == histogram[bin]) }
    }
}
