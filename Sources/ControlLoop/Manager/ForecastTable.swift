import AllocationCore
import FleetModel
import ForecastCore

/// What is forecast of each instance, by the slot that the forecaster gave it.
///
/// It stands beside the instances' records because it is most of what is known of one (about 700 bytes), is written once a
/// step, and is read in part, while the records are copied and moved many times a step.
struct ForecastTable: Sendable {
    private var forecasts: [DemandForecast?] = []
    /// By the same index: what each takes of a device's compute beside others, in thousandths; ``unknown`` before there is
    /// a forecast.
    private var compute: [Int16] = []
    private static let unknown: Int16 = -1
    /// By the same index, since every step asks of each instance, and of most this alone; 0 before its first forecast.
    private var onsets: [InlineArray<3, Float>] = []
    /// By the same index: whether there is a forecast, and all its curves are 0.
    private var isIdle: [Bool] = []
    /// By the same index: what is wanted should demand come, and of which step and service level that is.
    private var amounts: [KeptAmounts?] = []

    private struct KeptAmounts {
        var step: MonotonicTime
        var serviceLevel: Double
        var amounts: BurstAmounts
    }

    /// Nil before the first forecast of the instance in `slot`.
    subscript(slot: ForecastSlot) -> DemandForecast? {
        get { forecasts.indices.contains(slot.rawValue) ? forecasts[slot.rawValue] : nil }
        set {
            grow(to: slot)
            forecasts[slot.rawValue] = newValue
            onsets[slot.rawValue] = newValue?.onset ?? InlineArray(repeating: 0)
            isIdle[slot.rawValue] =
                newValue.map { forecast in withUnsafePointer(to: forecast) { $0.hasNoDemand } } ?? false
            compute[slot.rawValue] =
                newValue.map {
                    Int16(clamping: ComputePromise.share($0.curve(.compute, .point, .short)).rawValue)
                } ?? Self.unknown
        }
    }

    /// Takes in the forecast of the instance in `slot`. Where it is idle and was, as most of a large fleet are, its curves
    /// are left as they are. By its address, as it is large.
    mutating func take(_ forecast: UnsafePointer<DemandForecast>, of slot: ForecastSlot) {
        guard isIdle.indices.contains(slot.rawValue), isIdle[slot.rawValue], forecast.hasNoDemand else {
            self[slot] = forecast.pointee
            return
        }
        onsets[slot.rawValue] = forecast.pointee.onset
        forecasts[slot.rawValue]?.madeAt = forecast.pointee.madeAt
        forecasts[slot.rawValue]?.horizons = forecast.pointee.horizons
        forecasts[slot.rawValue]?.onset = forecast.pointee.onset
        forecasts[slot.rawValue]?.ending = forecast.pointee.ending
    }

    private mutating func grow(to slot: ForecastSlot) {
        while forecasts.count <= slot.rawValue {
            forecasts.append(nil)
            compute.append(Self.unknown)
            amounts.append(nil)
            onsets.append(InlineArray(repeating: 0))
            isIdle.append(false)
        }
    }

    /// Whether there is a forecast of the instance in `slot`.
    func hasForecast(of slot: ForecastSlot) -> Bool {
        forecasts.indices.contains(slot.rawValue) && forecasts[slot.rawValue] != nil
    }

    /// The probabilities that demand of the instance in `slot` begins; 0 before its first forecast.
    func onset(of slot: ForecastSlot) -> InlineArray<3, Float> {
        onsets.indices.contains(slot.rawValue) ? onsets[slot.rawValue] : InlineArray(repeating: 0)
    }

    /// One curve of the instance in `slot`; nil before its first forecast.
    func curve(
        of slot: ForecastSlot, _ resource: Resource, _ target: ForecastTarget, _ horizon: ForecastHorizon
    ) -> QuantileCurve? {
        guard forecasts.indices.contains(slot.rawValue) else { return nil }
        return forecasts[slot.rawValue]?.curve(resource, target, horizon)
    }

    /// What the demand of the instance in `slot` takes of a device's compute beside others'; nil before its first forecast.
    func promisedCompute(of slot: ForecastSlot) -> MilliShare? {
        guard compute.indices.contains(slot.rawValue), compute[slot.rawValue] != Self.unknown else { return nil }
        return MilliShare(Int32(compute[slot.rawValue]))
    }

    /// Keeps what the instance in `slot`, of which there is a forecast, wants should demand come, for the decisions of one
    /// step.
    mutating func keep(_ amounts: BurstAmounts, of slot: ForecastSlot, serviceLevel: Double, step: MonotonicTime) {
        guard self.amounts.indices.contains(slot.rawValue) else { return }
        self.amounts[slot.rawValue] = KeptAmounts(step: step, serviceLevel: serviceLevel, amounts: amounts)
    }

    /// What was kept in this step; nil where that was nothing, or of another service level.
    func amounts(of slot: ForecastSlot, serviceLevel: Double, step: MonotonicTime) -> BurstAmounts? {
        guard amounts.indices.contains(slot.rawValue), let kept = amounts[slot.rawValue], kept.step == step,
            kept.serviceLevel == serviceLevel
        else { return nil }
        return kept.amounts
    }
}

extension UnsafePointer<DemandForecast> {
    /// Whether every curve is 0, as it is where its last level is.
    fileprivate var hasNoDemand: Bool {
        // By addresses: an inline array that is indexed where it stands is copied for each element.
        guard let offset = MemoryLayout<DemandForecast>.offset(of: \.curves) else { return false }
        let curves = (UnsafeRawPointer(self) + offset).assumingMemoryBound(to: QuantileCurve.self)
        for curve in 0..<DemandForecast.curveCount where curves[curve].values[QuantileLevels.count - 1] > 0 {
            return false
        }
        return true
    }
}
