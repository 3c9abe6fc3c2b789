import FleetModel

/// The models that the fleet's forecaster combines.
package enum ForecastModel: Int, Hashable, Sendable, CaseIterable {
    /// What the instance has usually wanted: a decaying log-histogram.
    case climate
    /// The last value, with quantiles of what followed it.
    case persistence
    /// The probability of demand, times what the instance wants when it wants something. For the peak target only.
    case onset
}

/// What each model says of one instance, and what was made of it.
struct ExpertCurves: Sendable {
    /// Indexed by curve × 3 + model.
    private var curves: InlineArray<36, QuantileCurve> = InlineArray(repeating: .zero)

    subscript(curve: Int, model: ForecastModel) -> QuantileCurve {
        get { curves[curve * 3 + model.rawValue] }
        set { curves[curve * 3 + model.rawValue] = newValue }
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
