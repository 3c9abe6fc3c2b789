import FleetModel
import Observability

/// How good the forecasts were, taken from an overview: of the fleet, by cell (resource, target and horizon), and by
/// application type.
struct ForecastMetrics: Sendable {
    private let sampled: MetricCounter
    private let scored: MetricCounter
    private let switches: MetricCounter
    private let coverage: MetricGauge
    private let loss: MetricGauge
    private let lossAgainstClimate: MetricGauge
    private let cellLoss: MetricGauge
    private let cellLossAgainstClimate: MetricGauge
    private let cellCoverage: MetricGauge
    private let applicationLossAgainstClimate: MetricGauge
    private let applicationCoverage: MetricGauge

    init(registry: MetricsRegistry) {
        sampled = registry.counter("presync_forecasts_sampled_total", help: "Forecasts kept to be scored.")
        scored = registry.counter("presync_forecasts_scored_total", help: "Forecasts compared with what came.")
        switches = registry.counter(
            "presync_forecast_network_switches_total",
            help: "Networks that took the place of the one in service (promotion), or were set back (rollback).")
        coverage = registry.gauge("presync_forecast_coverage_ratio", help: "Share of outcomes within the interval.")
        loss = registry.gauge("presync_forecast_weighted_quantile_loss_ratio", help: "Mean weighted quantile loss.")
        lossAgainstClimate = registry.gauge(
            "presync_forecast_loss_against_climate_ratio", help: "Loss over that of the climate: below 1 is better.")
        cellLoss = registry.gauge(
            "presync_forecast_cell_weighted_quantile_loss_ratio", help: "Weighted quantile loss of a cell.")
        cellLossAgainstClimate = registry.gauge(
            "presync_forecast_cell_loss_against_climate_ratio", help: "Loss of a cell over that of the climate.")
        cellCoverage = registry.gauge(
            "presync_forecast_cell_coverage_ratio", help: "Share of outcomes of a cell not above the quantile.")
        applicationLossAgainstClimate = registry.gauge(
            "presync_forecast_application_loss_against_climate_ratio",
            help: "Loss of an application type over that of the climate.")
        applicationCoverage = registry.gauge(
            "presync_forecast_application_coverage_ratio",
            help: "Share of outcomes of an application type not above the quantile.")
    }

    /// O(cells + application types)
    func set(_ accuracy: AccuracyOverview) {
        sampled.raise(to: Double(accuracy.sampled))
        scored.raise(to: Double(accuracy.scored))
        switches.raise(to: Double(accuracy.promotions), ["kind": "promotion"])
        switches.raise(to: Double(accuracy.rollbacks), ["kind": "rollback"])
        if let share = accuracy.coverage80 { coverage.set(share, ["interval": "0.8"]) }
        if let share = accuracy.coverage95 { coverage.set(share, ["interval": "0.95"]) }
        if let value = accuracy.weightedQuantileLoss { loss.set(value) }
        if let value = accuracy.lossAgainstClimate { lossAgainstClimate.set(value) }
        for cell in accuracy.cells { set(cell, seconds: accuracy.horizons[cell.horizon]) }
        for one in accuracy.applications { set(one) }
    }

    private func set(_ cell: AccuracyOverview.Cell, seconds: Int) {
        let names = [
            ("resource", String(describing: cell.resource)), ("target", String(describing: cell.target)),
            ("horizon_seconds", String(seconds)),
        ]
        if let value = cell.weightedQuantileLoss { cellLoss.set(value, MetricLabels(names)) }
        if let value = cell.lossAgainstClimate { cellLossAgainstClimate.set(value, MetricLabels(names)) }
        for (level, share) in [("0.9", cell.coverage90), ("0.95", cell.coverage95), ("0.99", cell.coverage99)] {
            if let share { cellCoverage.set(share, MetricLabels(names + [("level", level)])) }
        }
    }

    private func set(_ one: AccuracyOverview.Application) {
        let name = ("application", one.application.rawValue)
        if let value = one.trust.lossAgainstClimate { applicationLossAgainstClimate.set(value, MetricLabels([name])) }
        if let share = one.trust.coverage95 {
            applicationCoverage.set(share, MetricLabels([name, ("level", "0.95")]))
        }
    }
}
