package import FleetModel

/// Fits networks to recorded panels: `presync forecast train`, and the part before `--train-until` of an evaluation.
///
/// The engine runs over each panel with nothing learned, its examples are recorded in the order of time, the last part
/// of each panel is held out, and each network is trained from where it stands. Call ``step()`` until it returns nil.
/// A fit of 64 instances and 1,260 s takes some seconds.
package struct NetworkFit: Sendable {
    package struct Configuration: Hashable, Sendable {
        package var epochs = 6
        package var rate: Float = 1e-3
        /// The last part of each panel's examples that is held out.
        package var heldOutShare = 0.15
        /// Up to so many instances of each second are learned from.
        package var examplesPerSecond = 64
        /// How far ahead the networks are to look; they begin as ``QuantileNetwork/looking(ahead:)`` says.
        package var horizons = ForecastHorizons.standard

        package init() {}
    }

    package enum Progress: Hashable, Sendable {
        case recorded(examples: Int, heldOut: Int)
        case trained(network: Int, NetworkTrainer.Progress)
    }

    /// Seconds around the held-out part that go into neither, so that no outcome lies in both.
    private static let distance = 32

    private let configuration: Configuration
    private let algebra: any LinearAlgebra
    private var panels: [(panel: DemandPanel, seconds: Int)]
    private var examples: ExampleStore
    private var heldOut: ExampleStore
    private var trainer: NetworkTrainer?
    private var waiting: [QuantileNetwork]
    /// The networks that are done.
    package private(set) var networks: [QuantileNetwork] = []

    /// A fit to the first `seconds` of each panel, or all of them.
    package init(
        panels: [DemandPanel], seconds: Int? = nil, from networks: [QuantileNetwork] = ShippedNetworks.all,
        configuration: Configuration = Configuration(), algebra: any LinearAlgebra = PortableLinearAlgebra()
    ) {
        self.configuration = configuration
        self.algebra = algebra
        self.panels = panels.map { ($0, min(seconds ?? $0.seconds, $0.seconds)) }
        waiting = networks.map { $0.looking(ahead: configuration.horizons) }
        let room = self.panels.reduce(1) { $0 + $1.seconds * configuration.examplesPerSecond * 2 }
        examples = ExampleStore(capacity: room, replacement: .oldest)
        heldOut = ExampleStore(capacity: room, replacement: .oldest)
    }

    /// Records one panel, or trains one epoch; nil when all networks are done.
    package mutating func step() -> Progress? {
        if let next = panels.first {
            panels.removeFirst()
            record(next.panel, seconds: next.seconds)
            return .recorded(examples: examples.count, heldOut: heldOut.count)
        }
        while trainer != nil || !waiting.isEmpty {
            var current =
                trainer
                ?? NetworkTrainer(
                    waiting.removeFirst(), examples: examples, heldOut: heldOut,
                    configuration: .init(
                        epochs: configuration.epochs, rate: configuration.rate, seed: UInt64(networks.count + 5)),
                    algebra: algebra)
            trainer = nil
            if let progress = current.epoch() {
                trainer = current
                return .trained(network: networks.count, progress)
            }
            networks.append(current.best)
        }
        return nil
    }

    private mutating func record(_ panel: DemandPanel, seconds: Int) {
        let recorded = FleetForecaster.examples(
            of: panel, seconds: seconds, perSecond: configuration.examplesPerSecond, networks: waiting,
            horizons: configuration.horizons)
        let end = Int(Double(recorded.count) * (1 - configuration.heldOutShare))
        let distance = Self.distance * recorded.count / max(seconds, 1)
        // What is known in the first seconds says little.
        examples.add(recorded, from: recorded.count / 30, to: end)
        heldOut.add(recorded, from: min(end + distance, recorded.count), to: recorded.count)
    }
}
