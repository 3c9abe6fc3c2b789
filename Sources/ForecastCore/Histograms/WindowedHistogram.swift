import FleetModel

/// Counts of demand above 0 in 32 neighbouring bins of the ``DemandGrid``, a factor of 4,400 from least to greatest.
///
/// The window moves up when greater demand comes; what falls below it counts in its lowest bin. It moves down again
/// once what is above has decayed to under a thousandth, so that one wild value does not blunt it for ever.
/// Adding is O(1), except for the rare move.
struct WindowedHistogram: Sendable {
    static let binCount = 32

    private var bins: InlineArray<32, Float> = InlineArray(repeating: 0)
    private var lowest: Int16 = 0
    private(set) var mass: Float = 0

    mutating func add(_ bin: Int, weight: Float) {
        if mass == 0 { lowest = Int16(max(0, bin - 3 * Self.binCount / 4)) }
        let highest = Int(lowest) + Self.binCount - 1
        if bin > highest {
            moveUp(by: bin - highest)
        } else if bin < Int(lowest) {
            moveDown(by: Int(lowest) - bin)
        }
        bins[max(0, bin - Int(lowest))] += weight
        mass += weight
    }

    mutating func scale(by factor: Float) {
        for index in bins.indices { bins[index] *= factor }
        mass *= factor
    }

    /// The counts of one bin of the whole grid.
    subscript(bin: Int) -> Float {
        let index = bin - Int(lowest)
        return bins.indices.contains(index) ? bins[index] : 0
    }

    private mutating func moveUp(by distance: Int) {
        var below: Float = 0
        for index in 0..<min(distance, Self.binCount) { below += bins[index] }
        for index in bins.indices {
            bins[index] = index + distance < Self.binCount ? bins[index + distance] : 0
        }
        bins[0] += below
        lowest += Int16(distance)
    }

    private mutating func moveDown(by distance: Int) {
        let moved = min(distance, Self.binCount - 1)
        var above: Float = 0
        for index in (Self.binCount - moved)..<Self.binCount { above += bins[index] }
        guard above < mass / 1_000 else { return }
        for index in bins.indices.reversed() { bins[index] = index >= moved ? bins[index - moved] : 0 }
        bins[Self.binCount - 1] += above
        lowest -= Int16(moved)
    }

    /// Quantiles of a mixture: no demand with weight `zeroMass`, and else what was counted here.
    ///
    /// O(bins + levels).
    func curve(zeroMass: Double, _ resource: Resource) -> QuantileCurve {
        guard mass > 0 else { return .zero }
        let grid = DemandGrid.shared
        let total = max(0, zeroMass) + Double(mass)
        var passed = max(0, zeroMass)
        var index = -1
        return QuantileCurve { level in
            let wanted = QuantileLevels.shared[level] * total
            guard wanted > max(0, zeroMass) else { return 0 }
            while index < 0 || (passed < wanted && index < Self.binCount - 1) {
                index += 1
                passed += Double(bins[index])
            }
            let count = Double(bins[index])
            let share = count > 0 ? 1 - min(1, max(0, passed - wanted) / count) : 1
            return grid.value(in: Int(lowest) + index, share: share, resource)
        }
    }
}

extension QuantileLevels {
    /// The levels without a heap object behind them.
    static let shared: InlineArray<13, Double> = InlineArray { all[$0] }
}
