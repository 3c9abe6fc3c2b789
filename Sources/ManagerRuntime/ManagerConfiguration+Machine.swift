import AllocationCore
import ControlLoop
import FleetModel
import ForecastCore
import Observability

extension ManagerConfiguration {
    /// The machine of this configuration, on what the store held after it had begun a new term. `tap` is shown what
    /// the machine learns of instances.
    func makeMachine(recovered: StoredFleet, softwareVersion: String, tap: TelemetryTap) -> ManagerMachine {
        let mode: AllocationConfiguration.Mode =
            switch policy {
            case .presync: .presync
            case .reactive: .reactive
            }
        let machine = ManagerMachineConfiguration(
            softwareVersion: softwareVersion, period: period, timeToLive: timeToLive,
            silence: max(.seconds(3), period * 3),
            allocation: AllocationConfiguration(mode: mode), classes: classes.isEmpty ? PriorityClass.builtIn : classes)
        let forecaster = FleetForecaster(configuration: FleetForecaster.Configuration(networks: networks))
        return ManagerMachine(
            configuration: machine, recovered: recovered, forecaster: TappedForecaster(forecaster, tap),
            random: SystemRandomNumberGenerator(), now: MonotonicClock.now())
    }
}
