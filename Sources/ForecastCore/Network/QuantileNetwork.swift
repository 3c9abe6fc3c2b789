import Determinism
package import FleetModel

/// A feed-forward network from the features of one instance to its 12 curves of 13 quantiles, in units of the
/// instance's scale: one for the whole fleet.
///
/// Two hidden layers with rectifiers, and a linear last layer whose outputs are quantiles at fixed levels, learned by
/// their pinball loss (Koenker and Bassett, Econometrica 1978; Wen, Torkkola, Narayanaswamy and Madeka, "A multi-horizon
/// quantile recurrent forecaster", 2017). Crossing quantiles are sorted (Chernozhukov, Fernández-Val and Galichon,
/// Econometrica 2010), those below 0 are 0. Scale-free: it never sees bytes or thousandths.
package struct QuantileNetwork: Sendable, Hashable {
    package static let inputCount = FeatureVector.count
    /// Outputs, curve × 13 + level, and 4 that pad the last layer to a multiple of 8.
    package static let outputCount = 160
    static let usedOutputs = DemandForecast.curveCount * QuantileLevels.count

    /// The widths of the two hidden layers, multiples of 8.
    package let hidden: [Int]
    /// Features that this network does not look at: their weights are 0 and stay 0.
    package let ignored: Range<Int>
    /// How far ahead its outputs look, and the onset probabilities among its features.
    package let horizons: ForecastHorizons
    /// Of each layer, weights [inputs × outputs] by rows, then biases.
    package private(set) var parameters: [Float]

    /// Inputs, hidden layers, outputs.
    package var widths: [Int] { [Self.inputCount] + hidden + [Self.outputCount] }

    static func parameterCount(hidden: [Int]) -> Int {
        let widths = [inputCount] + hidden + [outputCount]
        return zip(widths, widths.dropFirst()).reduce(0) { $0 + ($1.0 + 1) * $1.1 }
    }

    /// An untrained network. (He, Zhang, Ren and Sun, "Delving deep into rectifiers", ICCV 2015; the last layer
    /// smaller.)
    package init(
        hidden: [Int] = [64, 48], ignored: Range<Int> = 0..<0, horizons: ForecastHorizons = .standard, seed: UInt64
    ) {
        var generator = SeededGenerator(seed: seed)
        self.hidden = hidden
        self.ignored = ignored.clamped(to: 0..<Self.inputCount)
        self.horizons = horizons
        parameters = []
        parameters.reserveCapacity(Self.parameterCount(hidden: hidden))
        let widths = [Self.inputCount] + hidden + [Self.outputCount]
        for layer in 0..<(widths.count - 1) {
            let isLast = layer == widths.count - 2
            let deviation = Float(((isLast ? 0.1 : 2) / Double(widths[layer])).squareRoot())
            for _ in 0..<(widths[layer] * widths[layer + 1]) { parameters.append(deviation * Self.normal(&generator)) }
            for output in 0..<widths[layer + 1] {
                let level = Float(output % QuantileLevels.count) / Float(QuantileLevels.count - 1)
                parameters.append(isLast ? 0.8 * level - 0.2 : 0)
            }
        }
        for weight in ignoredWeights { parameters[weight] = 0 }
        for weight in FeatureVector.calendar.lowerBound * hidden[0]..<FeatureVector.calendar.upperBound * hidden[0] {
            parameters[weight] = 0
        }
    }

    /// Where in ``parameters`` the weights of the features lie that are not looked at.
    var ignoredWeights: Range<Int> { ignored.lowerBound * hidden[0]..<ignored.upperBound * hidden[0] }

    /// The network of the given parameters, or nil unless they are as many as the widths ask for, all are finite, and
    /// those of what is ignored are 0.
    package init?(
        hidden: [Int], ignored: Range<Int> = 0..<0, horizons: ForecastHorizons = .standard, parameters: [Float]
    ) {
        guard hidden.count == 2, hidden.allSatisfy({ $0 > 0 && $0 <= 512 && $0 % 8 == 0 }),
            parameters.count == Self.parameterCount(hidden: hidden), parameters.allSatisfy(\.isFinite),
            (0...Self.inputCount).contains(ignored.lowerBound),
            (0...Self.inputCount).contains(ignored.upperBound)
        else { return nil }
        self.hidden = hidden
        self.ignored = ignored
        self.horizons = horizons
        self.parameters = parameters
        guard parameters[ignoredWeights].allSatisfy({ $0 == 0 }) else { return nil }
    }

    /// Close to a normal deviate: the sum of 12 uniform ones less 6.
    private static func normal(_ generator: inout SeededGenerator) -> Float {
        var sum = -6.0
        for _ in 0..<12 { sum += generator.unit() }
        return Float(sum)
    }

    mutating func withParameters<Result>(_ body: (UnsafeMutableBufferPointer<Float>) -> Result) -> Result {
        parameters.withUnsafeMutableBufferPointer { body($0) }
    }

    private init(_ base: Self, horizons: ForecastHorizons, parameters: [Float]) {
        hidden = base.hidden
        ignored = base.ignored
        self.horizons = horizons
        self.parameters = parameters
    }

    /// Where a layer's weights and biases begin in ``parameters``.
    func offsets(ofLayer layer: Int) -> (weights: Int, biases: Int) {
        let widths = widths
        var offset = 0
        for earlier in 0..<layer { offset += (widths[earlier] + 1) * widths[earlier + 1] }
        return (offset, offset + widths[layer] * widths[layer + 1])
    }
}

// MARK: - Other horizons

extension QuantileNetwork {
    /// The network as it stands in for one that was trained for other horizons; itself where they are its own.
    ///
    /// The last layer is linear: each new output is a blend of the two trained ones on either side of its horizon
    /// (``HorizonBlend``), and so are its weights. Features that tell of horizons, the onset probabilities, are taken for
    /// those it was trained with in the same way. So it costs nothing while it serves, and goes on learning from there.
    /// Beyond the horizons that it was trained for the line through the two outermost is followed, as far as half of their
    /// distance. O(parameters).
    package func looking(ahead wanted: ForecastHorizons) -> QuantileNetwork {
        guard wanted != horizons else { return self }
        var moved = parameters
        moveOutputs(&moved, to: wanted)
        moveInputs(&moved, from: wanted)
        return QuantileNetwork(self, horizons: wanted, parameters: moved)
    }

    private func moveOutputs(_ moved: inout [Float], to wanted: ForecastHorizons) {
        let blends = wanted.all.map { HorizonBlend($0, among: horizons, reach: 0.5) }
        let first = offsets(ofLayer: 2).weights
        // The biases follow the weights like one more row.
        for row in 0...hidden[1] {
            for curve in 0..<DemandForecast.curveCount {
                let blend = blends[curve % 3]
                let group = first + row * Self.outputCount + (curve - curve % 3) * QuantileLevels.count
                let place = group + curve % 3 * QuantileLevels.count
                for level in 0..<QuantileLevels.count {
                    let lower = parameters[group + blend.lower * QuantileLevels.count + level]
                    let upper = parameters[group + blend.upper * QuantileLevels.count + level]
                    moved[place + level] = lower + Float(blend.share) * (upper - lower)
                }
            }
        }
    }

    private func moveInputs(_ moved: inout [Float], from given: ForecastHorizons) {
        let width = hidden[0]
        for index in 0..<(FeatureVector.onset.count * width) {
            moved[FeatureVector.onset.lowerBound * width + index] = 0
        }
        for (feature, seconds) in zip(FeatureVector.onset, horizons.all) {
            let blend = HorizonBlend(seconds, among: given)
            for unit in 0..<width {
                let weight = parameters[feature * width + unit]
                let share = Float(blend.share)
                moved[(FeatureVector.onset.lowerBound + blend.lower) * width + unit] += (1 - share) * weight
                moved[(FeatureVector.onset.lowerBound + blend.upper) * width + unit] += share * weight
            }
        }
    }
}

/// The values that flow through a network for a tile of instances; kept, so that a forecast allocates nothing.
struct NetworkTile: Sendable {
    let capacity: Int
    /// Rows of features, of both hidden layers, and of outputs.
    var layers: [[Float]]

    init(capacity: Int, hidden: [Int]) {
        self.capacity = capacity
        layers = ([QuantileNetwork.inputCount] + hidden + [QuantileNetwork.outputCount]).map {
            [Float](repeating: 0, count: $0 * capacity)
        }
    }

    /// Computes the outputs of the first `rows` rows of features. O(rows × parameters).
    mutating func run(_ network: QuantileNetwork, rows: Int, using algebra: some LinearAlgebra) {
        let widths = network.widths
        precondition(rows <= capacity && layers.count == widths.count, "a tile of this network")
        for layer in 0..<(widths.count - 1) {
            let (weights, biases) = network.offsets(ofLayer: layer)
            let isLast = layer == widths.count - 2
            let width = widths[layer + 1]
            layers[layer].withUnsafeBufferPointer { input in
                layers[layer + 1].withUnsafeMutableBufferPointer { output in
                    network.parameters.withUnsafeBufferPointer { parameters in
                        guard let left = input.baseAddress, let result = output.baseAddress,
                            let all = parameters.baseAddress
                        else { return }
                        for row in 0..<rows { (result + row * width).update(from: all + biases, count: width) }
                        algebra.multiply(
                            left, all + weights, into: result, rows: rows, inner: widths[layer], columns: width)
                        guard !isLast else { return }
                        // Written whatever it is: without a branch, which half of the values would go against.
                        for index in 0..<(rows * width) { result[index] = result[index] < 0 ? 0 : result[index] }
                    }
                }
            }
        }
    }
}
