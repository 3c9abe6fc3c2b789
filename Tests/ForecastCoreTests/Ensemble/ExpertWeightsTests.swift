import FleetModel
import Testing

@testable import ForecastCore

@Suite struct ExpertWeightsTests {
    /// What each model says of every curve and level.
    private func experts(_ value: (ForecastModel) -> Float) -> [Float] {
        var row = [Float](repeating: 0, count: ExpertLayout.row)
        for curve in 0..<DemandForecast.curveCount {
            for model in ForecastModel.allCases {
                for level in 0..<QuantileLevels.count {
                    row[ExpertLayout.offset(curve: curve, model: model) + level] = value(model)
                }
            }
        }
        return row
    }

    private func combined(_ weights: ExpertWeights, _ experts: [Float], _ kind: OnsetContext.Kind) -> [Float] {
        var tile = ForecastTile(networks: [], capacity: 1)
        tile.rows.append(
            ForecastTile.Row(
                place: 0, slot: 0, application: 0, history: nil, second: 0, onset: [0, 0, 0], kind: kind, isIdle: false,
                scales: [1, 1], zeroBelow: [0, 0]))
        tile.experts = experts
        weights.combine(&tile)
        return tile.combined
    }

    @Test(arguments: ForecastModel.allCases)
    func weightMovesToTheModelThatIsRight(_ best: ForecastModel) {
        var weights = ExpertWeights(enabled: ForecastModel.allCases)
        let curve = DemandForecast.curveIndex(.memory, .peak, .short)
        let row = experts { $0 == best ? 100 : 300 }
        var said: [Float] = []
        for _ in 0..<300 {
            said = combined(weights, row, .busy)
            row.withUnsafeBufferPointer { row in
                said.withUnsafeBufferPointer { said in
                    guard let row = row.baseAddress, let said = said.baseAddress else { return }
                    weights.count(
                        row, combined: said + curve * ExpertLayout.levels, kind: .busy, curve: curve, outcome: 100,
                        scale: 100, share: 1)
                }
            }
            weights.learn()
        }
        #expect(abs(said[curve * ExpertLayout.levels + QuantileLevels.median] - 100) < 20)
    }

    @Test func weightsOfACurveAddUpToOne() {
        let weights = ExpertWeights(enabled: ForecastModel.allCases)
        for kind in OnsetContext.Kind.allCases {
            let said = combined(weights, experts { _ in 1 }, kind)
            for curve in 0..<DemandForecast.curveCount {
                for level in 0..<QuantileLevels.count { #expect(abs(said[curve * 16 + level] - 1) < 1e-5) }
            }
        }
    }

    @Test func onlyEnabledModelsCount() {
        let weights = ExpertWeights(enabled: [.climate])
        let said = combined(weights, experts { $0 == .climate ? 10 : 1_000 }, .quiet)
        #expect(said[DemandForecast.curveIndex(.memory, .point, .long) * 16 + QuantileLevels.median] == 10)
    }
}
