import Determinism
import FleetModel
import Testing

@Suite struct QuantileCurveTests {
    @Test func aCurveMadeOfAnythingAscendsAndIsNotBelowZero() {
        var random = SeededGenerator(seed: 11)
        let oddities: [Double] = [.nan, .infinity, -.infinity, -1, 0, 1e300]
        for _ in 0..<1_000 {
            let curve = QuantileCurve { _ in
                random.chance(1, in: 3) ? oddities[Int(random.below(6))] : random.unit() * 100
            }
            let values = (0..<QuantileLevels.count).map { curve[$0] }
            #expect(values == values.sorted())
            #expect(values.allSatisfy { $0 >= 0 && $0.isFinite })
        }
    }

    @Test func valuesBetweenLevelsAreInterpolated() {
        let curve = QuantileCurve { QuantileLevels.all[$0] * 100 }
        #expect(abs(curve.value(at: 0.55) - 55) < 1e-3)
        #expect(abs(curve.value(at: 0.99) - 99) < 1e-3)
    }

    @Test(arguments: [(0.0, 2.5), (-1.0, 2.5), (1.0, 99.0), (7.0, 99.0)])
    func levelsOutsideAreClamped(level: Double, value: Double) {
        let curve = QuantileCurve { QuantileLevels.all[$0] * 100 }
        #expect(abs(curve.value(at: level) - value) < 1e-3)
    }

    @Test func everyCurveOfAForecastHasItsOwnPlace() {
        var places: Set<Int> = []
        for resource in Resource.allCases {
            for target in ForecastTarget.allCases {
                for horizon in ForecastHorizon.allCases {
                    places.insert(DemandForecast.curveIndex(resource, target, horizon))
                }
            }
        }
        #expect(places == Set(0..<DemandForecast.curveCount))
    }
}

@Suite struct MonotonicTimeTests {
    @Test func advancingByADurationGoesThere() {
        var random = SeededGenerator(seed: 5)
        for _ in 0..<1_000 {
            let from = MonotonicTime(rawValue: Int64(random.below(1 << 60)))
            let to = MonotonicTime(rawValue: Int64(random.below(1 << 60)))
            #expect(from.advanced(by: from.duration(to: to)) == to)
        }
    }

    @Test func secondsAreCountedDownwards() {
        #expect(MonotonicTime(rawValue: -1).secondIndex == -1)
        #expect(MonotonicTime.zero.secondIndex == 0)
        #expect(MonotonicTime(rawValue: 999_999_999).secondIndex == 0)
    }

    @Test func durationsBeyondTheRangeSaturate() {
        #expect(Duration.seconds(Int64.max).nanoseconds == .max)
        #expect(Duration.seconds(Int64.min + 1).nanoseconds == .min)
        #expect(Duration.nanoseconds(-5).nanoseconds == -5)
    }
}
