import FleetModel
import Testing

@testable import ForecastCore

@Suite struct AmountModelTests {
    private func peaks(_ memory: Double) -> InlineArray<2, Double> { [memory, 100] }

    private func median(of model: AmountModel, application: Int) -> Double {
        var walk = model.walk(.memory, application: application, own: nil, current: 0)
        return walk.value(at: 0.5)
    }

    @Test func withoutHistoryThePriorSpeaks() {
        let model = AmountModel()
        let median = median(of: model, application: 1)
        #expect((128e6...512e6).contains(median))
    }

    @Test func anInstanceOfAKnownTypeIsExpectedToWantWhatItsTypeWants() {
        var model = AmountModel()
        for _ in 0..<20 {
            model.count(peaks(2e9), application: 1)
            model.count(peaks(5e7), application: 2)
        }
        #expect(median(of: model, application: 1) > 1.5e9)
        #expect(median(of: model, application: 2) < 7e7)
    }

    @Test func theInstancesOwnBurstsOutweighItsTypes() throws {
        var forecaster = FleetForecaster()
        let slot = forecaster.admit(.numbered(0))
        let other = forecaster.admit(.numbered(1))
        for second in 0..<300 as Range<Int64> {
            let isBusy = second % 20 < 4
            let share = isBusy ? 50.0 : 0
            forecaster.observe(slot, LoadObservation(second: second, gpuMemory: share * 2e6, gpuCompute: share))
            forecaster.observe(other, LoadObservation(second: second, gpuMemory: share * 8e7, gpuCompute: share))
        }
        let own = forecaster.amountIfDemanded(slot, resource: .memory, level: 0.8)
        #expect((0.8e8...1.4e8).contains(own))
    }

    @Test func `a walk that is kept for several curves says what each curve says by itself`() {
        var model = AmountModel()
        for step in 1...50 { model.count(peaks(Double(step) * 1e7), application: 3) }
        for isPrepared in [false, true] {
            if isPrepared { model.prepare() }
            var walk = model.walk(.memory, application: 3, own: nil, current: 0)
            for probability in [0.2, 0.9, 0.005, 0.4] {
                let alone = model.curve(probability: probability, .memory, application: 3, history: nil)
                #expect(walk.curve(probability: probability) == alone)
            }
        }
    }

    @Test func quantilesAscend() {
        var model = AmountModel()
        for step in 1...50 { model.count(peaks(Double(step) * 1e7), application: 3) }
        let curve = model.curve(probability: 0.6, .memory, application: 3, history: nil)
        #expect(curve.value(at: 0.3) == 0)
        #expect(curve.value(at: 0.5) > 0)
        let levels = stride(from: 0.0, through: 1, by: 0.05)
        var walk = model.walk(.memory, application: 3, own: nil, current: 0)
        let values = levels.map { walk.value(at: $0) }
        #expect(values == values.sorted())
        #expect(
            levels.reversed().map { walk.value(at: $0) } == values.reversed(), "in whatever order they are asked for")
    }
}

extension AmountModel {
    /// The curve of a walk of its own.
    fileprivate func curve(
        probability: Double, _ resource: Resource, application: Int, history: InstanceHistory?
    ) -> QuantileCurve {
        var walk = walk(
            resource, application: application, own: history?.bursts[resource.rawValue],
            current: history?.currentBurst(resource) ?? 0)
        return walk.curve(probability: probability)
    }
}
