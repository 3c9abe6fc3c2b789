import FleetModel
import Observability
import Testing

@testable import ManagerRuntime

struct ForecastMetricsTests {
    private let accuracy = AccuracyOverview(
        sampled: 7, scored: 84, weightedQuantileLoss: 0.5, lossAgainstClimate: 0.75, coverage80: 0.875,
        cells: [
            .init(
                resource: .memory, target: .peak, horizon: .long, weightedQuantileLoss: 0.25, lossAgainstClimate: 0.5,
                coverage90: 0.875, coverage95: 0.9375, coverage99: 1),
            .init(resource: .compute, target: .point, horizon: .short),
        ],
        applications: [
            .init(
                application: ApplicationType(unchecked: "chat"),
                trust: ForecastTrust(scored: 3, lossAgainstClimate: 0.625, coverage95: 0.75))
        ], promotions: 4, rollbacks: 2)

    @Test func everyFigureIsASeriesWithItsNames() async {
        let registry = MetricsRegistry()
        ForecastMetrics(registry: registry).set(accuracy)
        let lines = await registry.exposition().split(separator: "\n").filter {
            !$0.hasPrefix("#") && !$0.hasPrefix("presync_metrics")
        }
        let cell = #"resource="memory",target="peak"}"#
        #expect(
            lines == [
                #"presync_forecast_application_coverage_ratio{application="chat",level="0.95"} 0.75"#,
                #"presync_forecast_application_loss_against_climate_ratio{application="chat"} 0.625"#,
                #"presync_forecast_cell_coverage_ratio{horizon_seconds="30",level="0.9",\#(cell) 0.875"#,
                #"presync_forecast_cell_coverage_ratio{horizon_seconds="30",level="0.95",\#(cell) 0.9375"#,
                #"presync_forecast_cell_coverage_ratio{horizon_seconds="30",level="0.99",\#(cell) 1"#,
                #"presync_forecast_cell_loss_against_climate_ratio{horizon_seconds="30",\#(cell) 0.5"#,
                #"presync_forecast_cell_weighted_quantile_loss_ratio{horizon_seconds="30",\#(cell) 0.25"#,
                #"presync_forecast_coverage_ratio{interval="0.8"} 0.875"#,
                "presync_forecast_loss_against_climate_ratio 0.75",
                #"presync_forecast_network_switches_total{kind="promotion"} 4"#,
                #"presync_forecast_network_switches_total{kind="rollback"} 2"#,
                "presync_forecast_weighted_quantile_loss_ratio 0.5", "presync_forecasts_sampled_total 7",
                "presync_forecasts_scored_total 84",
            ])
    }
}
