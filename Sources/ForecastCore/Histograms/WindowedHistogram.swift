import FleetModel

/// Counts of demand above 0 in 32 neighbouring bins of the ``DemandGrid``, a factor of 4,400 from least to greatest;
/// 72 bytes.
///
/// The window moves up when greater demand comes; what falls below it counts in its lowest bin. It moves down again
/// once what is above has decayed to under a thousandth, so that one wild value does not blunt it for ever.
/// Adding is O(1), except for the rare move. Counts are whole sixteenths, so that 16 bits hold them.
struct WindowedHistogram: Sendable {
    static let binCount = 32
    /// What a weight of 1 counts as.
    private static let unit: Float = 16

    private var bins: InlineArray<32, UInt16> = InlineArray(repeating: 0)
    private var total: UInt32 = 0
    private var lowest: Int16 = 0

    /// The sum of the weights.
    var mass: Float { Float(total) / Self.unit }

    /// Counts a demand. `weight` is 0 to 4,000, and so is the sum of what is in a bin; more saturates.
    mutating func add(_ bin: Int, weight: Float) {
        if total == 0 { lowest = Int16(max(0, bin - 3 * Self.binCount / 4)) }
        let highest = Int(lowest) + Self.binCount - 1
        if bin > highest {
            moveUp(by: bin - highest)
        } else if bin < Int(lowest) {
            moveDown(by: Int(lowest) - bin)
        }
        let index = max(0, bin - Int(lowest))
        let room = UInt16.max - bins[index]
        let added = min(UInt16(min(max(weight * Self.unit, 0), 65_535).rounded()), room)
        bins[index] += added
        total += UInt32(added)
    }

    /// Takes back what was counted, as far as it is there.
    mutating func remove(_ bin: Int, weight: Float) {
        let index = min(max(0, bin - Int(lowest)), Self.binCount - 1)
        let taken = min(UInt16(min(max(weight * Self.unit, 0), 65_535).rounded()), bins[index])
        bins[index] -= taken
        total -= UInt32(taken)
    }

    /// Adds a share of what another histogram holds, 0 to 1. O(bins).
    mutating func add(_ other: WindowedHistogram, share: Float) {
        // From above, so that the window need not move for each.
        for index in other.bins.indices.reversed() where other.bins[index] > 0 {
            add(Int(other.lowest) + index, weight: share * Float(other.bins[index]) / Self.unit)
        }
    }

    /// Moves all that was counted by `distance` bins, as far as the grid reaches.
    mutating func shift(by distance: Int) {
        guard total > 0, let top = bins.indices.last(where: { bins[$0] > 0 }) else { return }
        lowest = Int16(max(0, min(Int(lowest) + distance, DemandGrid.binCount - 1 - top, DemandGrid.binCount - 8)))
    }

    /// The sum of the bins' middles, each times its weight.
    var positionSum: Float {
        var sum: Float = 0
        for index in bins.indices { sum += Float(bins[index]) * (Float(Int(lowest) + index) + 0.5) }
        return sum / Self.unit
    }

    /// Halves all counts `times` times, rounding down.
    mutating func halve(_ times: Int64) {
        guard total > 0, times > 0 else { return }
        total = 0
        for index in bins.indices {
            bins[index] = times < 16 ? bins[index] >> UInt16(times) : 0
            total += UInt32(bins[index])
        }
    }

    /// The weight in one bin of the whole grid.
    subscript(bin: Int) -> Float {
        let index = bin - Int(lowest)
        return bins.indices.contains(index) ? Float(bins[index]) / Self.unit : 0
    }

    /// The weights in all bins of the grid. O(bins)
    func expanded() -> InlineArray<128, Float> {
        var weights = InlineArray<128, Float>(repeating: 0)
        let first = Int(lowest)
        for index in 0..<min(Self.binCount, weights.count - first) {
            weights[first + index] = Float(bins[index]) / Self.unit
        }
        return weights
    }

    private mutating func moveUp(by distance: Int) {
        var below: UInt32 = 0
        for index in 0..<min(distance, Self.binCount) { below += UInt32(bins[index]) }
        for index in bins.indices {
            bins[index] = index + distance < Self.binCount ? bins[index + distance] : 0
        }
        lowest += Int16(distance)
        put(below, into: 0)
    }

    private mutating func moveDown(by distance: Int) {
        let moved = min(distance, Self.binCount - 1)
        var above: UInt32 = 0
        for index in (Self.binCount - moved)..<Self.binCount { above += UInt32(bins[index]) }
        guard above < total / 1_000 else { return }
        for index in bins.indices.reversed() { bins[index] = index >= moved ? bins[index - moved] : 0 }
        lowest -= Int16(moved)
        put(above, into: Self.binCount - 1)
    }

    /// Adds what fell out of the window to a bin at its end, as far as it holds it.
    private mutating func put(_ count: UInt32, into index: Int) {
        let kept = min(UInt32(UInt16.max - bins[index]), count)
        bins[index] += UInt16(kept)
        total -= count - kept
    }

    /// Writes the 13 quantiles of a mixture to `place`: no demand with weight `zeroMass`, and else what was counted
    /// here. `edges` are those of the ``DemandGrid``.
    ///
    /// O(bins + levels).
    func write(zeroMass: Float, edges: UnsafePointer<Float>, to place: UnsafeMutablePointer<Float>) {
        let zero = max(0, zeroMass) * Self.unit
        let all = zero + Float(total)
        // By addresses: an inline array that is indexed where it stands is copied for each element.
        QuantileLevels.withSingle { levels in
            var level = 0
            while level < QuantileLevels.count, total == 0 || levels[level] * all <= zero {
                place[level] = 0
                level += 1
            }
            var passed = zero
            forEachCount { index, count in
                passed += count
                guard level < QuantileLevels.count, levels[level] * all <= passed else { return }
                let lower = edges[Int(lowest) + index]
                let width = edges[min(Int(lowest) + index + 1, DemandGrid.binCount)] - lower
                let part = 1 / count
                repeat {
                    place[level] = lower + (1 - min(1, (passed - levels[level] * all) * part)) * width
                    level += 1
                } while level < QuantileLevels.count && levels[level] * all <= passed
            }
            // What rounding has left lies at the end.
            while level < QuantileLevels.count {
                place[level] = edges[min(Int(lowest) + Self.binCount, DemandGrid.binCount)]
                level += 1
            }
        }
    }

    /// Goes through the bins that are not empty, ascending: most are empty, and four are told by one comparison.
    @inline(__always)
    private func forEachCount(_ body: (_ index: Int, _ count: Float) -> Void) {
        withUnsafeBytes(of: bins) { bytes in
            for first in stride(from: 0, to: Self.binCount, by: 4) {
                var left = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 2 * first, as: UInt64.self))
                var index = first
                while left != 0 {
                    let count = UInt16(truncatingIfNeeded: left)
                    if count != 0 { body(index, Float(count)) }
                    left >>= 16
                    index += 1
                }
            }
        }
    }
}

// MARK: - Snapshots

extension WindowedHistogram {
    func encode(to writer: inout SnapshotWriter) {
        writer.put(UInt8(clamping: lowest))
        var mask: UInt32 = 0
        for index in bins.indices where bins[index] > 0 { mask |= 1 << UInt32(index) }
        writer.put(mask)
        for index in bins.indices where bins[index] > 0 { writer.put(bins[index]) }
    }

    init(from reader: inout SnapshotReader) throws(SnapshotFailure) {
        lowest = Int16(try reader.number(UInt8.self))
        let mask = try reader.number(UInt32.self)
        for index in bins.indices where mask >> UInt32(index) & 1 == 1 {
            bins[index] = try reader.number(UInt16.self)
            total += UInt32(bins[index])
        }
        // No count lies beyond the grid.
        let top = Int(lowest) + Self.binCount - mask.leadingZeroBitCount
        guard lowest <= DemandGrid.binCount - Self.binCount / 4, top <= DemandGrid.binCount else { throw .malformed }
    }
}

extension QuantileLevels {
    /// The levels without a heap object behind them.
    static let shared: InlineArray<13, Double> = InlineArray { all[$0] }
    /// The levels in single precision.
    static let single: InlineArray<13, Float> = InlineArray { Float(all[$0]) }

    /// Calls `body` with the address of the levels in single precision.
    @inline(__always)
    static func withSingle(_ body: (UnsafePointer<Float>) -> Void) {
        withUnsafeBytes(of: single) { bytes in
            if let levels = bytes.bindMemory(to: Float.self).baseAddress { body(levels) }
        }
    }
}
