import AllocationCore
import FleetModel
import ForecastCore

/// What is forecast of each instance, by the slot that the forecaster gave it.
///
/// It stands beside the instances' records because it is most of what is known of one (about 700 bytes), is written once a
/// step, and is read in part, while the records are copied and moved many times a step.
struct ForecastTable: Sendable {
    /// Where there is none yet, one of no demand.
    private var forecasts: [DemandForecast] = []
    private var isKnown: [Bool] = []
    /// By the same index: what each takes of a device's compute beside others, in thousandths; ``unknown`` before there is
    /// a forecast.
    private var compute: [Int16] = []
    private static let unknown: Int16 = -1
    /// By the same index, since every step asks of each instance, and of most this alone; 0 before its first forecast.
    private var onsets: [InlineArray<3, Float>] = []
    /// By the same index: whether there is a forecast, and all its curves are 0.
    private var isIdle: [Bool] = []
    /// By the same index: what is wanted should demand come, and of which time and service level that is.
    private var amounts: [KeptAmounts?] = []
    /// For how long what is wanted should demand come holds of an instance that has none: what it would be is found in
    /// histograms of whole bursts, its own and its like's, of which none ends meanwhile for most. A power of 2.
    private static let amountsSeconds = 4
    /// By the same index: when there was demand last.
    private var busyAt: [MonotonicTime] = []

    private struct KeptAmounts {
        var keptAt: MonotonicTime
        var serviceLevel: Double
        var amounts: BurstAmounts
    }

    /// Nil before the first forecast of the instance in `slot`.
    subscript(slot: ForecastSlot) -> DemandForecast? {
        hasForecast(of: slot) ? forecasts[slot.rawValue] : nil
    }

    /// Forgets what is forecast in `slot`, which another instance is given.
    mutating func clear(_ slot: ForecastSlot) {
        grow(to: slot)
        isKnown[slot.rawValue] = false
        isIdle[slot.rawValue] = false
        onsets[slot.rawValue] = InlineArray(repeating: 0)
        compute[slot.rawValue] = Self.unknown
        amounts[slot.rawValue] = nil
        busyAt[slot.rawValue] = .zero
    }

    /// Takes in the forecast of the instance in `slot`. Where it is idle and was, as most of a large fleet are, its curves
    /// are left as they are. By its address, as it is large.
    mutating func take(_ forecast: UnsafePointer<DemandForecast>, of slot: ForecastSlot) {
        grow(to: slot)
        let place = slot.rawValue
        let hasNoDemand = forecast.hasNoDemand
        onsets[place] = forecast.pointee.onset
        guard !isIdle[place] || !hasNoDemand else {
            forecasts[place].madeAt = forecast.pointee.madeAt
            forecasts[place].horizons = forecast.pointee.horizons
            forecasts[place].onset = forecast.pointee.onset
            forecasts[place].ending = forecast.pointee.ending
            return
        }
        isKnown[place] = true
        isIdle[place] = hasNoDemand
        compute[place] = Int16(
            clamping: ComputePromise.share(forecast.pointee.curve(.compute, .point, .short)).rawValue)
        forecasts.withUnsafeMutableBufferPointer { forecasts in
            forecasts.baseAddress.map { ($0 + place).update(from: forecast, count: 1) }
        }
    }

    private mutating func grow(to slot: ForecastSlot) {
        while forecasts.count <= slot.rawValue {
            forecasts.append(DemandForecast(madeAt: .zero))
            isKnown.append(false)
            compute.append(Self.unknown)
            amounts.append(nil)
            busyAt.append(.zero)
            onsets.append(InlineArray(repeating: 0))
            isIdle.append(false)
        }
    }

    /// Whether there is a forecast of the instance in `slot`.
    func hasForecast(of slot: ForecastSlot) -> Bool {
        isKnown.indices.contains(slot.rawValue) && isKnown[slot.rawValue]
    }

    /// The probabilities that demand of the instance in `slot` begins; 0 before its first forecast.
    func onset(of slot: ForecastSlot) -> InlineArray<3, Float> {
        onsets.indices.contains(slot.rawValue) ? onsets[slot.rawValue] : InlineArray(repeating: 0)
    }

    /// What the demand of the instance in `slot` takes of a device's compute beside others'; nil before its first forecast.
    func promisedCompute(of slot: ForecastSlot) -> MilliShare? {
        guard compute.indices.contains(slot.rawValue), compute[slot.rawValue] != Self.unknown else { return nil }
        return MilliShare(Int32(compute[slot.rawValue]))
    }

    /// Keeps what the instance in `slot`, of which there is a forecast, wants should demand come.
    mutating func keep(_ amounts: BurstAmounts, of slot: ForecastSlot, serviceLevel: Double, at now: MonotonicTime) {
        guard self.amounts.indices.contains(slot.rawValue) else { return }
        self.amounts[slot.rawValue] = KeptAmounts(keptAt: now, serviceLevel: serviceLevel, amounts: amounts)
    }

    /// What was kept lately; nil where that was nothing, or of another service level.
    func amounts(of slot: ForecastSlot, serviceLevel: Double, at now: MonotonicTime) -> BurstAmounts? {
        guard amounts.indices.contains(slot.rawValue), let kept = amounts[slot.rawValue],
            kept.serviceLevel == serviceLevel, now - kept.keptAt < .seconds(Self.amountsSeconds)
        else { return nil }
        return kept.amounts
    }

    /// Whether what the instance in `slot` wants is to be found out anew: it is its turn, of which each has one while what was
    /// found holds; or nothing was; or it has or had demand, of which the burst is counted when it has ended for good.
    func needsAmounts(of slot: ForecastSlot, serviceLevel: Double, at now: MonotonicTime) -> Bool {
        let turn = (slot.rawValue &+ Int(truncatingIfNeeded: now.secondIndex)) & (Self.amountsSeconds - 1)
        guard turn != 0, busyAt.indices.contains(slot.rawValue) else { return true }
        return now - busyAt[slot.rawValue] <= .seconds(Self.amountsSeconds)
            || amounts(of: slot, serviceLevel: serviceLevel, at: now) == nil
    }

    /// The instance in `slot` has demand: what it wanted before that holds no longer.
    mutating func noteBusy(_ slot: ForecastSlot, at now: MonotonicTime) {
        grow(to: slot)
        busyAt[slot.rawValue] = now
        dropAmounts(of: slot)
    }

    /// The instance in `slot` is another than what it wants was found out of, or works otherwise.
    mutating func dropAmounts(of slot: ForecastSlot) {
        if amounts.indices.contains(slot.rawValue) { amounts[slot.rawValue] = nil }
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
