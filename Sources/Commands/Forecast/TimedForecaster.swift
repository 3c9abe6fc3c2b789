import FleetModel
import ForecastCore

/// A forecaster, and the time that its work takes.
struct TimedForecaster<Base: Forecaster>: Forecaster {
    var base: Base
    private var spent = Duration.zero
    private var forecasts = 0

    init(_ base: Base) { self.base = base }

    var horizons: ForecastHorizons { base.horizons }

    /// Observing, forecasting, scoring and learning, over all forecasts made: one is an instance, resource, target and
    /// horizon, with all its quantiles.
    var microsecondsPerForecast: Double { spent.inSeconds * 1e6 / Double(max(forecasts, 1)) }

    mutating func admit(_ instance: InstanceDescription) -> ForecastSlot { base.admit(instance) }
    mutating func retire(_ slot: ForecastSlot) { base.retire(slot) }

    mutating func observe(_ slot: ForecastSlot, _ observation: LoadObservation) {
        let begin = ContinuousClock.now
        base.observe(slot, observation)
        spent += ContinuousClock.now - begin
    }

    mutating func forecast(_ slots: [ForecastSlot], madeAt: MonotonicTime) -> [DemandForecast] {
        let begin = ContinuousClock.now
        let made = base.forecast(slots, madeAt: madeAt)
        spent += ContinuousClock.now - begin
        forecasts += made.count * DemandForecast.curveCount
        return made
    }

    func amountIfDemanded(_ slot: ForecastSlot, resource: Resource, level: Double) -> Double {
        base.amountIfDemanded(slot, resource: resource, level: level)
    }

    func course(_ slot: ForecastSlot) -> DemandCourse { base.course(slot) }
    func trust(_ slot: ForecastSlot) -> ForecastTrust { base.trust(slot) }
    var accuracy: AccuracyOverview { base.accuracy }
}
