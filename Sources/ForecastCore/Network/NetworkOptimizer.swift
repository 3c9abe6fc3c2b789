import FleetModel

/// What a network learns from: the features of instances at past seconds, and what then came.
struct TrainingBatch: Sendable {
    private(set) var rows = 0
    /// Rows of ``FeatureVector/count``.
    var features: [Float] = []
    /// Rows of 12 outcomes in units of the instance's scale.
    var outcomes: [Float] = []
    /// Rows of 12 weights: what one unit of scale is worth in units of the fleet's mean outcome.
    var weights: [Float] = []

    mutating func removeAll() {
        rows = 0
        features.removeAll(keepingCapacity: true)
        outcomes.removeAll(keepingCapacity: true)
        weights.removeAll(keepingCapacity: true)
    }

    mutating func append(_ store: ExampleStore, _ index: Int, units: InlineArray<12, Float>) {
        rows += 1
        store.copyFeatures(index, into: &features)
        for curve in 0..<DemandForecast.curveCount {
            outcomes.append(store.outcome(index, curve))
            weights.append(store.scale(index, curve) * units[curve])
        }
    }
}

/// Stochastic gradient descent on the pinball loss, with Adam (Kingma and Ba, ICLR 2015) and decoupled weight decay
/// (Loshchilov and Hutter, ICLR 2019).
struct NetworkOptimizer: Sendable {
    /// How much a quantile below 0 counts as below 0: a little, so that one that should be above still learns.
    private static let leak: Float = 0.02
    private static let decay: Float = 1e-3

    private var gradient: [Float] = []
    private var first: [Float] = []
    private var second: [Float] = []
    private var biasFirst: Float = 1
    private var biasSecond: Float = 1
    private var tile: NetworkTile?
    private var backward: [[Float]] = []

    /// One step on a batch. A batch without finite loss changes nothing.
    ///
    /// - Returns: the batch's loss before the step, comparable between batches: the mean over curves of the weighted sum
    ///   of pinball losses.
    mutating func step(
        _ network: inout QuantileNetwork, on batch: TrainingBatch, rate: Float, using algebra: some LinearAlgebra
    ) -> Float {
        let loss = loss(network, on: batch, using: algebra)
        guard batch.rows > 0, loss.isFinite else { return loss }
        gradient.withUnsafeMutableBufferPointer { $0.update(repeating: 0) }
        propagate(network, rows: batch.rows, using: algebra)
        apply(to: &network, rate: rate)
        return loss
    }

    /// The loss of a batch, without learning from it.
    mutating func loss(_ network: QuantileNetwork, on batch: TrainingBatch, using algebra: some LinearAlgebra) -> Float
    {
        guard batch.rows > 0 else { return 0 }
        var tile = forward(network, batch, using: algebra)
        let loss = outputGradient(&tile, batch)
        self.tile = tile
        return loss
    }

    /// The derivative of a batch's loss by each parameter.
    mutating func gradient(
        of network: QuantileNetwork, on batch: TrainingBatch, using algebra: some LinearAlgebra
    ) -> [Float] {
        guard loss(network, on: batch, using: algebra).isFinite else { return [] }
        gradient.withUnsafeMutableBufferPointer { $0.update(repeating: 0) }
        propagate(network, rows: batch.rows, using: algebra)
        return gradient
    }

    private mutating func forward(
        _ network: QuantileNetwork, _ batch: TrainingBatch, using algebra: some LinearAlgebra
    ) -> NetworkTile {
        let widths = network.widths
        var tile = self.tile ?? NetworkTile(capacity: batch.rows, hidden: network.hidden)
        self.tile = nil
        if tile.capacity < batch.rows || gradient.count != network.parameters.count {
            tile = NetworkTile(capacity: batch.rows, hidden: network.hidden)
            backward = widths.map { [Float](repeating: 0, count: $0 * batch.rows) }
        }
        if gradient.count != network.parameters.count {
            gradient = [Float](repeating: 0, count: network.parameters.count)
            first = gradient
            second = gradient
        }
        tile.layers[0].replaceSubrange(0..<batch.features.count, with: batch.features)
        tile.run(network, rows: batch.rows, using: algebra)
        return tile
    }

    /// Fills the last of `backward` with the derivative of the loss by each output.
    private mutating func outputGradient(_ tile: inout NetworkTile, _ batch: TrainingBatch) -> Float {
        let width = QuantileNetwork.outputCount
        let last = tile.layers.count - 1
        let share = 1 / Float(batch.rows * DemandForecast.curveCount)
        var total: Float = 0
        tile.layers[last].withUnsafeBufferPointer { outputs in
            backward[last].withUnsafeMutableBufferPointer { gradients in
                for row in 0..<batch.rows {
                    var index = row * width
                    for curve in 0..<DemandForecast.curveCount {
                        let outcome = batch.outcomes[row * DemandForecast.curveCount + curve]
                        let weight = batch.weights[row * DemandForecast.curveCount + curve] * share
                        for level in 0..<QuantileLevels.count {
                            let output = outputs[index]
                            let value = output > 0 ? output : Self.leak * output
                            let wanted = Self.levels[level]
                            let slope: Float = outcome > value ? -wanted : outcome < value ? 1 - wanted : 0
                            let factor = weight * Self.importance[level]
                            total += factor * slope * (value - outcome)
                            gradients[index] = factor * slope * (output > 0 ? 1 : Self.leak)
                            index += 1
                        }
                    }
                    for padding in index..<((row + 1) * width) { gradients[padding] = 0 }
                }
            }
        }
        return total
    }

    private static let levels: InlineArray<13, Float> = InlineArray { Float(QuantileLevels.all[$0]) }
    /// The levels that are not scored count half.
    private static let importance: InlineArray<13, Float> = InlineArray { $0 == 0 || $0 == 11 ? 0.5 : 1 }

    private mutating func propagate(_ network: QuantileNetwork, rows: Int, using algebra: some LinearAlgebra) {
        guard let tile else { return }
        let widths = network.widths
        for layer in (0..<(widths.count - 1)).reversed() {
            let (weights, biases) = network.offsets(ofLayer: layer)
            let (inputs, outputs) = (widths[layer], widths[layer + 1])
            tile.layers[layer].withUnsafeBufferPointer { values in
                gradient.withUnsafeMutableBufferPointer { gradient in
                    backward[layer + 1].withUnsafeBufferPointer { upper in
                        guard let values = values.baseAddress, let all = gradient.baseAddress,
                            let upper = upper.baseAddress
                        else { return }
                        algebra.multiplyTransposed(
                            values, upper, into: all + weights, rows: inputs, inner: rows, columns: outputs)
                        for row in 0..<rows {
                            for output in 0..<outputs { all[biases + output] += upper[row * outputs + output] }
                        }
                    }
                }
            }
            guard layer > 0 else { return }
            spread(network, layer: layer, weights: weights, rows: rows, tile: tile, using: algebra)
        }
    }

    /// Carries the gradient of a layer's outputs to its inputs, through the rectifier that made them.
    private mutating func spread(
        _ network: QuantileNetwork, layer: Int, weights: Int, rows: Int, tile: NetworkTile,
        using algebra: some LinearAlgebra
    ) {
        let (inputs, outputs) = (network.widths[layer], network.widths[layer + 1])
        let upper = backward[layer + 1]
        upper.withUnsafeBufferPointer { upper in
            backward[layer].withUnsafeMutableBufferPointer { lower in
                network.parameters.withUnsafeBufferPointer { parameters in
                    guard let upper = upper.baseAddress, let result = lower.baseAddress,
                        let all = parameters.baseAddress
                    else { return }
                    result.update(repeating: 0, count: rows * inputs)
                    algebra.multiplyByTransposed(
                        upper, all + weights, into: result, rows: rows, inner: outputs, columns: inputs)
                    for index in 0..<(rows * inputs) where tile.layers[layer][index] <= 0 { result[index] = 0 }
                }
            }
        }
    }

    private mutating func apply(to network: inout QuantileNetwork, rate: Float) {
        biasFirst *= 0.9
        biasSecond *= 0.999
        let (one, two) = (1 / (1 - biasFirst), 1 / (1 - biasSecond))
        let kept = 1 - rate * Self.decay
        let count = gradient.count
        for weight in network.ignoredWeights { gradient[weight] = 0 }
        gradient.withUnsafeBufferPointer { gradient in
            first.withUnsafeMutableBufferPointer { first in
                second.withUnsafeMutableBufferPointer { second in
                    network.withParameters { parameters in
                        for index in 0..<count {
                            let slope = gradient[index]
                            first[index] = 0.9 * first[index] + 0.1 * slope
                            second[index] = 0.999 * second[index] + 0.001 * slope * slope
                            let step = first[index] * one / ((second[index] * two).squareRoot() + 1e-7)
                            parameters[index] = parameters[index] * kept - rate * step
                        }
                    }
                }
            }
        }
    }
}
