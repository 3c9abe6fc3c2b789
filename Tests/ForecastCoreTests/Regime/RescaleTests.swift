import Determinism
import FleetModel
import Testing

@testable import ForecastCore

@Suite struct RescaleTests {
    private func demand(_ second: Int) -> Double {
        var random = SeededGenerator(seed: UInt64(second / 4))
        return random.chance(2, in: 5) ? 1e8 * (1 + random.unit()) : 0
    }

    /// A history that saw `factor` times as much up to and including second `until`, and what came since as it was.
    private func history(
        factor: Double, until: Int = 400, through last: Int = 425
    ) -> (history: InstanceHistory, recent: RecentLoads) {
        let clocks = ForecastClocks()
        var recent = RecentLoads()
        recent.addRow()
        var history = InstanceHistory(admitted: -1, last: -1, clocks: clocks)
        for second in 0...last {
            let value = demand(second) * (second <= until ? factor : 1)
            _ = history.endBurst(at: Int64(second))
            history.observe(
                [value, value / 1e6], arrivals: 0, at: Int64(second), clocks: clocks, recent: &recent, row: 0)
        }
        return (history, recent)
    }

    @Test(arguments: [-9, -5, 4, 10])
    func aRescaledHistoryIsThatOfWhoAlwaysDidSo(_ bins: Int) {
        let clocks = ForecastClocks()
        let factor = DemandGrid.factor(bins: bins)
        var (rescaled, recent) = history(factor: 1 / factor)
        let (expected, expectedRecent) = history(factor: 1)
        for resource in Resource.allCases {
            _ = rescaled.rescale(
                resource, bins: bins, olderThan: 25, at: 425, clocks: clocks, recent: &recent, row: 0)
        }
        for second in 362...425 as ClosedRange<Int64> {
            let was = recent.demand(.memory, row: 0, at: second, last: 425)
            let wanted = expectedRecent.demand(.memory, row: 0, at: second, last: 425)
            #expect(abs(was - wanted) <= 1e-5 * wanted)
        }
        for average in LoadAverages.Average.allCases {
            let (was, wanted) = (
                rescaled.averages.raw(average, at: 425, decay: clocks.decay),
                expected.averages.raw(average, at: 425, decay: clocks.decay)
            )
            #expect(abs(was - wanted) <= 1e-3 * max(wanted, 1e-3), "\(average)")
        }
        let sums = (rescaled.sum(.memory, at: 425, clocks: clocks), expected.sum(.memory, at: 425, clocks: clocks))
        #expect(abs(sums.0.sum / sums.1.sum - 1) < 1e-6)
        #expect(abs(rescaled.currentBurst(.memory) - expected.currentBurst(.memory)) <= 1e3)
        #expect(climateDistance(rescaled, expected, clocks) < 0.31)
    }

    /// The greatest ratio less one between quantiles of two climates: bins are 30 % apart.
    private func climateDistance(_ left: InstanceHistory, _ right: InstanceHistory, _ clocks: ForecastClocks) -> Float {
        var rows = [[Float]](repeating: Array(repeating: 0, count: ExpertLayout.row), count: 2)
        for (index, history) in [left, right].enumerated() {
            rows[index].withUnsafeMutableBufferPointer { row in
                guard let base = row.baseAddress else { return }
                history.writeClimate(at: 425, clocks: clocks, to: base)
            }
        }
        return zip(rows[0], rows[1]).reduce(0) { worst, pair in
            guard pair.0 > 0 || pair.1 > 0 else { return worst }
            return max(worst, max(pair.0, pair.1) / max(min(pair.0, pair.1), 1e-6) - 1)
        }
    }

    /// 64 instances of one type, all of whose amounts change by one factor at second 420: from 120 s on, coverage at .95
    /// of all curves, pooled over instances in windows of 60 s, is what it had been without the change.
    @Test(arguments: [(4.0, 11), (0.25, 12), (10, 15)] as [(Double, UInt64)])
    func coverageRecoversFromAChangeOfAllAmounts(_ factor: Double, _ seed: UInt64) throws {
        let calm = ChangingAmounts.panel(seed: seed, instances: 64, seconds: 760)
        let changed = try #require(
            DemandPanel(
                instances: calm.instances, observations: calm.observations.map { $0.map { Self.change($0, factor) } }))
        let (usual, found) = (Self.coverage(calm), Self.coverage(changed))
        for window in 2..<5 {
            #expect(abs(usual[window] - found[window]) < 0.01, "window \(window): \(usual) and \(found)")
        }
        #expect((0.93...0.97).contains(found[2...].reduce(0, +) / 3))
    }

    private static let changedAt: Int64 = 420

    private static func change(_ observation: LoadObservation, _ factor: Double) -> LoadObservation {
        var changed = observation
        guard observation.second >= changedAt else { return changed }
        changed.gpuMemory *= factor
        changed.gpuCompute *= factor
        return changed
    }

    /// Coverage at .95 on the mean of 12 curves, in five windows of 60 s from the change on.
    private static func coverage(_ panel: DemandPanel) -> [Double] {
        var forecaster = FleetForecaster()
        var covered = [Double](repeating: 0, count: 5)
        let share = 1 / Double(60 * panel.instances.count * DemandForecast.curveCount)
        let first = Int(changedAt)
        _ = Evaluation.run(
            &forecaster, on: panel, origins: first..<first + 300,
            onScored: { forecast in
                if forecast.outcome <= forecast.stated[10] { covered[(forecast.origin - first) / 60] += share }
            })
        return covered
    }
}

/// Instances of one type that switch on and off at random, each with a size of its own and bursts of random heights.
private enum ChangingAmounts {
    static func panel(seed: UInt64, instances: Int, seconds: Int) -> DemandPanel {
        let observations = (0..<instances).map { instance in
            var random = SeededGenerator(seed: seed * 1_000 + UInt64(instance))
            let (busy, idle) = (random.drawLogarithmic(3...25), random.drawLogarithmic(8...60))
            let (memory, compute) = (random.drawLogarithmic(1e8...4e9), random.drawLogarithmic(50...600))
            var (left, isOn, level) = (0, false, 1.0)
            return (0..<seconds).map { second in
                if left <= 0 {
                    isOn.toggle()
                    left = 1 + Int(random.drawExponential(mean: isOn ? busy : idle))
                    level = random.drawLogNormal(median: 1, spread: 0.5)
                }
                left -= 1
                return LoadObservation(
                    second: Int64(second), gpuMemory: isOn ? memory * level : 0, gpuCompute: isOn ? compute * level : 0)
            }
        }
        guard let panel = DemandPanel(instances: (0..<instances).map { .numbered($0) }, observations: observations)
        else {
            preconditionFailure("as many lists as instances, all equally long")
        }
        return panel
    }
}
