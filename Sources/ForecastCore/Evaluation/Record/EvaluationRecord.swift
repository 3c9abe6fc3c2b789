package import FleetModel

/// What a report draws of one method's evaluation, collected while it runs. Bounded, whatever the length of the panel.
package struct EvaluationRecord: Hashable, Sendable {
    package private(set) var calibration = CalibrationRecord()
    package private(set) var losses: LossRecord
    /// The busiest instance, one in the middle and the rarest: see ``DemandPanel/instancesByRank(within:)``.
    package private(set) var instances: [InstanceRecord]
    /// Empty unless ``watch(_:at:)`` was called.
    package private(set) var weights: WeightRecord

    /// A record of an evaluation on `panel` at these origins, every `step` seconds; fans are of `horizon`.
    package init(
        panel: DemandPanel, origins: Range<Int>, step: Int, horizon: ForecastHorizon,
        horizons: ForecastHorizons = .standard
    ) {
        losses = LossRecord(origins: origins, step: step)
        instances = InstanceRecord.all(
            of: panel, origins: origins, step: step, horizon: horizon, ahead: horizons[horizon])
        weights = WeightRecord(until: origins.upperBound)
    }

    /// Takes in one forecast; they come by ascending origin.
    package mutating func count(_ forecast: ScoredForecast) {
        calibration.count(forecast)
        losses.count(forecast)
        for index in instances.indices { instances[index].count(forecast) }
    }

    /// Takes in what the engine's models count before it is shown `second`.
    package mutating func watch(_ engine: FleetForecaster, at second: Int) { weights.watch(engine, at: second) }
}
