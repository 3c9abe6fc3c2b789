import Determinism
import FleetModel

/// Examples that a network learns from: features of an instance in one second, and the 12 outcomes that came.
///
/// Flat arrays, at most `capacity` examples of 416 bytes. When full, an example takes the place of the oldest, or of a
/// random one: then what is kept is spread over all that was ever added (reservoir sampling: Vitter, ACM TOMS 1985).
package struct ExampleStore: Sendable {
    package enum Replacement: Sendable {
        case oldest
        case random
    }

    private let capacity: Int
    private let replacement: Replacement
    private var features: [Float] = []
    /// In units of the instance's scale.
    private var outcomes: [Float] = []
    /// Memory, compute, and how many examples this one stands for.
    private var scales: [Float] = []
    package private(set) var count = 0
    private var added: UInt64 = 0

    package init(capacity: Int, replacement: Replacement) {
        precondition(capacity > 0, "a store has room")
        self.capacity = capacity
        self.replacement = replacement
    }

    mutating func add(
        features row: ArraySlice<Float>, outcomes values: InlineArray<12, Float>, scales units: InlineArray<2, Float>,
        share: Float, random: inout SeededGenerator
    ) {
        precondition(row.count == FeatureVector.count, "a row of features")
        added += 1
        guard count == capacity else {
            count += 1
            features.append(contentsOf: row)
            for curve in 0..<DemandForecast.curveCount { outcomes.append(values[curve] / units[curve / 6]) }
            scales += [units[0], units[1], share]
            return
        }
        let place: Int
        switch replacement {
        case .oldest: place = Int((added - 1) % UInt64(capacity))
        case .random:
            let drawn = random.below(added)
            guard drawn < UInt64(capacity) else { return }
            place = Int(drawn)
        }
        let first = place * FeatureVector.count
        features.replaceSubrange(first..<(first + FeatureVector.count), with: row)
        for curve in 0..<DemandForecast.curveCount {
            outcomes[place * DemandForecast.curveCount + curve] = values[curve] / units[curve / 6]
        }
        (scales[place * 3], scales[place * 3 + 1], scales[place * 3 + 2]) = (units[0], units[1], share)
    }

    mutating func removeAll() {
        features.removeAll(keepingCapacity: true)
        outcomes.removeAll(keepingCapacity: true)
        scales.removeAll(keepingCapacity: true)
        count = 0
        added = 0
    }

    func copyFeatures(_ index: Int, into rows: inout [Float]) {
        let first = index * FeatureVector.count
        rows.append(contentsOf: features[first..<(first + FeatureVector.count)])
    }

    func outcome(_ index: Int, _ curve: Int) -> Float { outcomes[index * DemandForecast.curveCount + curve] }

    /// The instance's scale in raw units, times how many examples this one stands for.
    func scale(_ index: Int, _ curve: Int) -> Float { scales[index * 3 + curve / 6] * scales[index * 3 + 2] }

    /// For each curve, 1 over the mean outcome of all examples in raw units; 0 where nothing was wanted.
    func units() -> InlineArray<12, Float> {
        var sums = InlineArray<12, Double>(repeating: 0)
        var shares = 0.0
        for index in 0..<count {
            shares += Double(scales[index * 3 + 2])
            for curve in 0..<DemandForecast.curveCount {
                sums[curve] += Double(outcome(index, curve) * scale(index, curve))
            }
        }
        return InlineArray { sums[$0] > 0 ? Float(shares / sums[$0]) : 0 }
    }

    /// Adds the examples of another fleet, with its mean demand as the unit of both resources, so that fleets of all
    /// sizes count alike.
    package mutating func add(_ other: ExampleStore, from first: Int, to end: Int) {
        let units = other.units()
        for index in first..<min(end, other.count) where count < capacity {
            count += 1
            other.copyFeatures(index, into: &features)
            for curve in 0..<DemandForecast.curveCount { outcomes.append(other.outcome(index, curve)) }
            scales.append(other.scales[index * 3] * units[0])
            scales.append(other.scales[index * 3 + 1] * units[6])
            scales.append(other.scales[index * 3 + 2])
        }
    }
}
