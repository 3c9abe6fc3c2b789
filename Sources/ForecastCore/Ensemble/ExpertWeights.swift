import FleetModel

/// How much each model counts, learned online from the quantile loss of what has come true.
///
/// Bernstein online aggregation with the gradient trick (Wintenberger, "Optimal learning with Bernstein online
/// aggregation", Machine Learning 2017), a weight for each kind of second, curve and level, pooled over instances. What
/// was learned decays with a half-life of 1,200 steps. Feedback comes late, when the horizon has passed.
struct ExpertWeights: Sendable {
    private static let kinds = OnsetContext.Kind.allCases.count
    private static let rows = kinds * DemandForecast.curveCount
    /// Natural exponents to binary ones.
    private static let binaryPerNatural = 1.442_695
    private static let retention = 0.999_422_5  // 2^(-1/1200)
    /// How much slower than in the paper, whose losses are new with each step: outcomes of neighbouring seconds overlap,
    /// and instances of one type are driven by one stream, so that a step tells less than it seems to.
    private static let caution = 0.4

    private struct Regret: Sendable {
        /// Cumulated linearised loss by which the combination was worse than the model, with its second-order term.
        var gain = 0.0
        var variance = 0.0
        var largest = 0.0
    }

    private let enabled: [ForecastModel]
    private let logarithmOfModels: Double
    /// By kind, then as ``ExpertLayout``.
    private(set) var weights: [Float]
    private var regrets: [Regret]
    private let priors: [Float]
    /// Of the step under way, by the same index.
    private var pending: [Float]
    /// The weight of the forecasts of the step under way, by kind × curves + curve.
    private var pendingCount: [Float]

    init(enabled: [ForecastModel]) {
        self.enabled = enabled
        logarithmOfModels = BinaryPowers.logarithm(Double(max(enabled.count, 2))) / Self.binaryPerNatural
        var priors = [Float](repeating: 0, count: Self.kinds * ExpertLayout.row)
        for kind in OnsetContext.Kind.allCases {
            for curve in 0..<DemandForecast.curveCount {
                let shares = Self.prior(kind, CurveKind.all[curve].target, enabled: enabled)
                for model in enabled {
                    for level in 0..<QuantileLevels.count {
                        priors[Self.index(kind, curve, model, level)] = shares[model.rawValue]
                    }
                }
            }
        }
        self.priors = priors
        weights = priors
        regrets = Array(repeating: Regret(), count: priors.count)
        pending = Array(repeating: 0, count: priors.count)
        pendingCount = Array(repeating: 0, count: Self.rows)
    }

    /// Where nothing was learned: mostly the networks, and the onset model when something announces demand.
    private static func prior(
        _ kind: OnsetContext.Kind, _ target: ForecastTarget, enabled: [ForecastModel]
    ) -> [Float] {
        // Climate, both networks, onset.
        let usual: [Float] =
            switch (kind, target) {
            case (_, .point): [0.3, 0.35, 0.35, 0]
            case (.surge, .peak): [0.04, 0.13, 0.13, 0.7]
            case (.quiet, .peak): [0.2, 0.35, 0.35, 0.1]
            case (.busy, .peak): [0.1, 0.425, 0.425, 0.05]
            }
        let kept = ForecastModel.allCases.map { enabled.contains($0) ? usual[$0.rawValue] : 0 }
        let total = kept.reduce(0, +)
        return total > 0 ? kept.map { $0 / total } : kept
    }

    private static func index(_ kind: OnsetContext.Kind, _ curve: Int, _ model: ForecastModel, _ level: Int) -> Int {
        kind.rawValue * ExpertLayout.row + ExpertLayout.offset(curve: curve, model: model) + level
    }

    /// What a model counts for a kind of second and a target, 0...1: the mean over the target's curves and all levels.
    func mean(_ model: ForecastModel, _ kind: OnsetContext.Kind, _ target: ForecastTarget) -> Double {
        var sum = 0.0
        let curves = (0..<DemandForecast.curveCount).filter { CurveKind.all[$0].target == target }
        for curve in curves {
            for level in 0..<QuantileLevels.count { sum += Double(weights[Self.index(kind, curve, model, level)]) }
        }
        return sum / Double(curves.count * QuantileLevels.count)
    }

    /// Writes the weighted mean of what the models say of each row of a tile to `tile.combined`.
    func combine(_ tile: inout ForecastTile) {
        weights.withUnsafeBufferPointer { weights in
            tile.experts.withUnsafeBufferPointer { experts in
                tile.combined.withUnsafeMutableBufferPointer { combined in
                    guard let weights = weights.baseAddress, let experts = experts.baseAddress,
                        let combined = combined.baseAddress
                    else { return }
                    for row in tile.rows.indices {
                        Self.combine(
                            experts + row * ExpertLayout.row,
                            weights: weights + tile.rows[row].kind.rawValue * ExpertLayout.row,
                            into: combined + row * ForecastTile.combinedRow)
                    }
                }
            }
        }
    }

    private static func combine(
        _ experts: UnsafePointer<Float>, weights: UnsafePointer<Float>, into result: UnsafeMutablePointer<Float>
    ) {
        var weight = UnsafeRawPointer(weights)
        var value = UnsafeRawPointer(experts)
        let step = ExpertLayout.levels * MemoryLayout<Float>.stride
        for curve in 0..<DemandForecast.curveCount {
            var sum = SIMD16<Float>.zero
            for _ in 0..<ExpertLayout.models {
                sum += weight.loadUnaligned(as: SIMD16<Float>.self) * value.loadUnaligned(as: SIMD16<Float>.self)
                weight += step
                value += step
            }
            UnsafeMutableRawPointer(result + curve * ExpertLayout.levels).storeBytes(of: sum, as: SIMD16<Float>.self)
        }
    }

    /// Takes in what became of one curve of a forecast, to be learned from at the next ``learn()``.
    ///
    /// `experts` is the instance's row, `combined` what was made of it at this curve. `scale` makes losses of different
    /// curves comparable: the fleet's mean demand, above 0. `share` is how many forecasts this one stands for.
    mutating func count(
        _ experts: UnsafePointer<Float>, combined: UnsafePointer<Float>, kind: OnsetContext.Kind, curve: Int,
        outcome: Float, scale: Float, share: Float
    ) {
        pendingCount[kind.rawValue * DemandForecast.curveCount + curve] += share
        let unit = share / scale
        for level in 0..<QuantileLevels.count {
            let said = combined[level]
            guard outcome != said else { continue }
            let gradient = (outcome < said ? 1 : 0) - Float(QuantileLevels.shared[level])
            for model in enabled {
                let gain = gradient * (said - experts[ExpertLayout.offset(curve: curve, model: model) + level]) * unit
                pending[Self.index(kind, curve, model, level)] += min(max(gain, -1e3), 1e3)
            }
        }
    }

    /// Moves the weights by what was counted since the last call. O(weights), whatever the number of instances.
    mutating func learn() {
        for kind in OnsetContext.Kind.allCases {
            var total: Float = 0
            for other in OnsetContext.Kind.allCases {
                total += pendingCount[other.rawValue * DemandForecast.curveCount]
            }
            for curve in 0..<DemandForecast.curveCount {
                let slot = kind.rawValue * DemandForecast.curveCount + curve
                guard pendingCount[slot] > 0 else { continue }
                let share = 1 / Double(max(total, pendingCount[slot]))
                for level in 0..<QuantileLevels.count { update(kind, curve, level, share: share) }
            }
        }
        for slot in pendingCount.indices { pendingCount[slot] = 0 }
    }

    private mutating func update(_ kind: OnsetContext.Kind, _ curve: Int, _ level: Int, share: Double) {
        var total = 0.0
        var raised = InlineArray<4, Double>(repeating: 0)
        var greatest = -Double.infinity
        for model in enabled {
            let position = Self.index(kind, curve, model, level)
            guard priors[position] > 0 else { continue }
            let gain = Double(pending[position]) * share
            pending[position] = 0
            var regret = regrets[position]
            regret.largest = max(regret.largest * Self.retention, gain.magnitude)
            regret.variance = regret.variance * Self.retention + gain * gain
            let rate = rate(regret)
            regret.gain = regret.gain * Self.retention + gain - rate * gain * gain
            regrets[position] = regret
            raised[model.rawValue] = rate * regret.gain * Self.binaryPerNatural
            greatest = max(greatest, raised[model.rawValue])
        }
        for model in enabled {
            let position = Self.index(kind, curve, model, level)
            guard priors[position] > 0 else { continue }
            let factor = BinaryPowers.power(raised[model.rawValue] - greatest)
            let value = Double(priors[position]) * factor * max(rate(regrets[position]), 1e-9)
            raised[model.rawValue] = value
            total += value
        }
        guard total > 0 else { return }
        for model in enabled {
            let position = Self.index(kind, curve, model, level)
            if priors[position] > 0 { weights[position] = Float(raised[model.rawValue] / total) }
        }
    }

    /// The learning rate: smaller the more the gains vary, and at most a fifth of the reciprocal of the largest.
    private func rate(_ regret: Regret) -> Double {
        guard regret.variance > 0, regret.largest > 0 else { return 1 }
        return Self.caution * min(0.5 / regret.largest, (logarithmOfModels / regret.variance).squareRoot())
    }
}

// MARK: - Snapshots

extension ExpertWeights {
    /// A bit for each model.
    private var models: UInt32 { enabled.reduce(0) { $0 | 1 << UInt32($1.rawValue) } }

    func encode(to writer: inout SnapshotWriter) {
        writer.put(models)
        for index in weights.indices where priors[index] > 0 {
            writer.put(weights[index])
            writer.put(regrets[index].gain)
            writer.put(regrets[index].variance)
            writer.put(regrets[index].largest)
        }
    }

    /// Takes over what was encoded by a combination of the same models.
    mutating func restore(from reader: inout SnapshotReader) throws(SnapshotFailure) {
        guard try reader.number(UInt32.self) == models else { throw .otherModels }
        for index in weights.indices where priors[index] > 0 {
            weights[index] = try reader.single(in: 0...1.001)
            regrets[index].gain = try reader.double(in: -1e12...1e12)
            regrets[index].variance = try reader.double(in: 0...1e12)
            regrets[index].largest = try reader.double(in: 0...1e6)
        }
    }
}
