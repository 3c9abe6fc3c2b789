/// How the networks that ship come about: synthetic fleets, each forecast by the engine while its examples are recorded,
/// then two networks trained on them. Equal settings give equal networks.
///
/// Call ``step()`` until it returns nil; `presync-bench train-networks` does, and writes the result.
package struct ShippedTraining: Sendable {
    package struct Configuration: Hashable, Sendable {
        package var fleets: Int
        package var seconds: Int
        package var examplesPerSecond: Int
        package var epochs: Int
        package var firstSeed: UInt64

        package init(
            fleets: Int = 192, seconds: Int = 900, examplesPerSecond: Int = 10, epochs: Int = 8,
            firstSeed: UInt64 = 1_000
        ) {
            self.fleets = fleets
            self.seconds = seconds
            self.examplesPerSecond = examplesPerSecond
            self.epochs = epochs
            self.firstSeed = firstSeed
        }
    }

    package enum Progress: Hashable, Sendable {
        case recorded(fleet: Int, examples: Int, heldOut: Int)
        case trained(network: Int, NetworkTrainer.Progress)
    }

    /// The companion looks at nothing but the instance itself: what types do together is learned from few events, and a
    /// network that cannot mistake them is worth having.
    private static let ignored = [0..<0, FeatureVector.ofType]
    /// One fleet in so many is kept out of the training.
    private static let heldOutEvery = 12

    private let configuration: Configuration
    private var examples = ExampleStore(capacity: 4_000_000, replacement: .oldest)
    private var heldOut = ExampleStore(capacity: 400_000, replacement: .oldest)
    private var fleetsDone = 0
    private var trainer: NetworkTrainer?
    /// The networks that are done.
    package private(set) var networks: [QuantileNetwork] = []

    package init(configuration: Configuration = Configuration()) { self.configuration = configuration }

    /// Records one fleet, or trains one epoch; nil when both networks are done.
    package mutating func step() -> Progress? {
        guard fleetsDone == configuration.fleets else { return recordFleet() }
        while networks.count < 2 {
            let seed = UInt64(networks.count + 1)
            var current =
                trainer
                ?? NetworkTrainer(
                    QuantileNetwork(ignored: Self.ignored[networks.count], seed: seed), examples: examples,
                    heldOut: heldOut,
                    configuration: .init(epochs: configuration.epochs, seed: seed))
            trainer = nil
            if let progress = current.epoch() {
                trainer = current
                return .trained(network: networks.count, progress)
            }
            networks.append(current.best)
        }
        return nil
    }

    private mutating func recordFleet() -> Progress {
        let seed = configuration.firstSeed + UInt64(fleetsDone)
        if let panel = SyntheticFleet.panel(seed: seed, seconds: configuration.seconds) {
            let recorded = FleetForecaster.examples(
                of: panel, seconds: configuration.seconds, perSecond: configuration.examplesPerSecond,
                networks: [QuantileNetwork(hidden: [8, 8], seed: 1)])
            // What is known in the first seconds says little.
            if fleetsDone % Self.heldOutEvery == Self.heldOutEvery - 1 {
                heldOut.add(recorded, from: recorded.count / 20, to: recorded.count)
            } else {
                examples.add(recorded, from: recorded.count / 20, to: recorded.count)
            }
        }
        fleetsDone += 1
        return .recorded(fleet: fleetsDone, examples: examples.count, heldOut: heldOut.count)
    }
}
