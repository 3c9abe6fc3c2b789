import FleetModel

/// One curve that has come true, beside what the climate alone had said.
struct ScoredCurve {
    let stated: QuantileCurve
    let outcome: Double
    /// Twice the pinball loss, mean over 11 levels.
    let loss: Double
    /// The same of the climate; nil for an instance without a history, of which it says nothing.
    let climateLoss: Double?

    init(_ stated: QuantileCurve, climate: QuantileCurve?, outcome: Double) {
        self.stated = stated
        self.outcome = outcome
        loss = PinballLoss.mean(stated, outcome: outcome)
        climateLoss = climate.map { PinballLoss.mean($0, outcome: outcome) }
    }
}

/// How good the forecasts of one instance or of one application type were, in sums: 16 bytes.
struct SkillTally: Sendable {
    /// The index of the level .95.
    private static let coveredLevel = 10
    /// What an instance's own sums hold, in forecasts of all curves: beyond it they are halved.
    private static let longestMemory: Float = 256
    /// From so many on an instance is judged by its own.
    private static let leastTelling: Float = 16

    private var loss: Float = 0
    private var climateLoss: Float = 0
    private var covered: Float = 0
    /// One for each curve, 12 for a forecast.
    private var curves: Float = 0

    private var forecasts: Float { curves / Float(DemandForecast.curveCount) }
    var isTelling: Bool { forecasts >= Self.leastTelling }

    /// Counts a curve. `scale` is what the instance wants while it wants anything: it makes losses of both resources and
    /// of all instances comparable; nil where nothing of the kind was ever wanted. `share` is how many forecasts the
    /// curve stands for.
    mutating func count(_ curve: ScoredCurve, scale: Float?, share: Float) {
        if let scale, let ofClimate = curve.climateLoss {
            loss += share * Float(curve.loss) / scale
            climateLoss += share * Float(ofClimate) / scale
        }
        if curve.stated.isNotBelow(curve.outcome, at: Self.coveredLevel) { covered += share }
        curves += share
    }

    mutating func fade(to kept: Float) {
        loss *= kept
        climateLoss *= kept
        covered *= kept
        curves *= kept
    }

    /// Forgets half of what is known, once that is enough: so what is recent counts most.
    mutating func forget() { if forecasts > Self.longestMemory { fade(to: 0.5) } }

    /// A loss against the climate's; nil where the climate lost nothing. Beyond a million times as bad all are equal.
    static func ratio(_ loss: Double, _ climateLoss: Double) -> Double? {
        climateLoss > 0 ? min(loss / climateLoss, 1e6) : nil
    }

    func trust(_ basis: ForecastTrust.Basis) -> ForecastTrust {
        ForecastTrust(
            basis: basis, scored: Double(forecasts),
            lossAgainstClimate: Self.ratio(Double(loss), Double(climateLoss)),
            coverage95: curves > 0 ? Double(covered / curves) : nil)
    }
}
