import Dashboard
import Determinism
import FleetModel
import Testing

@Suite struct FanChartTests {
    /// What is shown in second 100, the last of `came`; `said` is by second.
    private func shown(
        came: [Float], said: [Int64: QuantileCurve] = [:], expected: QuantileCurve = .zero
    ) -> InstanceForecast {
        var forecast = DemandForecast(madeAt: .zero)
        for horizon in ForecastHorizon.allCases {
            forecast.curves[DemandForecast.curveIndex(.memory, .point, horizon)] = expected
        }
        let past = said.sorted { $0.key < $1.key }.map {
            PastForecast(second: $0.key, memory: $0.value, compute: $0.value)
        }
        return .sample("i1", second: 100, forecast: forecast, came: came, past: past)
    }

    private func text(_ shown: InstanceForecast, width: Int, height: Int, unicode: Bool = true) -> [String] {
        FanChart(shown, .memory, width: width).lines(height: height)
            .map { $0.rendered(color: false, unicode: unicode) }
    }

    /// Quantiles 0 to 12: half of outcomes between 2.5 and 7.5, 95 % between 0 and 11.
    private let wide = QuantileCurve { Double($0) }

    @Test func `what came, what had been said and what is expected have their columns`() {
        let shown = shown(
            came: [0, 12, 12, 3, 3, 12], said: [95: wide, 98: wide, 100: wide], expected: QuantileCurve { _ in 6 })
        #expect(
            text(shown, width: 60, height: 4) == [
                "    12 B                ▒••▒ ×▓▓                            ",
                "                        ▓  ▓ ▓  ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓",
                "                        ▓  ••▓                              ",
                "       0                •  ▓ ▓                              ",
                "       -20 s                now +5 s      +15 s        +30 s",
                "         of 3 seconds 1 lay in the 50 % band, 1 in 80 %, 2 in 95 %",
            ])
        #expect(
            text(shown, width: 60, height: 4, unicode: false).prefix(4) == [
                "    12 B                -oo- x==                            ",
                "                        =  = =  ============================",
                "                        =  oo=                              ",
                "       0                o  = =                              ",
            ])
    }

    @Test func `before anything was kept the chart says that it will be`() {
        let lines = text(shown(came: [0, 1]), width: 80, height: 3)
        #expect(lines.last?.contains("from now on") == true)
        #expect(FanChart(shown(came: [0, 1]), .memory, width: 80).tally.seconds == 0)
    }

    @Test func `what came is counted in the bands in which it lay`() {
        let said = Dictionary(uniqueKeysWithValues: (96...103).map { (Int64($0), wide) })
        // Within half, 80 %, 95 % and outside; what is still to come does not count.
        let tally = FanChart(shown(came: [5, 1, 0, 12, 5], said: said), .memory, width: 80).tally
        #expect((tally.seconds, tally.within50, tally.within80, tally.within95) == (5, 2, 3, 4))
    }

    @Test(arguments: 0..<40)
    func `a chart keeps to its size, and is one column wider for each second`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        func amount() -> Float { random.chance(1, in: 3) ? 0 : Float(random.unit() * 1e12) }
        let came = (0..<random.below(61)).map { _ in amount() }
        var said: [Int64: QuantileCurve] = [:]
        for second in 40...105 where random.chance(1, in: 2) {
            let scale = Double(amount())
            said[Int64(second)] = QuantileCurve { scale * Double($0) }
        }
        let scale = Double(amount())
        let shown = shown(came: came, said: said, expected: QuantileCurve { scale * Double($0) })
        let (width, height) = (Int(random.below(140)), Int(random.below(14)))
        let lines = text(shown, width: width, height: height)
        #expect(lines.count == max(2, height) + FanChart.rowsBeside)
        let columns = min(max(width, 9), 9 + 60 + 30)
        #expect(lines.dropLast().allSatisfy { $0.count == columns })
    }
}
