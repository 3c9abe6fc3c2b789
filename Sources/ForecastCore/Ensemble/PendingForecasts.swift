import FleetModel

/// A forecast that is kept until it has come true.
struct PendingForecast: Sendable {
    var slot: Int
    var generation: UInt32
    var kind: OnsetContext.Kind
    var experts: ExpertCurves
    var curves: InlineArray<12, QuantileCurve>
}

/// Forecasts that wait to come true: a bounded sample of each second's, for 32 seconds.
///
/// The sample rotates through the instances that are not negligibly idle, so that each has its turn and the choice
/// depends on nothing but slots and seconds. At most 2 × `perSecond` forecasts of 2.5 KB each second.
struct PendingForecasts: Sendable {
    /// How long after a horizon its outcome is looked up, in seconds: by then gaps have been filled.
    static let patience: Int64 = 2
    private static let ringLength = 64

    private struct Second: Sendable {
        var second: Int64 = .min
        var forecasts: [PendingForecast] = []
    }

    var scorer = ForecastScorer()
    private let perSecond: Int
    /// By `second & 63`.
    private var seconds = [Second](repeating: Second(), count: ringLength)
    private var newest: Int64?
    private var settled: Int64?
    private var offered = 0
    private var offeredAt: Int64 = .min
    private var stride = 1

    init(perSecond: Int) { self.perSecond = perSecond }

    mutating func noteObserved(_ second: Int64) {
        newest = max(newest ?? second, second)
        if settled == nil { settled = second }
    }

    /// Whether the forecast of `slot` made at `second` belongs to the sample.
    mutating func wants(_ slot: Int, at second: Int64) -> Bool {
        if second > offeredAt {
            stride = max(1, (offered + perSecond - 1) / perSecond)
            offered = 0
            offeredAt = second
        }
        offered += 1
        guard (slot &+ Int(truncatingIfNeeded: second)) % stride == 0 else { return false }
        let kept = seconds[Self.slot(second)]
        return kept.second != second || kept.forecasts.count < 2 * perSecond
    }

    mutating func keep(_ forecast: PendingForecast, at second: Int64) {
        let slot = Self.slot(second)
        if seconds[slot].second != second {
            seconds[slot].second = second
            seconds[slot].forecasts.removeAll(keepingCapacity: true)
        }
        seconds[slot].forecasts.append(forecast)
    }

    /// The seconds that have come since the last call, at most 64: what came true in each is to be settled.
    mutating func takeUnsettled() -> ClosedRange<Int64>? {
        guard let newest, let settled, newest > settled else { return nil }
        self.settled = newest
        return max(settled + 1, newest - Int64(Self.ringLength) + 1)...newest
    }

    /// The forecasts kept of `second`.
    func kept(at second: Int64) -> [PendingForecast] {
        let slot = Self.slot(second)
        return seconds[slot].second == second ? seconds[slot].forecasts : []
    }

    private static func slot(_ second: Int64) -> Int { Int(truncatingIfNeeded: second) & (ringLength - 1) }
}

extension FleetForecaster {
    /// Scores what has come true since the last call, and learns the models' weights from it.
    mutating func settle() {
        guard let seconds = scoring.takeUnsettled() else { return }
        for second in seconds {
            for horizon in ForecastHorizon.allCases {
                let origin = second - Int64(horizon.seconds) - PendingForecasts.patience
                for forecast in scoring.kept(at: origin) { settle(forecast, origin: origin, horizon) }
            }
            weights.learn()
            scoring.scorer.fade()
        }
    }

    private mutating func settle(_ forecast: PendingForecast, origin: Int64, _ horizon: ForecastHorizon) {
        let state = slots[forecast.slot]
        let end = origin + Int64(horizon.seconds)
        // Retired, or not observed so far: what came is not known.
        guard state.isInUse, state.generation == forecast.generation, let last = state.track.last, last >= end else {
            return
        }
        let history = state.history.map { histories[Int($0)] }
        let isBusy = (history?.busyShare(at: last, clocks: clocks) ?? 0) > ForecastScorer.busyShare
        for resource in Resource.allCases {
            let fleetMean = scale.mean(resource)
            for target in ForecastTarget.allCases {
                let outcome =
                    target == .point
                    ? history?.demand(resource, at: end) ?? 0
                    : history?.peak(resource, over: horizon.seconds, through: end) ?? 0
                let index = DemandForecast.curveIndex(resource, target, horizon)
                let curve = forecast.curves[index]
                scoring.scorer.count(curve, index: index, outcome: outcome, isBusy: isBusy)
                guard fleetMean > 0 else { continue }
                weights.count(
                    forecast.experts, combined: curve, kind: forecast.kind, curve: index, outcome: outcome,
                    scale: fleetMean)
            }
        }
    }
}
