import FleetModel

/// Instances that are forecast together, so that the network works on matrices; all arrays are made once.
struct ForecastTile: Sendable {
    static let capacity = 64
    /// What stands in while the tile in use is taken out.
    static let spare = ForecastTile(networks: [])

    struct Row: Sendable {
        /// Where the forecast goes.
        var place: Int
        var slot: Int
        var history: Int
        var second: Int64
        var onset: InlineArray<3, Float>
        var scales: InlineArray<2, Float>
    }

    var rows: [Row] = []
    var networks: [NetworkTile]
    /// Of one instance, as ``ExpertLayout``.
    var experts = [Float](repeating: 0, count: ExpertLayout.row)
    /// Of one instance, 12 × ``ExpertLayout/levels``.
    var combined = [Float](repeating: 0, count: DemandForecast.curveCount * ExpertLayout.levels)

    init(networks: [QuantileNetwork]) {
        rows.reserveCapacity(Self.capacity)
        self.networks = networks.map { NetworkTile(capacity: Self.capacity, hidden: $0.hidden) }
    }

    /// Writes what a network says of a row to its places in `experts`: sorted, in the instance's units, not below 0.
    mutating func takeOutputs(of network: Int, row: Int, as model: ForecastModel, scales: InlineArray<2, Float>) {
        let last = networks[network].layers.count - 1
        networks[network].layers[last].withUnsafeBufferPointer { outputs in
            experts.withUnsafeMutableBufferPointer { experts in
                for curve in 0..<DemandForecast.curveCount {
                    let source = row * QuantileNetwork.outputCount + curve * QuantileLevels.count
                    let place = ExpertLayout.offset(curve: curve, model: model)
                    let scale = scales[curve / 6]
                    for level in 0..<QuantileLevels.count {
                        let value = max(outputs[source + level], 0) * scale
                        // Nearly sorted already: insertion.
                        var position = place + level
                        while position > place, experts[position - 1] > value {
                            experts[position] = experts[position - 1]
                            position -= 1
                        }
                        experts[position] = value
                    }
                }
            }
        }
    }
}

/// The curves last made of an idle instance, in 16-bit floating point (the upper half of single precision): 320 bytes.
struct IdleCurves: Sendable {
    private(set) var madeAt: Int64?
    private var values: InlineArray<156, UInt16> = InlineArray(repeating: 0)

    mutating func store(_ forecast: borrowing DemandForecast, at second: Int64) {
        madeAt = second
        for curve in 0..<DemandForecast.curveCount {
            for level in 0..<QuantileLevels.count {
                values[curve * QuantileLevels.count + level] = UInt16(
                    truncatingIfNeeded: forecast.curves[curve].values[level].bitPattern >> 16)
            }
        }
    }

    func restore(to forecast: inout DemandForecast) {
        for curve in 0..<DemandForecast.curveCount {
            forecast.curves[curve] = QuantileCurve(
                InlineArray<13, Float> { level in
                    Float(bitPattern: UInt32(values[curve * QuantileLevels.count + level]) << 16)
                })
        }
    }
}
