import FleetModel
import ForecastCore

/// Says the same of everything: quantiles that rise with the level.
struct RisingForecaster: Forecaster {
    let horizons: ForecastHorizons
    private var count = 0

    init(horizons: ForecastHorizons = .standard) { self.horizons = horizons }

    static func value(_ level: Double) -> Double { Double(Float(150 * (level - 0.35))) }

    var accuracy: AccuracyOverview { AccuracyOverview() }
    func course(_ slot: ForecastSlot) -> DemandCourse { DemandCourse() }
    func trust(_ slot: ForecastSlot) -> ForecastTrust { ForecastTrust() }

    mutating func admit(_ instance: InstanceDescription) -> ForecastSlot {
        count += 1
        return ForecastSlot(rawValue: count - 1)
    }

    mutating func retire(_ slot: ForecastSlot) {}
    mutating func observe(_ slot: ForecastSlot, _ observation: LoadObservation) {}

    mutating func forecast(_ slots: [ForecastSlot], madeAt: MonotonicTime) -> [DemandForecast] {
        slots.map { _ in
            var forecast = DemandForecast(madeAt: madeAt, horizons: horizons)
            for curve in 0..<DemandForecast.curveCount {
                forecast.curves[curve] = QuantileCurve { Self.value(QuantileLevels.all[$0]) }
            }
            return forecast
        }
    }

    func amountIfDemanded(_ slot: ForecastSlot, resource: Resource, level: Double) -> Double { 0 }
}
