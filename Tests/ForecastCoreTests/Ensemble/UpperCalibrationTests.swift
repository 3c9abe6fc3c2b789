import Determinism
import FleetModel
import Testing

@testable import ForecastCore

@Suite struct UpperCalibrationTests {
    /// Outcomes evenly distributed up to 100; the upper levels are stated as if up to `said`.
    @Test(arguments: [70.0, 100, 120])
    func coverageComesToWhatIsStated(_ said: Double) {
        var calibration = UpperCalibration()
        var random = SeededGenerator(seed: 8)
        var combined = [Float](repeating: 0, count: ForecastTile.combinedRow)
        for curve in 0..<12 {
            for level in 0..<13 {
                combined[curve * ExpertLayout.levels + level] = Float(
                    (level < UpperCalibration.firstLevel ? 100 : said) * QuantileLevels.all[level])
            }
        }
        var covered = [0.0, 0, 0]
        var curves = InlineArray<12, QuantileCurve>(repeating: .zero)
        for step in 0..<3_000 {
            calibration.write(combined, row: 0, zeroBelow: [0, 0], to: &curves)
            for _ in 0..<16 {
                let outcome = Float(100 * random.unit())
                calibration.count(combined, stated: curves[0], curve: 0, outcome: outcome, share: 1)
                guard step >= 1_000 else { continue }
                for (index, level) in [10, 11, 12].enumerated() where Double(outcome) <= curves[0][level] {
                    covered[index] += 1 / 32_000
                }
            }
            calibration.learn()
        }
        #expect((0.945...0.960).contains(covered[0]))
        #expect((0.968...0.980).contains(covered[1]))
        #expect((0.987...0.994).contains(covered[2]))
    }

    /// Outcomes come late: what was missed before a factor moved does not move it on.
    @Test func whatTodaysFactorWouldHaveCoveredMovesItNoFurther() {
        var calibration = UpperCalibration()
        let said = [Float](repeating: 100, count: ForecastTile.combinedRow)
        let stated = QuantileCurve { _ in 100 }
        var factor: Float = 1
        for _ in 0..<2_000 {
            for number in 0..<20 {
                calibration.count(said, stated: stated, curve: 0, outcome: number < 2 ? 130 : 90, share: 1)
            }
            calibration.learn()
            var curves = InlineArray<12, QuantileCurve>(repeating: .zero)
            calibration.write(said, row: 0, zeroBelow: [0, 0], to: &curves)
            factor = curves[0].values[12] / 100
            #expect(factor < 1.5)
        }
        #expect(factor > 1.2)
    }

    @Test func zerosStayZero() {
        var calibration = UpperCalibration()
        let zero = QuantileCurve.zero
        for _ in 0..<200 {
            for _ in 0..<16 {
                calibration.count([Float](repeating: 0, count: 16), stated: zero, curve: 0, outcome: 5, share: 1)
            }
            calibration.learn()
        }
        var curves = InlineArray<12, QuantileCurve>(repeating: .zero)
        calibration.write([Float](repeating: 0, count: 192), row: 0, zeroBelow: [0, 0], to: &curves)
        #expect(curves[0] == .zero)
    }
}
