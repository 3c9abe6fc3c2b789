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
                calibration.count(curves[0], curve: 0, outcome: outcome, share: 1)
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

    @Test func zerosStayZero() {
        var calibration = UpperCalibration()
        let zero = QuantileCurve.zero
        for _ in 0..<200 {
            for _ in 0..<16 { calibration.count(zero, curve: 0, outcome: 5, share: 1) }
            calibration.learn()
        }
        var curves = InlineArray<12, QuantileCurve>(repeating: .zero)
        calibration.write([Float](repeating: 0, count: 192), row: 0, zeroBelow: [0, 0], to: &curves)
        #expect(curves[0] == .zero)
    }
}
