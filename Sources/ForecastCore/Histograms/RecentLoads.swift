import FleetModel

/// The last 64 seconds of demand of all instances that have a history, row by row in one array: 512 bytes each.
///
/// Beside the histories and not in them: what is looked at second by second must not be copied to be looked at.
struct RecentLoads: Sendable {
    static let length = 64
    private static let row = 2 * length
    typealias Row = InlineArray<128, Float>
    /// Of one row.
    static let bytes = row * MemoryLayout<Float>.stride

    /// By row × 128 + resource × 64 + `second & 63`.
    private var values: [Float] = []

    /// Adds a row without demand, after those there are.
    mutating func addRow() { values.append(contentsOf: repeatElement(0, count: Self.row)) }

    mutating func clear(_ row: Int) {
        for index in (row * Self.row)..<((row + 1) * Self.row) { values[index] = 0 }
    }

    /// A row as it lies, whatever the second.
    subscript(row: Int) -> Row {
        get { Row { values[row * Self.row + $0] } }
        set { for index in newValue.indices { values[row * Self.row + index] = newValue[index] } }
    }

    @inline(__always)
    private static func slot(_ second: Int64) -> Int { Int(truncatingIfNeeded: second) & (length - 1) }

    mutating func store(_ load: InlineArray<2, Double>, row: Int, at second: Int64) {
        let first = row * Self.row + Self.slot(second)
        values[first] = Float(load[0])
        values[first + Self.length] = Float(load[1])
    }

    /// Demand in one of the 64 seconds that end with `last`, the last that was stored; 0 before and after them.
    @inline(__always)
    func demand(_ resource: Resource, row: Int, at second: Int64, last: Int64) -> Float {
        guard second <= last, second > last - Int64(Self.length) else { return 0 }
        return values[row * Self.row + resource.rawValue * Self.length + Self.slot(second)]
    }

    /// Multiplies what is there of a second, one of the 64 that end with the last that was stored.
    mutating func scale(_ resource: Resource, row: Int, at second: Int64, by factor: Float) {
        let index = row * Self.row + resource.rawValue * Self.length + Self.slot(second)
        values[index] = min(values[index] * factor, Float(FleetForecaster.greatestDemand))
    }

    /// The greatest demand of the `seconds` that end with `end`. O(seconds).
    func peak(_ resource: Resource, row: Int, over seconds: Int, through end: Int64, last: Int64) -> Float {
        let first = max(end - Int64(seconds), last - Int64(Self.length)) + 1
        let count = Int(min(end, last) - first + 1)
        guard count > 0 else { return 0 }
        let base = row * Self.row + resource.rawValue * Self.length
        var slot = Self.slot(first)
        var peak: Float = 0
        for _ in 0..<count {
            let value = values[base + slot]
            if value > peak { peak = value }
            slot = (slot &+ 1) & (Self.length - 1)
        }
        return peak
    }
}
