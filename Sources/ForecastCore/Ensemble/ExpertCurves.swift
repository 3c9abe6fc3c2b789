import FleetModel

/// The models that the fleet's forecaster combines.
package enum ForecastModel: Int, Hashable, Sendable, CaseIterable {
    /// What the instance has usually wanted: a decaying log-histogram.
    case climate
    /// The fleet's network.
    case network
    /// A second network that does not look at what the application type does.
    case companion
    /// The probability of demand, times what the instance wants when it wants something. For the peak target only.
    case onset
}

/// How what the models say of one instance is laid out: curve, then model, then level, 16 places for the 13 levels.
enum ExpertLayout {
    static let models = ForecastModel.allCases.count
    /// Places for the levels of one curve: what vectors like.
    static let levels = 16
    static let curve = models * levels
    /// Floats of one instance.
    static let row = DemandForecast.curveCount * curve

    static func offset(curve: Int, model: ForecastModel) -> Int { curve * Self.curve + model.rawValue * levels }

    /// Copies the levels of one model's curve, in one move: a call for so few bytes takes longer than they do.
    @inline(__always)
    static func copyCurve(from source: UnsafePointer<Float>, to place: UnsafeMutablePointer<Float>) {
        let values = UnsafeRawPointer(source).loadUnaligned(as: SIMD16<Float>.self)
        UnsafeMutableRawPointer(place).storeBytes(of: values, as: SIMD16<Float>.self)
    }
}

/// The 12 kinds of curve, as the loops over them need them.
enum CurveKind {
    static let all: InlineArray<12, (resource: Resource, target: ForecastTarget, horizon: ForecastHorizon)> =
        InlineArray { index in
            (
                index < 6 ? .memory : .compute, index % 6 < 3 ? .point : .peak,
                index % 3 == 0 ? .short : index % 3 == 1 ? .medium : .long
            )
        }
}

extension QuantileCurve {
    /// Copies the 13 values to `place`.
    @inline(__always)
    func write(to place: UnsafeMutablePointer<Float>) {
        for level in 0..<QuantileLevels.count { place[level] = values[level] }
    }
}
