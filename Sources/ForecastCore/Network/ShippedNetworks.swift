/// The networks that ship with Presync: trained by ``ShippedTraining`` on fleets that ``SyntheticFleet`` draws, and on
/// nothing else.
package enum ShippedNetworks {
    /// For ``ForecastModel/network`` and ``ForecastModel/companion``.
    package static let all: [QuantileNetwork] = {
        do {
            return try NetworkFile.networks(of: shippedNetworkText)
        } catch {
            preconditionFailure("the networks that ship cannot be read: \(error)")
        }
    }()
}
