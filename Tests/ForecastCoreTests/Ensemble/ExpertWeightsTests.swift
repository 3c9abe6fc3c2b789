import FleetModel
import Testing

@testable import ForecastCore

@Suite struct ExpertWeightsTests {
    @Test(arguments: [ForecastModel.climate, .persistence, .onset])
    func weightMovesToTheModelThatIsRight(_ best: ForecastModel) {
        var weights = ExpertWeights(enabled: ForecastModel.allCases)
        let curve = DemandForecast.curveIndex(.memory, .peak, .short)
        var experts = ExpertCurves()
        for model in ForecastModel.allCases {
            experts[curve, model] = QuantileCurve { _ in model == best ? 100 : 300 }
        }
        var said = QuantileCurve.zero
        for _ in 0..<300 {
            said = weights.combine(experts, kind: .busy, curve: curve, zeroBelow: 0)
            weights.count(experts, combined: said, kind: .busy, curve: curve, outcome: 100, scale: 100)
            weights.learn()
        }
        #expect(abs(said.median - 100) < 20)
    }

    @Test func onlyEnabledModelsCount() {
        let weights = ExpertWeights(enabled: [.climate])
        let curve = DemandForecast.curveIndex(.memory, .point, .long)
        var experts = ExpertCurves()
        experts[curve, .climate] = QuantileCurve { _ in 10 }
        experts[curve, .persistence] = QuantileCurve { _ in 1_000 }
        let said = weights.combine(experts, kind: .quiet, curve: curve, zeroBelow: 0)
        #expect(said.median == 10)
    }

    @Test func valuesBelowTheThresholdAreExactlyZero() {
        let weights = ExpertWeights(enabled: [.climate])
        var experts = ExpertCurves()
        experts[0, .climate] = QuantileCurve { Double($0) }
        let said = weights.combine(experts, kind: .busy, curve: 0, zeroBelow: 5)
        #expect((0..<13).map { said[$0] } == [0, 0, 0, 0, 0, 5, 6, 7, 8, 9, 10, 11, 12])
    }
}
