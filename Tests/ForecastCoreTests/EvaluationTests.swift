import FleetModel
import ForecastCore
import Foundation
import Testing
import TraceFiles

@Suite struct EvaluationTests {
    @Test func anOracleScoresZero() throws {
        let panel = try #require(DemandPanel.surges(instances: 4, seconds: 200, seed: 3))
        var oracle = OracleForecaster(panel: panel)
        let result = Evaluation.run(&oracle, on: panel, origins: 60..<170)
        #expect(result.forecasts == 110 * 4 * 12)
        #expect(result.weightedQuantileLoss == Array(repeating: 0, count: 12))
        #expect(result.coverage99 == 1)
    }

    @Test func pinballLossIsTheTextbooks() throws {
        // 2 × (τ (y - q)) above, 2 × ((1 - τ)(q - y)) below.
        #expect(abs(PinballLoss.loss(quantile: 10, level: 0.9, outcome: 15) - 9) < 1e-12)
        #expect(abs(PinballLoss.loss(quantile: 15, level: 0.9, outcome: 10) - 1) < 1e-12)
        #expect(
            PinballLoss.scoredLevels.map { QuantileLevels.all[$0] } == [
                0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99,
            ])
    }

    @Test func whatIsWatchedWhileRunningAgreesWithTheProtocol() throws {
        let panel = try #require(DemandPanel.surges(instances: 4, seconds: 200, seed: 4))
        var forecaster = FleetForecaster()
        let result = Evaluation.run(&forecaster, on: panel, origins: 40..<170)
        let watched = try #require(forecaster.accuracy.weightedQuantileLoss)
        #expect(abs(watched - result.meanLoss) < 0.25 * result.meanLoss)
        #expect(forecaster.accuracy.scored > 2_000)
    }

    /// The recorded panel of `PRESYNC_DATA`, a part of it: all 64 instances and origins take minutes in debug.
    @Test(
        .enabled(if: recordedPanelPath != nil, "PRESYNC_DATA is not set: no recorded panel to evaluate on"))
    func allTogetherBeatEachModelOnARecordedPanel() throws {
        let path = try #require(recordedPanelPath)
        #if DEBUG
            let panel = try readPanel(path, every: 8, seconds: 330)
            let origins = 200..<300
        #else
            let panel = try readPanel(path, every: 2, seconds: 1_400)
            let origins = 840..<1_370
        #endif
        func loss(_ models: [ForecastModel]) -> Double {
            var forecaster = FleetForecaster(configuration: .init(models: models))
            let result = Evaluation.run(&forecaster, on: panel, origins: origins, step: 2)
            let cells = result.weightedQuantileLoss.map { String(format: "%.3f", $0) }.joined(separator: " ")
            print("wQL \(models): mean \(String(format: "%.3f", result.meanLoss)); \(cells)")
            return result.meanLoss
        }
        let climate = loss([.climate])
        let network = loss([.network])
        let all = loss(ForecastModel.allCases)
        #expect(all < 1.01 * min(network, climate))
        // Gradient-boosted quantile trees on the whole of panel S, as measured elsewhere.
        #expect(all < 0.639)
    }
}

private let recordedPanelPath: String? = {
    guard let folder = ProcessInfo.processInfo.environment["PRESYNC_DATA"] else { return nil }
    let path = folder + "/forecast/panel_S.telemetry.csv.gz"
    return FileManager.default.isReadableFile(atPath: path) ? path : nil
}()

/// The first `seconds` of one in `step` instances.
private func readPanel(_ path: String, every step: Int, seconds: Int) throws -> DemandPanel {
    let reader = try TelemetryTraceReader(path: path)
    var rows: [InstanceID: Int] = [:]
    var instances: [InstanceDescription] = []
    var observations: [[LoadObservation]] = []
    while let row = try reader.next(), Int(row.time) < seconds {
        let number = rows[row.instance] ?? rows.count
        rows[row.instance] = number
        guard number % step == 0 else { continue }
        if number / step == instances.count {
            instances.append(
                InstanceDescription(
                    id: row.instance, tenant: TenantID(unchecked: "t"), application: row.application))
            observations.append([])
        }
        observations[number / step].append(row.observation)
    }
    return try #require(DemandPanel(instances: instances, observations: observations))
}
