package import FleetModel

extension FleetForecaster {
    /// Records what there is to learn from a panel's first `seconds`: up to `perSecond` instances of each second, with
    /// their outcomes, all before `seconds`. In the order of time.
    package static func examples(
        of panel: DemandPanel, seconds: Int, perSecond: Int, networks: [QuantileNetwork] = ShippedNetworks.all,
        horizons: ForecastHorizons = .standard
    ) -> ExampleStore {
        var configuration = Configuration(
            models: [.climate, .network], sampledPerSecond: perSecond, networks: Array(networks.prefix(1)),
            learnsOnline: false)
        configuration.horizons = horizons
        var forecaster = FleetForecaster(configuration: configuration)
        forecaster.learner.record = ExampleStore(capacity: 2 * perSecond * max(seconds, 1), replacement: .oldest)
        let slots = panel.instances.map { forecaster.admit($0) }
        for second in 0..<min(seconds, panel.seconds) {
            for (index, slot) in slots.enumerated() { forecaster.observe(slot, panel.observations[index][second]) }
            _ = forecaster.forecast(slots, madeAt: .seconds(Double(second)))
        }
        return forecaster.learner.record ?? ExampleStore(capacity: 1, replacement: .oldest)
    }
}
