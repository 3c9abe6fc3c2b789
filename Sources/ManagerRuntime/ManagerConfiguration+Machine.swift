import AllocationCore
import ControlLoop
import FleetModel
import ForecastCore
import Foundation
import InterfaceCore
import Observability

extension ManagerConfiguration {
    /// How the forecaster begins where it has nothing to go on from.
    func forecasting(on algebra: any LinearAlgebra) -> FleetForecaster.Configuration {
        var forecasting = FleetForecaster.Configuration(
            networks: networks ?? ShippedNetworks.all, linearAlgebra: algebra)
        forecasting.horizons = horizons
        forecasting.localTimeOffset = Self.localTimeOffset()
        return forecasting
    }

    /// The machine of this configuration, on what the store held after it had begun a new term.
    func makeMachine(
        recovered: StoredFleet, forecaster: some Forecaster, softwareVersion: String
    ) -> ManagerMachine {
        let mode: AllocationConfiguration.Mode =
            switch policy {
            case .presync: .presync
            case .reactive: .reactive
            }
        var machine = ManagerMachineConfiguration(
            softwareVersion: softwareVersion, period: period, timeToLive: timeToLive,
            silence: max(.seconds(3), period * 3), snapshotPeriod: snapshotPeriod,
            allocation: AllocationConfiguration(mode: mode), classes: classes.isEmpty ? PriorityClass.builtIn : classes)
        machine.mode = self.mode
        machine.versionRules = interfacePins
        machine.updates = interfaceUpdates
        let now = MonotonicClock.now()
        var manager = ManagerMachine(
            configuration: machine, recovered: recovered, forecaster: forecaster, random: SystemRandomNumberGenerator(),
            now: now)
        manager.wallClockRead(WallTime(rawValue: WallClock.unixMilliseconds()), at: now)
        return manager
    }

    /// What to add to the manager's own seconds for seconds since 1970-01-01 00:00 in this host's time zone, as of now.
    private static func localTimeOffset() -> Int64 {
        let wall = Date().timeIntervalSince1970 + Double(TimeZone.current.secondsFromGMT())
        return Int64(wall) - MonotonicClock.now().rawValue / 1_000_000_000
    }
}
