package import FleetModel

extension FleetForecaster {
    /// Below this, an onset within 30 s does not reach the greatest quantile that is forecast.
    private static let negligibleOnset: Float = 0.01

    package mutating func forecast(_ slots: [ForecastSlot], madeAt: MonotonicTime) -> [DemandForecast] {
        settle()
        var forecasts: [DemandForecast] = []
        forecasts.reserveCapacity(slots.count)
        for slot in slots { forecasts.append(forecast(slot, madeAt: madeAt)) }
        return forecasts
    }

    package func amountIfDemanded(_ slot: ForecastSlot, resource: Resource, level: Double) -> Double {
        guard isInUse(slot) else { return 0 }
        let state = slots[slot.rawValue]
        return amounts.quantile(
            level, resource, application: Int(state.application), history: state.history.map { histories[Int($0)] })
    }

    private mutating func forecast(_ slot: ForecastSlot, madeAt: MonotonicTime) -> DemandForecast {
        var forecast = DemandForecast(madeAt: madeAt)
        guard isInUse(slot), let second = slots[slot.rawValue].track.last else { return forecast }
        let index = slot.rawValue
        forecast.onset = onsets.probabilities(slots[index].track, application: Int(slots[index].application))
        guard !isNegligible(index, onset: forecast.onset, at: second) else { return forecast }

        let kind = slots[index].track.context.kind
        let scales = InlineArray<2, Double> { instanceScale(index, $0 == 0 ? .memory : .compute, at: second) }
        let experts = expertCurves(index, onset: forecast.onset, scales: scales, at: second)
        for curve in 0..<DemandForecast.curveCount {
            let scale = scales[CurveKind.all[curve].resource.rawValue]
            forecast.curves[curve] = weights.combine(
                experts, kind: kind, curve: curve, zeroBelow: FleetScale.zeroShare * scale)
        }
        if slots[index].sampledAt < second, scoring.wants(index, at: second) {
            slots[index].sampledAt = second
            scoring.keep(
                PendingForecast(
                    slot: index, generation: slots[index].generation, kind: kind, experts: experts,
                    curves: forecast.curves), at: second)
        }
        return forecast
    }

    /// Whether all curves are 0: nothing announces demand, and it has been too rare for any quantile to show it.
    private func isNegligible(_ index: Int, onset: InlineArray<3, Float>, at second: Int64) -> Bool {
        let kind = slots[index].track.context.kind
        guard let history = slots[index].history.map(Int.init) else { return kind != .surge }
        guard kind == .quiet, onset[2] < Self.negligibleOnset,
            second - histories[history].lastDemand > Self.longIdleSeconds
        else { return false }
        return histories[history].climateOnsetShare(at: second, clocks: clocks) < Double(Self.negligibleOnset)
    }

    private func instanceScale(_ index: Int, _ resource: Resource, at second: Int64) -> Double {
        guard let history = slots[index].history.map(Int.init) else { return scale.mean(resource) }
        return scale.scale(resource, of: histories[history].sum(resource, at: second, clocks: clocks))
    }

    private mutating func expertCurves(
        _ index: Int, onset: InlineArray<3, Float>, scales: InlineArray<2, Double>, at second: Int64
    ) -> ExpertCurves {
        var experts = ExpertCurves()
        let application = Int(slots[index].application)
        // One copy: read in place, every use of it would make its own.
        let history = slots[index].history.map { histories[Int($0)] }
        for curve in 0..<DemandForecast.curveCount {
            let (resource, target, horizon) = CurveKind.all[curve]
            if let history {
                experts[curve, .climate] = history.climate(resource, target, horizon, at: second, clocks: clocks)
                experts[curve, .persistence] = persistenceCurve(
                    history, resource, scale: scales[resource.rawValue], curve: curve, at: second)
            }
            guard target == .peak else { continue }
            let probability = Double(onset[horizon.rawValue])
            // Demand in the amounts of the instance's own peaks, or of bursts where it has had too few.
            if let history, history.peakSeconds(resource, horizon, clocks: clocks) >= 10 {
                experts[curve, .onset] = history.peaks(resource, horizon, probability: probability)
            } else {
                experts[curve, .onset] = amounts.curve(
                    probability: probability, resource, application: application, history: history)
            }
        }
        return experts
    }

    private mutating func persistenceCurve(
        _ history: InstanceHistory, _ resource: Resource, scale: Double, curve: Int, at second: Int64
    ) -> QuantileCurve {
        let situation = history.last == second ? history.situation(resource, at: second) : .longIdle
        let reference = situation.hasDemand ? history.demand(resource, at: second) : scale
        let ratios = persistence.ratios(
            situation, curve: curve, at: second, weight: Float(self.scale.weight))
        return QuantileCurve { ratios[$0] * reference }
    }
}
