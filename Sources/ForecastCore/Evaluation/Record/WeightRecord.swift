package import FleetModel

/// What each model counted over time, at most ``greatestCount`` times equally far apart.
package struct WeightRecord: Hashable, Sendable {
    private static let greatestCount = 240
    private static let kinds = OnsetContext.Kind.allCases.count
    private static let models = ForecastModel.allCases.count

    /// Seconds from one to the next.
    private let period: Int
    /// When weights were taken, ascending.
    package private(set) var seconds: [Int] = []
    /// By second, kind, target and model.
    private var weights: [Double] = []

    /// For a run that ends before `end`.
    init(until end: Int) { period = max(1, (end + Self.greatestCount - 1) / Self.greatestCount) }

    mutating func watch(_ engine: FleetForecaster, at second: Int) {
        guard second % period == 0 else { return }
        seconds.append(second)
        for kind in OnsetContext.Kind.allCases {
            for target in ForecastTarget.allCases {
                for model in ForecastModel.allCases { weights.append(engine.weight(of: model, in: kind, for: target)) }
            }
        }
    }

    /// The weights of ``ForecastModel/allCases``, one list for each of ``seconds``; each list sums to 1.
    package func weights(_ kind: OnsetContext.Kind, _ target: ForecastTarget) -> [[Double]] {
        seconds.indices.map { sample in
            let row = (sample * Self.kinds + kind.rawValue) * ForecastTarget.allCases.count + target.rawValue
            return Array(weights[(row * Self.models)...].prefix(Self.models))
        }
    }
}
