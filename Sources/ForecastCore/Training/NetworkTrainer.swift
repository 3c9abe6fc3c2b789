import Determinism
import FleetModel

/// Trains one network on recorded examples: epochs over shuffled batches, a rate that falls along a cosine (Loshchilov
/// and Hutter, "SGDR", ICLR 2017), and a held-out part that says when to stop.
///
/// Call ``epoch()`` until it returns nil; ``best`` is the network with the least loss on the held-out part so far.
package struct NetworkTrainer: Sendable {
    package struct Configuration: Hashable, Sendable {
        package var epochs: Int
        package var batch: Int
        package var rate: Float
        /// Training ends after so many epochs without a better network.
        package var patience: Int
        package var seed: UInt64

        package init(epochs: Int = 12, batch: Int = 512, rate: Float = 2e-3, patience: Int = 4, seed: UInt64 = 1) {
            self.epochs = epochs
            self.batch = batch
            self.rate = rate
            self.patience = patience
            self.seed = seed
        }
    }

    /// How an epoch went: losses in units of the mean demand, comparable between epochs.
    package struct Progress: Hashable, Sendable {
        package let epoch: Int
        package let trainingLoss: Double
        package let heldOutLoss: Double
        /// On the held-out part, before the first epoch; infinite where nothing is held out.
        package let firstLoss: Double
        package let isBest: Bool
    }

    private let configuration: Configuration
    private let algebra: any LinearAlgebra
    private let examples: ExampleStore
    private let heldOut: ExampleStore
    private let units: InlineArray<12, Float>
    private var network: QuantileNetwork
    private var optimizer = NetworkOptimizer()
    private var random: SeededGenerator
    private var order: [Int]
    private var batch = TrainingBatch()
    private var epochsDone = 0
    private var steps = 0
    private var firstLoss: Double
    private var bestLoss: Double
    private var bestEpoch = 0
    /// The best network so far; at first the one to begin from.
    package private(set) var best: QuantileNetwork

    package init(
        _ network: QuantileNetwork, examples: ExampleStore, heldOut: ExampleStore,
        configuration: Configuration = Configuration(), algebra: any LinearAlgebra = PortableLinearAlgebra()
    ) {
        self.configuration = configuration
        self.algebra = algebra
        self.examples = examples
        self.heldOut = heldOut
        self.network = network
        best = network
        units = examples.units()
        random = SeededGenerator(seed: configuration.seed)
        order = Array(0..<examples.count)
        firstLoss = .infinity
        bestLoss = .infinity
        if heldOut.count > 0 { firstLoss = heldOutLoss() }
        bestLoss = firstLoss
    }

    /// Goes through all examples once. O(examples × parameters).
    ///
    /// - Returns: how it went; nil when training is over.
    package mutating func epoch() -> Progress? {
        guard epochsDone < configuration.epochs, epochsDone - bestEpoch < configuration.patience, !order.isEmpty else {
            return nil
        }
        epochsDone += 1
        order.shuffle(using: &random)
        let batches = max(1, order.count / configuration.batch)
        var sum = 0.0
        for number in 0..<batches {
            batch.removeAll()
            let first = number * configuration.batch
            for index in first..<min(first + configuration.batch, order.count) {
                batch.append(examples, order[index], units: units)
            }
            steps += 1
            let rate = rate(at: Double(steps) / Double(batches * configuration.epochs))
            sum += Double(optimizer.step(&network, on: batch, rate: rate, using: algebra))
        }
        // With nothing held out, the training itself must do.
        let loss = heldOut.count > 0 ? heldOutLoss() : sum / Double(batches)
        let isBest = loss < bestLoss
        if isBest {
            bestLoss = loss
            bestEpoch = epochsDone
            best = network
        }
        return Progress(
            epoch: epochsDone, trainingLoss: sum / Double(batches), heldOutLoss: loss, firstLoss: firstLoss,
            isBest: isBest)
    }

    /// Rises over the first 100 steps, then falls along half a cosine to 2 % of its greatest. `share` is how much is done.
    private func rate(at share: Double) -> Float {
        // cos(πx) to 1e-3 by Bhaskara's approximation, which suffices for a schedule.
        let x = min(max(share, 0), 1)
        let distance = x < 0.5 ? x : 1 - x
        let cosine = (1 - 4 * distance * distance) / (1 + distance * distance)
        let wave = x < 0.5 ? cosine : -cosine
        return configuration.rate * min(1, Float(steps) / 100) * Float(0.02 + 0.49 * (1 + wave))
    }

    /// The network's loss on what is held out, of which there is some.
    private mutating func heldOutLoss() -> Double {
        var sum = 0.0
        for first in stride(from: 0, to: heldOut.count, by: configuration.batch) {
            batch.removeAll()
            for index in first..<min(first + configuration.batch, heldOut.count) {
                batch.append(heldOut, index, units: units)
            }
            sum += Double(optimizer.loss(network, on: batch, using: algebra)) * Double(batch.rows)
        }
        return sum / Double(heldOut.count)
    }
}
