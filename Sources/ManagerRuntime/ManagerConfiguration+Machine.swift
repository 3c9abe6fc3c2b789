import AllocationCore
import ControlLoop
import FleetModel
import ForecastCore
import Observability

extension ManagerConfiguration {
    /// How the forecaster begins where it has nothing to go on from.
    var forecasting: FleetForecaster.Configuration { .init(networks: networks ?? ShippedNetworks.all) }

    /// The machine of this configuration, on what the store held after it had begun a new term.
    func makeMachine(
        recovered: StoredFleet, forecaster: some Forecaster, softwareVersion: String
    ) -> ManagerMachine {
        let mode: AllocationConfiguration.Mode =
            switch policy {
            case .presync: .presync
            case .reactive: .reactive
            }
        let machine = ManagerMachineConfiguration(
            softwareVersion: softwareVersion, period: period, timeToLive: timeToLive,
            silence: max(.seconds(3), period * 3), snapshotPeriod: snapshotPeriod,
            allocation: AllocationConfiguration(mode: mode), classes: classes.isEmpty ? PriorityClass.builtIn : classes)
        return ManagerMachine(
            configuration: machine, recovered: recovered, forecaster: forecaster, random: SystemRandomNumberGenerator(),
            now: MonotonicClock.now())
    }
}
