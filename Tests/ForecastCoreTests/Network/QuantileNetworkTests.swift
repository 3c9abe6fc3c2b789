import Determinism
import FleetModel
import Testing

@testable import ForecastCore

@Suite struct QuantileNetworkTests {
    /// Rows of features, and outcomes that depend on the first of them.
    private func batch(rows: Int, seed: UInt64) -> TrainingBatch {
        var random = SeededGenerator(seed: seed)
        var store = ExampleStore(capacity: rows, replacement: .oldest)
        for _ in 0..<rows {
            let features = (0..<FeatureVector.count).map { _ in Float(random.unit() * 2 - 1) }
            let level = 1 + features[0]
            let outcomes = InlineArray<12, Float> { $0 % 2 == 0 ? level : 2 * level }
            store.add(features: features[...], outcomes: outcomes, scales: [1, 1], share: 1, random: &random)
        }
        var batch = TrainingBatch()
        for index in 0..<rows { batch.append(store, index, units: InlineArray(repeating: 1)) }
        return batch
    }

    private func outputs(_ network: QuantileNetwork, _ features: [Float]) -> [Float] {
        let rows = features.count / FeatureVector.count
        var tile = NetworkTile(capacity: rows, hidden: network.hidden)
        tile.layers[0].replaceSubrange(0..<features.count, with: features)
        tile.run(network, rows: rows, using: PortableLinearAlgebra())
        return tile.layers[3]
    }

    @Test func outputsAreThoseOfTheSlowNetwork() {
        let network = QuantileNetwork(hidden: [16, 8], seed: 3)
        let features = batch(rows: 5, seed: 1).features
        var values = Array(features[0..<FeatureVector.count])
        for layer in 0..<3 {
            let (weights, biases) = network.offsets(ofLayer: layer)
            let width = network.widths[layer + 1]
            values = (0..<width).map { output in
                let sum = values.indices.reduce(network.parameters[biases + output]) {
                    $0 + values[$1] * network.parameters[weights + $1 * width + output]
                }
                return layer < 2 ? max(sum, 0) : sum
            }
        }
        let fast = outputs(network, features)
        for index in values.indices { #expect(abs(fast[index] - values[index]) < 1e-4) }
    }

    /// A step of plain descent in the direction that the optimizer's gradient gives changes the loss as it says.
    @Test func trainingFindsTheQuantiles() {
        var network = QuantileNetwork(hidden: [16, 8], seed: 4)
        var optimizer = NetworkOptimizer()
        let algebra = PortableLinearAlgebra()
        let first = optimizer.loss(network, on: batch(rows: 256, seed: 9), using: algebra)
        for step in 0..<600 {
            _ = optimizer.step(&network, on: batch(rows: 256, seed: UInt64(step % 8)), rate: 3e-3, using: algebra)
        }
        let last = optimizer.loss(network, on: batch(rows: 256, seed: 9), using: algebra)
        #expect(last < 0.1 * first)
    }

    @Test func theGradientIsTheSlopeOfTheLoss() {
        let algebra = PortableLinearAlgebra()
        let data = batch(rows: 32, seed: 5)
        let network = QuantileNetwork(hidden: [8, 8], seed: 6)
        var optimizer = NetworkOptimizer()
        let gradient = optimizer.gradient(of: network, on: data, using: algebra)
        var random = SeededGenerator(seed: 1)
        for _ in 0..<40 {
            let index = Int(random.below(UInt64(network.parameters.count)))
            func loss(_ shift: Float) -> Float {
                var parameters = network.parameters
                parameters[index] += shift
                guard let moved = QuantileNetwork(hidden: [8, 8], parameters: parameters) else { return .nan }
                return optimizer.loss(moved, on: data, using: algebra)
            }
            let slope = (loss(1e-2) - loss(-1e-2)) / 2e-2
            #expect(abs(slope - gradient[index]) < 0.02 * max(0.05, abs(slope)), "parameter \(index)")
        }
    }

    @Test func whatIsIgnoredNeitherCountsNorLearns() {
        var network = QuantileNetwork(hidden: [16, 8], ignored: 0..<10, seed: 7)
        var optimizer = NetworkOptimizer()
        for step in 0..<20 {
            _ = optimizer.step(
                &network, on: batch(rows: 64, seed: UInt64(step)), rate: 1e-2, using: PortableLinearAlgebra())
        }
        #expect(network.parameters[network.ignoredWeights].allSatisfy { $0 == 0 })
        var features = Array(batch(rows: 1, seed: 1).features)
        let before = outputs(network, features)
        for index in 0..<10 { features[index] = 8 }
        #expect(outputs(network, features) == before)
    }
}

@Suite struct NetworkFileTests {
    private let networks = [
        QuantileNetwork(hidden: [8, 16], seed: 1), QuantileNetwork(hidden: [16, 8], ignored: 3..<9, seed: 2),
    ]

    @Test func aTextGivesItsNetworksBack() throws {
        let read = try NetworkFile.networks(of: NetworkFile.text(of: networks))
        #expect(read.map(\.hidden) == networks.map(\.hidden))
        #expect(read.map(\.ignored) == networks.map(\.ignored))
        for (left, right) in zip(read, networks) {
            #expect(zip(left.parameters, right.parameters).allSatisfy { abs($0 - $1) <= abs($1) * 0x1p-15 })
        }
        // What has been rounded once is not rounded again.
        #expect(try NetworkFile.networks(of: NetworkFile.text(of: read)) == read)
    }

    @Test func damagedTextIsRefused() throws {
        let text = NetworkFile.text(of: networks)
        #expect(throws: NetworkFile.Failure.notANetworkFile) { try NetworkFile.networks(of: "") }
        #expect(throws: NetworkFile.Failure.unknownVersion("3")) {
            try NetworkFile.networks(of: text.replacing("presync-networks 1", with: "presync-networks 3"))
        }
        #expect(throws: NetworkFile.Failure.tooLong) {
            try NetworkFile.networks(of: text + String(repeating: " ", count: NetworkFile.greatestSize))
        }
        let bytes = Array(text.utf8)
        var random = SeededGenerator(seed: 4)
        for _ in 0..<200 {
            var damaged = bytes
            damaged[Int(random.below(UInt64(bytes.count)))] = UInt8(truncatingIfNeeded: random.next())
            guard damaged != bytes else { continue }
            // Damage behind the last checksum's line only may go unnoticed; nothing may trap.
            _ = try? NetworkFile.networks(of: String(decoding: damaged, as: UTF8.self))
            let cut = String(decoding: bytes.prefix(Int(random.below(UInt64(bytes.count - 1)))), as: UTF8.self)
            #expect(throws: NetworkFile.Failure.self) { try NetworkFile.networks(of: cut) }
        }
    }

    @Test func theNetworksThatShipCanBeReadAndAreSmall() {
        #expect(ShippedNetworks.all.count == 2)
        #expect(ShippedNetworks.all[1].ignored == FeatureVector.ofType)
        #expect(shippedNetworkText.utf8.count <= 1 << 20)
    }
}
