import FleetModel
import ForecastCore

/// What is forecast of each instance, by the slot that the forecaster gave it.
///
/// It stands beside the instances' records because it is most of what is known of one (about 700 bytes), is written once a
/// step, and is read in part, while the records are copied and moved many times a step.
struct ForecastTable: Sendable {
    private var forecasts: [DemandForecast?] = []

    /// Nil before the first forecast of the instance in `slot`.
    subscript(slot: ForecastSlot) -> DemandForecast? {
        get { forecasts.indices.contains(slot.rawValue) ? forecasts[slot.rawValue] : nil }
        set {
            while forecasts.count <= slot.rawValue { forecasts.append(nil) }
            forecasts[slot.rawValue] = newValue
        }
    }

    /// Whether there is a forecast of the instance in `slot`.
    func hasForecast(of slot: ForecastSlot) -> Bool {
        forecasts.indices.contains(slot.rawValue) && forecasts[slot.rawValue] != nil
    }

    /// The probabilities that demand of the instance in `slot` begins; 0 before its first forecast.
    func onset(of slot: ForecastSlot) -> InlineArray<3, Float> {
        guard forecasts.indices.contains(slot.rawValue) else { return InlineArray(repeating: 0) }
        return forecasts[slot.rawValue]?.onset ?? InlineArray(repeating: 0)
    }

    /// One curve of the instance in `slot`; nil before its first forecast.
    func curve(
        of slot: ForecastSlot, _ resource: Resource, _ target: ForecastTarget, _ horizon: ForecastHorizon
    ) -> QuantileCurve? {
        guard forecasts.indices.contains(slot.rawValue) else { return nil }
        return forecasts[slot.rawValue]?.curve(resource, target, horizon)
    }
}
