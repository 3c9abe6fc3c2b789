import Determinism
import FleetModel
import ForecastCore
import Foundation
import Testing

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
        #expect(forecaster.accuracy.sampled > 200)
        #expect(forecaster.accuracy.cells.count == 12)
        for (watched, cell) in zip(forecaster.accuracy.cells, result.cells) {
            #expect(watched.resource == cell.resource && watched.target == cell.target)
            #expect(watched.horizon == cell.horizon)
            #expect(abs(try #require(watched.weightedQuantileLoss) - cell.loss) < 0.5 * cell.loss + 0.05)
            #expect(abs(try #require(watched.coverage90) - cell.coverage90) < 0.1)
            #expect(abs(try #require(watched.coverage95) - cell.coverage95) < 0.1)
            #expect(abs(try #require(watched.coverage99) - cell.coverage99) < 0.1)
        }
    }

    /// The protocol's figures, computed once more the plain way from the words of its description.
    @Test func figuresAreThoseOfTheProtocolsWords() throws {
        var random = SeededGenerator(seed: 12)
        let series = (0..<3).map { instance in
            (0..<90).map { _ in random.chance(1, in: UInt64(2 + instance)) ? Double(random.below(200)) : 0 }
        }
        let panel = try #require(
            DemandPanel(
                instances: (0..<3).map { .numbered($0) },
                observations: series.map { values in
                    values.enumerated().map {
                        LoadObservation(second: Int64($0), gpuMemory: $1, gpuCompute: $1 / 2)
                    }
                }))
        var forecaster = RisingForecaster()
        let result = Evaluation.run(&forecaster, on: panel, origins: 20..<60)
        for (index, cell) in result.cells.enumerated() {
            var (loss, loss99, demand, covered95, count) = (0.0, 0.0, 0.0, 0.0, 0.0)
            for origin in 20..<60 {
                for instance in 0..<3 {
                    let factor = index < 6 ? 1.0 : 0.5
                    let future = series[instance][(origin + 1)...(origin + result.horizons[cell.horizon])].map {
                        $0 * factor
                    }
                    let outcome = cell.target == .peak ? future.max() ?? 0 : future.last ?? 0
                    let soFar = series[instance][0...origin].reduce(0, +) * factor
                    let panelMean =
                        series.map { $0[0...origin].reduce(0, +) * factor }.reduce(0, +) / Double(3 * (origin + 1))
                    let scale = (soFar + 60 * panelMean) / Double(origin + 1 + 60)
                    for level in [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99] {
                        let said = RisingForecaster.value(level)
                        let quantile = said < 0.05 * scale ? 0 : said
                        let pinball = max(level * (outcome - quantile), (level - 1) * (outcome - quantile))
                        loss += 2 * pinball / 11
                        if level == 0.99 { loss99 += 2 * pinball }
                        if level == 0.95, outcome <= quantile { covered95 += 1 }
                    }
                    demand += outcome
                    count += 1
                }
            }
            #expect(abs(cell.loss - loss / demand) < 1e-6)
            #expect(abs(cell.loss99 - loss99 / demand) < 1e-6)
            #expect(abs(cell.coverage95 - covered95 / count) < 1e-9)
        }
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

    /// Fewer inputs change what a forecaster is shown, and nothing of what comes true.
    @Test(arguments: PanelInputs.allCases)
    func anAblationHidesInputsAndNoOutcome(_ inputs: PanelInputs) throws {
        let observation = LoadObservation(
            second: 0, gpuMemory: 1, gpuCompute: 2, cpuMilli: 3, hostMemory: 4, networkIn: 5, networkOut: 6,
            workInFlight: 7, userIdleSeconds: 8)
        let panel = try #require(DemandPanel(instances: [.numbered(1)], observations: [[observation]]))
        let shown = panel.showing(inputs)
        let seen = shown.observations[0][0]
        #expect(seen.gpuMemory == 1 && seen.gpuCompute == 2)
        #expect(
            [seen.cpuMilli, seen.hostMemory, seen.networkIn, seen.networkOut].allSatisfy {
                ($0 == nil) == (inputs == .gpu)
            })
        #expect([seen.workInFlight, seen.userIdleSeconds].allSatisfy { ($0 == nil) == (inputs != .all) })
        #expect((shown.instances[0].application == panel.instances[0].application) == (inputs == .all))
    }

    #if !DEBUG
        /// The best of eight methods measured on the same panels, cell by cell; see the data folder's description.
        /// Nothing is fitted: the networks that ship, and what they learn on the way.
        @Test(
            .enabled(if: recordedPanelPath != nil, "PRESYNC_DATA is not set: no recorded panel to evaluate on"),
            arguments: [
                (
                    "A", [0.582, 0.588, 0.584, 0.440, 0.435, 0.379, 0.678, 0.676, 0.672, 0.567, 0.487, 0.403]
                ),
                (
                    "S", [0.559, 0.760, 0.761, 0.403, 0.514, 0.558, 0.676, 0.817, 0.817, 0.520, 0.584, 0.608]
                ),
            ])
        func everyCellIsBetterThanTheBestOfTheOthers(_ name: String, _ best: [Double]) throws {
            let path = try #require(recordedPanelPath).replacing("panel_S", with: "panel_\(name)")
            let panel = try readPanel(path, every: 1, seconds: 2_100)
            var forecaster = FleetForecaster()
            let result = Evaluation.run(&forecaster, on: panel, origins: 1_260..<2_070)
            for (cell, best) in zip(result.cells, best) {
                let isLongPoint = cell.target == .point && cell.horizon > .short
                #expect(cell.loss < (isLongPoint ? 1.01 : 1) * best, "\(cell)")
                #expect((0.945...0.970).contains(cell.coverage95), "\(cell)")
                #expect((0.987...0.995).contains(cell.coverage99), "\(cell)")
            }
        }
    #endif
}
