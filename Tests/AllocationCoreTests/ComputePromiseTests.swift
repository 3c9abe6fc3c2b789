import AllocationCore
import Determinism
import FleetModel
import Testing

@Suite struct ComputePromiseTests {
    /// Quantiles of a demand that is `busy` with probability `share`, evenly between 0 and twice `mean` then.
    private func curve(share: Double, mean: Double) -> QuantileCurve {
        QuantileCurve { index in
            let level = QuantileLevels.all[index]
            return level <= 1 - share ? 0 : 2 * mean * (level - (1 - share)) / share
        }
    }

    @Test func noDemandTakesTheLeastThatCanBePromised() {
        #expect(ComputePromise.share(.zero) == MilliShare(1))
    }

    @Test func theWiderTheForecastTheMoreIsPromisedAndNeverLessThanTheMean() {
        let steady = ComputePromise.share(QuantileCurve { _ in 100 })
        let bursty = ComputePromise.share(curve(share: 0.25, mean: 400))
        #expect(steady > MilliShare(100) && bursty > steady)
    }

    @Test func moreThanADeviceIsADevice() {
        #expect(ComputePromise.share(QuantileCurve { _ in 1e9 }) == .wholeDevice)
    }

    /// Devices filled with independent tenants up to what may be promised are overloaded for about the share of the time
    /// that is promised, or less.
    @Test(arguments: [(0.3, 100.0), (0.8, 60.0), (0.1, 150.0)])
    func aFullDeviceIsSeldomOverloaded(share: Double, mean: Double) {
        let promise = Double(ComputePromise.share(curve(share: share, mean: mean)).rawValue)
        let tenants = Int(1_000 / promise)
        var random = SeededGenerator(seed: 3)
        let overloaded = (0..<20_000).count { _ in
            var sum = 0.0
            for _ in 0..<tenants where random.unit() < share { sum += 2 * mean * random.unit() }
            return sum > 1_000
        }
        #expect(tenants > 3)
        #expect(Double(overloaded) / 20_000 <= ComputePromise.overloadShare * 1.2)
    }
}
