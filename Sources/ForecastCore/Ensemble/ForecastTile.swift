import FleetModel

/// Instances that are forecast together, so that the network works on matrices; all arrays are made once.
struct ForecastTile: Sendable {
    static let capacity = 64
    /// What stands in while the tile in use is taken out.
    static let spare = ForecastTile(networks: [], capacity: 0)

    struct Row: Sendable {
        /// Where the forecast goes.
        var place: Int
        var slot: Int
        var application: Int
        /// Nil for an instance that never had demand.
        var history: Int?
        var second: Int64
        var onset: InlineArray<3, Float>
        var kind: OnsetContext.Kind
        var isIdle: Bool
        /// What features and the networks' outputs are measured in.
        var scales: InlineArray<2, Float>
        /// Below this, a quantile is reported as 0.
        var zeroBelow: InlineArray<2, Float>
    }

    var rows: [Row] = []
    var networks: [NetworkTile]
    /// Rows of ``ExpertLayout/row``.
    var experts: [Float]
    /// Rows of 12 × ``ExpertLayout/levels``: what is made of the models.
    var combined: [Float]

    init(networks: [QuantileNetwork], capacity: Int = Self.capacity) {
        rows.reserveCapacity(capacity)
        self.networks = networks.map { NetworkTile(capacity: capacity, hidden: $0.hidden) }
        experts = [Float](repeating: 0, count: capacity * ExpertLayout.row)
        combined = [Float](repeating: 0, count: capacity * Self.combinedRow)
    }

    static let combinedRow = DemandForecast.curveCount * ExpertLayout.levels

    /// Writes what a network says of all rows to its places in `experts`: sorted, in the instance's units, not below 0.
    mutating func takeOutputs(of network: Int, as model: ForecastModel) {
        let last = networks[network].layers.count - 1
        networks[network].layers[last].withUnsafeBufferPointer { outputs in
            experts.withUnsafeMutableBufferPointer { experts in
                guard let outputs = outputs.baseAddress, let experts = experts.baseAddress else { return }
                for row in rows.indices {
                    let scales = rows[row].scales
                    for curve in 0..<DemandForecast.curveCount {
                        Self.sort(
                            outputs + row * QuantileNetwork.outputCount + curve * QuantileLevels.count,
                            scale: scales[curve / 6],
                            into: experts + row * ExpertLayout.row + ExpertLayout.offset(curve: curve, model: model))
                    }
                }
            }
        }
    }

    /// 13 values, nearly sorted already: by insertion.
    @inline(__always)
    private static func sort(
        _ outputs: UnsafePointer<Float>, scale: Float, into place: UnsafeMutablePointer<Float>
    ) {
        var floor: Float = 0
        for level in 0..<QuantileLevels.count {
            let output = outputs[level]
            let value = output > 0 ? output * scale : 0
            guard value < floor else {
                place[level] = value
                floor = value
                continue
            }
            var position = level
            while position > 0, place[position - 1] > value {
                place[position] = place[position - 1]
                position -= 1
            }
            place[position] = value
        }
    }
}
