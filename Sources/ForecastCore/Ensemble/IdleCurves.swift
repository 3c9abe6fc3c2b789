import FleetModel

/// The curves last made of instances that are idle, in 16-bit floating point (the upper half of single precision), row
/// by row in one array: 320 bytes each.
struct IdleCurves: Sendable {
    private static let row = DemandForecast.curveCount * QuantileLevels.count
    /// Of one row.
    static let bytes = row * MemoryLayout<UInt16>.stride + MemoryLayout<Int64?>.stride

    private var values: [UInt16] = []
    private var secondsMade: [Int64?] = []

    /// Adds a row that holds nothing, after those there are.
    mutating func addRow() {
        values.append(contentsOf: repeatElement(0, count: Self.row))
        secondsMade.append(nil)
    }

    mutating func clear(_ row: Int) { secondsMade[row] = nil }

    /// The second in which a row's curves were made; nil where there are none.
    func madeAt(_ row: Int) -> Int64? { secondsMade[row] }

    mutating func store(_ curves: borrowing InlineArray<12, QuantileCurve>, row: Int, at second: Int64) {
        secondsMade[row] = second
        for curve in 0..<DemandForecast.curveCount {
            let first = row * Self.row + curve * QuantileLevels.count
            for level in 0..<QuantileLevels.count {
                values[first + level] = UInt16(truncatingIfNeeded: curves[curve].values[level].bitPattern >> 16)
            }
        }
    }

    func restore(_ row: Int, to curves: inout InlineArray<12, QuantileCurve>) {
        for curve in 0..<DemandForecast.curveCount {
            let first = row * Self.row + curve * QuantileLevels.count
            curves[curve].write { place in
                for level in 0..<QuantileLevels.count {
                    place[level] = Float(bitPattern: UInt32(values[first + level]) << 16)
                }
            }
        }
    }
}
