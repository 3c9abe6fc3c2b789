import FleetModel

/// How much each model counts, learned online from the quantile loss of what has come true.
///
/// Bernstein online aggregation with the gradient trick (Wintenberger, "Optimal learning with Bernstein online
/// aggregation", Machine Learning 2017), a weight for each kind of second, curve and level, pooled over instances. What
/// was learned decays with a half-life of 1,200 steps. Feedback comes late, when the horizon has passed.
struct ExpertWeights: Sendable {
    private static let models = ForecastModel.allCases.count
    private static let kinds = OnsetContext.Kind.allCases.count
    private static let logarithmOfModels = 1.0986
    /// Natural exponents to binary ones.
    private static let binaryPerNatural = 1.442_695
    private static let retention = 0.999_422_5  // 2^(-1/1200)

    private struct Regret: Sendable {
        /// Cumulated linearised loss by which the combination was worse than the model, with its second-order term.
        var gain = 0.0
        var variance = 0.0
        var largest = 0.0
    }

    private let enabled: [ForecastModel]
    private var weights: [Float]
    private var regrets: [Regret]
    private var priors: [Float]
    /// Of the step under way, by the same index.
    private var pending: [Float]
    /// Forecasts of the step under way, by kind × curves + curve.
    private var pendingCount: [Int]

    init(enabled: [ForecastModel]) {
        self.enabled = enabled
        let rows = Self.kinds * DemandForecast.curveCount * QuantileLevels.count
        priors = []
        priors.reserveCapacity(rows * Self.models)
        for kind in OnsetContext.Kind.allCases {
            for curve in 0..<DemandForecast.curveCount {
                let row = Self.prior(kind, CurveKind.all[curve].target, enabled: enabled)
                for _ in 0..<QuantileLevels.count { priors.append(contentsOf: row) }
            }
        }
        weights = priors
        regrets = Array(repeating: Regret(), count: priors.count)
        pending = Array(repeating: 0, count: priors.count)
        pendingCount = Array(repeating: 0, count: Self.kinds * DemandForecast.curveCount)
    }

    /// Where nothing was learned: the onset model when something announces demand, else mostly the last value.
    private static func prior(
        _ kind: OnsetContext.Kind, _ target: ForecastTarget, enabled: [ForecastModel]
    ) -> [Float] {
        let usual: [Float] =
            switch (kind, target) {
            case (_, .point): [0.5, 0.5, 0]
            case (.surge, .peak): [0.05, 0.05, 0.9]
            case (.quiet, .peak): [0.3, 0.4, 0.3]
            case (.busy, .peak): [0.2, 0.7, 0.1]
            }
        let kept = ForecastModel.allCases.map { enabled.contains($0) ? usual[$0.rawValue] : 0 }
        let total = kept.reduce(0, +)
        return total > 0 ? kept.map { $0 / total } : kept
    }

    private static func index(_ kind: OnsetContext.Kind, _ curve: Int, _ level: Int) -> Int {
        ((kind.rawValue * DemandForecast.curveCount + curve) * QuantileLevels.count + level) * models
    }

    /// The weighted mean of what the models say, level by level; values below `zeroBelow` become 0.
    func combine(_ experts: ExpertCurves, kind: OnsetContext.Kind, curve: Int, zeroBelow: Double) -> QuantileCurve {
        let climate = experts[curve, .climate]
        let persistence = experts[curve, .persistence]
        let onset = experts[curve, .onset]
        var index = Self.index(kind, curve, 0) - Self.models
        return QuantileCurve { level in
            index += Self.models
            let value =
                Double(weights[index]) * climate[level] + Double(weights[index + 1]) * persistence[level]
                + Double(weights[index + 2]) * onset[level]
            return value < zeroBelow ? 0 : value
        }
    }

    /// Takes in what became of one forecast, to be learned from at the next ``learn()``. `scale` makes losses of
    /// different resources comparable: the fleet's mean demand, above 0.
    mutating func count(
        _ experts: ExpertCurves, combined: QuantileCurve, kind: OnsetContext.Kind, curve: Int, outcome: Double,
        scale: Double
    ) {
        pendingCount[kind.rawValue * DemandForecast.curveCount + curve] += 1
        for level in 0..<QuantileLevels.count {
            let said = combined[level]
            let gradient =
                (outcome < said ? 1.0 : outcome > said ? 0.0 : QuantileLevels.shared[level])
                - QuantileLevels.shared[level]
            guard gradient != 0 else { continue }
            let index = Self.index(kind, curve, level)
            for model in enabled {
                let gain = gradient * (said - experts[curve, model][level]) / scale
                pending[index + model.rawValue] += Float(min(max(gain, -1e3), 1e3))
            }
        }
    }

    /// Moves the weights by what was counted since the last call. O(weights), whatever the number of instances.
    mutating func learn() {
        for kind in OnsetContext.Kind.allCases {
            for curve in 0..<DemandForecast.curveCount {
                let slot = kind.rawValue * DemandForecast.curveCount + curve
                guard pendingCount[slot] > 0 else { continue }
                let share = 1 / Double(pendingCount[slot])
                pendingCount[slot] = 0
                for level in 0..<QuantileLevels.count { update(Self.index(kind, curve, level), share: share) }
            }
        }
    }

    private mutating func update(_ index: Int, share: Double) {
        var total = 0.0
        var raised = InlineArray<3, Double>(repeating: 0)
        var greatest = -Double.infinity
        for model in enabled where priors[index + model.rawValue] > 0 {
            let position = index + model.rawValue
            let gain = Double(pending[position]) * share
            pending[position] = 0
            var regret = regrets[position]
            regret.largest = max(regret.largest * Self.retention, gain.magnitude)
            regret.variance = regret.variance * Self.retention + gain * gain
            let rate = Self.rate(regret)
            regret.gain = regret.gain * Self.retention + gain - rate * gain * gain
            regrets[position] = regret
            raised[model.rawValue] = rate * regret.gain * Self.binaryPerNatural
            greatest = max(greatest, raised[model.rawValue])
        }
        for model in enabled where priors[index + model.rawValue] > 0 {
            let position = index + model.rawValue
            let factor = BinaryPowers.power(raised[model.rawValue] - greatest)
            let value = Double(priors[position]) * factor * max(Self.rate(regrets[position]), 1e-9)
            raised[model.rawValue] = value
            total += value
        }
        guard total > 0 else { return }
        for model in enabled where priors[index + model.rawValue] > 0 {
            weights[index + model.rawValue] = Float(raised[model.rawValue] / total)
        }
    }

    /// The learning rate: smaller the more the gains vary, at most half the reciprocal of the largest.
    private static func rate(_ regret: Regret) -> Double {
        guard regret.variance > 0, regret.largest > 0 else { return 1 }
        return min(0.5 / regret.largest, (logarithmOfModels / regret.variance).squareRoot())
    }
}
