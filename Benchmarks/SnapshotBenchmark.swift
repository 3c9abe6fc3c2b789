import Determinism
import FleetModel
import ForecastCore

/// What it costs to keep what a forecaster has learned: what the manager's loop waits for (taking a snapshot), and what
/// happens beside it (encoding) or at the next start (restoring).
enum SnapshotBenchmark {
    @Sendable static func run(isSmall: Bool, _ report: @Sendable (Measurement) -> Void) async throws {
        for instances in isSmall ? [64] : [1_000, 10_000, 100_000] {
            report(try measure(instances: instances, seconds: isSmall ? 4 : 100))
        }
    }

    private static func measure(instances: Int, seconds: Int) throws -> Measurement {
        var forecaster = FleetForecaster(configuration: .init(models: [.climate]))
        let slots = (0..<instances).map { number in
            forecaster.admit(
                InstanceDescription(
                    id: InstanceID(unchecked: "instance-\(number)"), tenant: TenantID(unchecked: "tenant"),
                    application: ApplicationType(unchecked: "application-\(number % 8)")))
        }
        var random = SeededGenerator(seed: 5)
        for second in 0..<seconds {
            for slot in slots {
                let isBusy = random.chance(29, in: 100)
                let memory = isBusy ? Double(random.below(4 << 30)) : 0
                forecaster.observe(
                    slot,
                    LoadObservation(
                        second: Int64(second), gpuMemory: memory, gpuCompute: isBusy ? Double(random.below(500)) : 0,
                        cpuMilli: 100, networkIn: 1_000))
            }
        }
        var taking: [Double] = []
        var encoding: [Double] = []
        var bytes: [UInt8] = []
        for _ in 0..<9 {
            var snapshot: FleetSnapshot?
            taking.append(milliseconds { snapshot = forecaster.snapshot() })
            encoding.append(milliseconds { bytes = snapshot?.encoded() ?? [] })
        }
        let restoring = try milliseconds {
            _ = try FleetForecaster(configuration: .init(models: [.climate]), snapshot: bytes)
        }
        return Measurement(
            name: "snapshot", conditions: "\(instances) instances, busy 29 % of \(seconds) s, without networks",
            figures: [
                ("size", Double(bytes.count) / 1e6, "MB"), ("taking p50", taking.quantile(0.5), "ms"),
                ("taking max", taking.quantile(1), "ms"), ("encoding p50", encoding.quantile(0.5), "ms"),
                ("restoring", restoring, "ms"),
            ])
    }
}
