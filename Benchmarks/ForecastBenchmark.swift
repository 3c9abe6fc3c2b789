import Determinism
import FleetModel
import ForecastCore
import Foundation

/// What forecasts cost: per instance and second, by size of the fleet; beside what the machine can do in the same run.
enum ForecastBenchmark {
    /// The share of seconds with demand of the recorded panels A and S.
    static let activityShares = [0.29, 0.14]

    @Sendable static func run(isSmall: Bool, _ report: @Sendable (Measurement) -> Void) async throws {
        report(multiplication(isSmall: isSmall))
        report(copying(isSmall: isSmall))
        for share in activityShares {
            let panel = try SyntheticDemand(busyShare: share, isSmall: isSmall)
            for instances in isSmall ? [128] : [1_000, 10_000, 100_000] {
                report(fleet(of: instances, panel: panel, everActive: 1, isSmall: isSmall))
            }
        }
        let panel = try SyntheticDemand(busyShare: activityShares[0], isSmall: isSmall)
        report(fleet(of: isSmall ? 256 : 1_000_000, panel: panel, everActive: 0.3, isSmall: isSmall))
        report(training(panel, isSmall: isSmall))
    }

    /// `everActive` is the share of instances that follow the panel; the others never have demand.
    private static func fleet(
        of instances: Int, panel: SyntheticDemand, everActive: Double, isSmall: Bool
    ) -> Measurement {
        let rows = panel.panel.instances.count
        let seconds = min(panel.panel.seconds, max(24, 4_000_000 / instances))
        let whole = step(instances, panel.panel, rows, seconds, everActive, ForecastModel.allCases, learns: false)
        let learning = step(instances, panel.panel, rows, seconds, everActive, ForecastModel.allCases, learns: true)
        let climate = step(instances, panel.panel, rows, seconds, everActive, [.climate], learns: false)
        let perForecast = (whole.observe + whole.forecast) / 12
        return Measurement(
            name: "forecast",
            conditions: "\(instances) instances, \(String(format: "%.0f", everActive * 100)) % ever active, those busy "
                + "\(panel.percent) % of the time, portable linear algebra",
            figures: [
                ("per forecast", perForecast, "us"),
                ("forecasts", 1 / perForecast, "M/s per core"),
                ("observing", whole.observe, "us per instance"),
                ("forecasting", whole.forecast, "us per instance"),
                ("of it networks and features", whole.forecast - climate.forecast, "us per instance"),
                ("of it climate, mixing, calibration", climate.forecast, "us per instance"),
                ("online learning", learning.forecast - whole.forecast, "us per instance"),
                ("state", Double(FleetForecaster.bytesPerInstance), "B per active instance"),
                ("state of a cold one", Double(FleetForecaster.bytesPerColdInstance), "B"),
            ])
    }

    /// Microseconds per instance and second, over the second half of `seconds`.
    private static func step(
        _ instances: Int, _ panel: DemandPanel, _ rows: Int, _ seconds: Int, _ everActive: Double,
        _ models: [ForecastModel], learns: Bool
    ) -> (observe: Double, forecast: Double) {
        var forecaster = FleetForecaster(configuration: .init(models: models, learnsOnline: learns))
        let slots = (0..<instances).map { forecaster.admit(panel.instances[$0 % rows]) }
        let active = Int(everActive * 10)
        var observing = 0.0
        var forecasting = 0.0
        for second in 0..<seconds {
            let counts = second >= seconds / 2
            let spent = milliseconds {
                for (index, slot) in slots.enumerated() {
                    if index / rows % 10 < active {
                        forecaster.observe(slot, panel.observations[index % rows][second])
                    } else {
                        forecaster.observe(slot, LoadObservation(second: Int64(second), gpuMemory: 0, gpuCompute: 0))
                    }
                }
            }
            if counts { observing += spent }
            // In slices, as the manager does.
            for first in stride(from: 0, to: slots.count, by: 5_000) {
                let slice = Array(slots[first..<min(first + 5_000, slots.count)])
                let spent = milliseconds { _ = forecaster.forecast(slice, madeAt: .seconds(Double(second))) }
                if counts { forecasting += spent }
            }
        }
        let count = Double(instances * (seconds - seconds / 2))
        return (observing * 1e3 / count, forecasting * 1e3 / count)
    }

    /// Steps of training on batches of 512.
    private static func training(_ panel: SyntheticDemand, isSmall: Bool) -> Measurement {
        let examples = FleetForecaster.examples(of: panel.panel, seconds: panel.panel.seconds, perSecond: 64)
        var trainer = NetworkTrainer(
            ShippedNetworks.all[0], examples: examples, heldOut: ExampleStore(capacity: 1, replacement: .oldest),
            configuration: .init(epochs: isSmall ? 1 : 3))
        var epochs = 0
        let spent = milliseconds { while trainer.epoch() != nil { epochs += 1 } }
        let steps = Double(epochs * max(1, examples.count / 512))
        return Measurement(
            name: "forecast-training", conditions: "\(examples.count) examples, batches of 512, one network",
            figures: [("step", spent / steps, "ms")])
    }

    // MARK: What the machine can do

    private static func multiplication(isSmall: Bool) -> Measurement {
        let (rows, inner, columns) = (64, QuantileNetwork.inputCount, 64)
        let left = [Float](repeating: 0.5, count: rows * inner)
        let right = [Float](repeating: 0.25, count: inner * columns)
        var result = [Float](repeating: 0, count: rows * columns)
        let times = isSmall ? 10 : 20_000
        let spent = milliseconds {
            for _ in 0..<times {
                PortableLinearAlgebra().multiply(
                    left, right, into: &result, rows: rows, inner: inner, columns: columns)
            }
        }
        let operations = Double(2 * rows * inner * columns * times)
        return Measurement(
            name: "forecast-machine",
            conditions: "\(rows) x \(inner) by \(inner) x \(columns), portable linear algebra",
            figures: [("multiplication", operations / spent / 1e6, "GFLOP/s")])
    }

    private static func copying(isSmall: Bool) -> Measurement {
        let count = isSmall ? 1 << 16 : 1 << 25
        let source = [Float](repeating: 1, count: count)
        var target = [Float](repeating: 0, count: count)
        let spent = milliseconds {
            for _ in 0..<4 { target.withUnsafeMutableBufferPointer { _ = $0.update(from: source) } }
        }
        return Measurement(
            name: "forecast-machine", conditions: "copy of \(count * 4 >> 20) MiB",
            figures: [("read and written", Double(8 * count * 4) / spent / 1e6, "GB/s")])
    }
}
