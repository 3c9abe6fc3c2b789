import FleetModel

/// A forecast that is kept until it has come true; what was said lies beside it in ``PendingSecond``.
struct PendingForecast: Sendable {
    var slot: Int
    var generation: UInt32
    var kind: OnsetContext.Kind
    /// How many forecasts this one stands for.
    var share: Float
    var scales: InlineArray<2, Float>
    /// The outcomes that are known so far.
    var outcomes: InlineArray<12, Float> = InlineArray(repeating: 0)
    /// Whether the instance had a history: only then did models look at it.
    var hasHistory: Bool
}

/// The forecasts kept of one second, in flat arrays that are reused.
struct PendingSecond: Sendable {
    fileprivate(set) var second: Int64 = .min
    /// How many instances were negligibly idle: forecast as no demand, and not kept.
    fileprivate(set) var negligible = 0
    /// One in so many forecasts is kept.
    fileprivate(set) var stride: Float = 1
    var forecasts: [PendingForecast] = []
    /// Rows of ``ExpertLayout/row``.
    var experts: [Float] = []
    /// Rows of 12 × ``ExpertLayout/levels``: what was made of the models, before calibration.
    var combined: [Float] = []
    /// Rows of 12.
    var curves: [QuantileCurve] = []
    /// Rows of ``FeatureVector/count``.
    var features: [Float] = []

    fileprivate mutating func begin(_ second: Int64) {
        self.second = second
        negligible = 0
        forecasts.removeAll(keepingCapacity: true)
        experts.removeAll(keepingCapacity: true)
        combined.removeAll(keepingCapacity: true)
        curves.removeAll(keepingCapacity: true)
        features.removeAll(keepingCapacity: true)
    }
}

/// Forecasts that wait to come true: a bounded sample of each second's, until the longest horizon and two
/// seconds have passed, at most 32 s.
///
/// The sample rotates through the instances that are not negligibly idle, so that each has its turn and the choice
/// depends on nothing but slots and seconds. At most 2 × `perSecond` forecasts of 5 KB each second.
struct PendingForecasts: Sendable {
    /// How long after a horizon its outcome is looked up, in seconds: by then gaps have been filled.
    static let patience: Int64 = 2
    private static let ringLength = 64

    var scorer = ForecastScorer()
    private let perSecond: Int
    /// By `second & 63`.
    private var seconds = [PendingSecond](repeating: PendingSecond(), count: ringLength)
    private(set) var newest: Int64?
    private var settled: Int64?
    private var offered = 0
    private var offeredAt: Int64 = .min
    private var stride = 1
    /// How often was asked for forecasts since a second was settled.
    var calls = 0

    init(perSecond: Int) { self.perSecond = perSecond }

    mutating func noteObserved(_ second: Int64) {
        newest = max(newest ?? second, second)
        if settled == nil { settled = second }
    }

    /// Goes on after `second`, with nothing that waits.
    mutating func resume(after second: Int64) {
        newest = second
        settled = second
    }

    /// Whether the forecast of `slot` made at `second` belongs to the sample.
    mutating func wants(_ slot: Int, at second: Int64) -> Bool {
        if second > offeredAt {
            stride = max(1, (offered + perSecond - 1) / perSecond)
            offered = 0
            offeredAt = second
        }
        offered += 1
        // Seconds at which idle instances are looked at repeat with a period of their own: mix them up.
        let turn = (slot &+ Int(truncatingIfNeeded: second) &* 7) % stride
        guard turn == 0 else { return false }
        let kept = seconds[Self.slot(second)]
        return kept.second != second || kept.forecasts.count < 2 * perSecond
    }

    /// How many forecasts of `second` each kept one was chosen from.
    func stride(of second: PendingSecond) -> Float { max(1, second.stride) }

    /// Appends to what is kept of `second`.
    mutating func keep(at second: Int64, _ append: (inout PendingSecond) -> Void) {
        let slot = Self.slot(second)
        if seconds[slot].second != second { seconds[slot].begin(second) }
        seconds[slot].stride = Float(stride)
        append(&seconds[slot])
    }

    mutating func noteNegligible(at second: Int64) { keep(at: second) { $0.negligible += 1 } }

    /// The seconds that have come since the last call, at most 64: what came true in each is to be settled.
    mutating func takeUnsettled() -> ClosedRange<Int64>? {
        guard let newest, let settled, newest > settled else { return nil }
        self.settled = newest
        return max(settled + 1, newest - Int64(Self.ringLength) + 1)...newest
    }

    /// Lends out what is kept of `second`, if anything; it is to be given back by ``put(back:)``.
    mutating func take(_ second: Int64) -> PendingSecond? {
        let slot = Self.slot(second)
        guard seconds[slot].second == second else { return nil }
        var taken = PendingSecond()
        swap(&taken, &seconds[slot])
        return taken
    }

    mutating func put(back second: PendingSecond) { seconds[Self.slot(second.second)] = second }

    private static func slot(_ second: Int64) -> Int { Int(truncatingIfNeeded: second) & (ringLength - 1) }
}

extension FleetForecaster {
    /// From so many calls a second on, each pays for one part of the networks' step, and not the first for all.
    private static let manyCalls = 4

    /// Scores what has come true since the last call, and learns from it.
    mutating func settle() {
        scoring.calls += 1
        guard let seconds = scoring.takeUnsettled() else { return }
        let spreadsLearning = scoring.calls >= Self.manyCalls
        self.spreadsLearning = spreadsLearning
        scoring.calls = 0
        for second in seconds {
            for horizon in ForecastHorizon.allCases {
                let origin = second - Int64(horizons[horizon]) - PendingForecasts.patience
                guard var kept = scoring.take(origin) else { continue }
                for index in kept.forecasts.indices { settle(&kept, index, horizon) }
                let negligible = Float(kept.negligible) / scoring.stride(of: kept)
                calibration.countCovered(horizon, share: negligible)
                scoring.scorer.countCovered(horizon, share: Double(negligible))
                scoring.put(back: kept)
            }
            weights.learn()
            calibration.learn()
            scoring.scorer.fade()
            learner.step(at: second, units: lossUnits())
            if !spreadsLearning { learner.goOn(parts: .max) }
        }
    }

    /// For each curve, what makes its loss comparable to the others': 1 over the fleet's mean demand.
    private func lossUnits() -> InlineArray<12, Float> {
        InlineArray { index in
            let mean = scoring.scorer.meanOutcome(index)
            return mean > 0 ? Float(1 / mean) : 0
        }
    }

    private mutating func settle(_ kept: inout PendingSecond, _ index: Int, _ horizon: ForecastHorizon) {
        let forecast = kept.forecasts[index]
        let state = slots[forecast.slot]
        let end = kept.second + Int64(horizons[horizon])
        // Retired, or not observed so far: what came is not known.
        guard state.isInUse, state.generation == forecast.generation, let last = state.track.last, last >= end else {
            return
        }
        let history = state.history.map(Int.init)
        let isBusy = history.map { histories[$0].busyShare(at: last, clocks: clocks) > ForecastScorer.busyShare }
        for resource in Resource.allCases {
            let fleetMean = Float(scale.mean(resource))
            for target in ForecastTarget.allCases {
                let curve = DemandForecast.curveIndex(resource, target, horizon)
                let outcome = outcome(history, resource, target, horizon, end: end)
                kept.forecasts[index].outcomes[curve] = outcome
                count(kept, index, curve: curve, outcome: outcome, isBusy: isBusy ?? false, fleetMean: fleetMean)
            }
        }
        slots[forecast.slot].skill.forget()
        guard horizon == .long, forecast.hasHistory, learner.count > 0,
            kept.second > types[Int(state.application)].rescaledAt
        else { return }
        learner.take(kept, index)
    }

    /// What came of the seconds that end with `end`.
    private func outcome(
        _ history: Int?, _ resource: Resource, _ target: ForecastTarget, _ horizon: ForecastHorizon, end: Int64
    ) -> Float {
        guard let history else { return 0 }
        let last = histories[history].last
        guard target == .peak else { return recent.demand(resource, row: history, at: end, last: last) }
        return recent.peak(resource, row: history, over: horizons[horizon], through: end, last: last)
    }

    private mutating func count(
        _ kept: PendingSecond, _ index: Int, curve: Int, outcome: Float, isBusy: Bool, fleetMean: Float
    ) {
        let forecast = kept.forecasts[index]
        let stated = kept.curves[index * DemandForecast.curveCount + curve]
        let first = index * ExpertLayout.row + ExpertLayout.offset(curve: curve, model: .climate)
        let climate = forecast.hasHistory ? QuantileCurve { Double(kept.experts[first + $0]) } : nil
        let scored = ScoredCurve(stated, climate: climate, outcome: Double(outcome))
        scoring.scorer.count(scored, index: curve, isBusy: isBusy, share: Double(forecast.share))
        let scale = forecast.scales[curve / 6]
        let unit = scale > LoadAverages.leastScale ? scale : nil
        slots[forecast.slot].skill.count(scored, scale: unit, share: forecast.share)
        scoring.scorer.count(
            scored, application: Int(slots[forecast.slot].application), scale: unit, share: forecast.share)
        guard kept.second > types[Int(slots[forecast.slot].application)].rescaledAt else { return }
        kept.experts.withUnsafeBufferPointer { experts in
            kept.combined.withUnsafeBufferPointer { combined in
                guard let experts = experts.baseAddress, let combined = combined.baseAddress else { return }
                let said = combined + (index * DemandForecast.curveCount + curve) * ExpertLayout.levels
                calibration.count(said, stated: stated, curve: curve, outcome: outcome, share: forecast.share)
                guard fleetMean > 0 else { return }
                weights.count(
                    experts + index * ExpertLayout.row,
                    combined: said,
                    kind: forecast.kind, curve: curve, outcome: outcome, scale: fleetMean, share: forecast.share)
            }
        }
    }
}
