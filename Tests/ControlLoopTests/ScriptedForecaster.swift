import FleetModel
import ForecastCore

/// A forecaster that says what it was told to say.
struct ScriptedForecaster: Forecaster {
    /// Shared with the scenario, which is single-threaded: the machine owns a copy of the forecaster, not of the script.
    final class Script: @unchecked Sendable {  // no lock: one thread, one test
        var onset: [InstanceID: Double] = [:]
        var memory: [InstanceID: Double] = [:]
        /// What it was told anew.
        var described: [InstanceDescription] = []
    }

    let script: Script
    var horizons = ForecastHorizons.standard
    var instances: [InstanceID] = []
    let accuracy = AccuracyOverview()

    mutating func admit(_ instance: InstanceDescription) -> ForecastSlot {
        instances.append(instance.id)
        return ForecastSlot(rawValue: instances.count - 1)
    }

    mutating func describe(_ slot: ForecastSlot, as instance: InstanceDescription) {
        script.described.append(instance)
    }

    mutating func retire(_ slot: ForecastSlot) {}

    mutating func observe(_ slot: ForecastSlot, _ observation: LoadObservation) {}

    mutating func forecast(_ slots: [ForecastSlot], madeAt: MonotonicTime) -> [DemandForecast] {
        slots.map { slot in
            var forecast = DemandForecast(madeAt: madeAt)
            let onset = Float(script.onset[instances[slot.rawValue]] ?? 0)
            forecast.onset = InlineArray(repeating: onset)
            return forecast
        }
    }

    func course(_ slot: ForecastSlot) -> DemandCourse { DemandCourse() }

    func trust(_ slot: ForecastSlot) -> ForecastTrust { ForecastTrust() }

    func amountIfDemanded(_ slot: ForecastSlot, resource: Resource, level: Double) -> Double {
        resource == .compute ? 250 : script.memory[instances[slot.rawValue]] ?? 256 * 0x1p20
    }
}
