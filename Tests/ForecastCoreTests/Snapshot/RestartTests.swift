import FleetModel
import Testing

@testable import ForecastCore

/// What a restart costs the forecasts of a recorded panel, and how much of that a snapshot saves.
@Suite struct RestartTests {
    #if !DEBUG
        /// Half a minute after the snapshot nobody watches for 3 s, as after a kill -9; then two minutes are scored.
        @Test(.enabled(if: recordedPanelPath != nil, "PRESYNC_DATA is not set: no recorded panel to evaluate on"))
        func aSnapshotSavesNearlyAllThatARestartCosts() throws {
            let path = try #require(recordedPanelPath).replacing("panel_S", with: "panel_A")
            let panel = try readPanel(path, every: 1, seconds: 1_600)
            var losses: [Start: Double] = [:]
            var forecaster = FleetForecaster()
            let slots = panel.instances.map { forecaster.admit($0) }
            for second in 0..<1_420 {
                observe(second, of: panel, slots, &forecaster)
                guard second == 1_230 || second == 1_380 else { continue }
                var uninterrupted = forecaster
                for missed in 1...33 { observe(second + missed, of: panel, slots, &uninterrupted) }
                // Those that come back have what is known of them, and lie where the evaluation wants them.
                for slot in slots { uninterrupted.retire(slot) }
                let after = try #require(
                    DemandPanel(
                        instances: panel.instances,
                        observations: panel.observations.map { Array($0[(second + 34)..<(second + 34 + 150)]) }))
                for start in Start.allCases {
                    var started = try start.forecaster(after: forecaster, uninterrupted)
                    losses[start, default: 0] += Evaluation.run(&started, on: after, origins: 0..<120).meanLoss / 2
                }
            }
            for start in Start.allCases {
                print("wQL in the 120 s after a restart, \(start): \(losses[start] ?? .nan)")
            }
            let loss = Start.allCases.map { losses[$0] ?? .infinity }
            #expect(loss[Start.whole.rawValue] < 1.02 * loss[Start.uninterrupted.rawValue])
            #expect(loss[Start.whole.rawValue] < 0.92 * loss[Start.nothing.rawValue])
        }
    #endif

    /// What a forecaster starts with.
    private enum Start: Int, CaseIterable {
        case nothing, withoutHistories, whole, uninterrupted

        func forecaster(after former: FleetForecaster, _ uninterrupted: FleetForecaster) throws -> FleetForecaster {
            var snapshot = try #require(former.snapshot())
            switch self {
            case .nothing: return FleetForecaster()
            case .uninterrupted: return uninterrupted
            case .whole: break
            case .withoutHistories: snapshot.instances = []
            }
            return try FleetForecaster(snapshot: snapshot.encoded())
        }
    }

    private func observe(
        _ second: Int, of panel: DemandPanel, _ slots: [ForecastSlot], _ forecaster: inout FleetForecaster
    ) {
        for (index, slot) in slots.enumerated() { forecaster.observe(slot, panel.observations[index][second]) }
        _ = forecaster.forecast(slots, madeAt: .zero)
    }
}
