package import FleetModel

/// How good what was said turned out to be, and what came instead.
extension FleetForecaster {
    package var accuracy: AccuracyOverview {
        var accuracy = scoring.scorer.overview
        accuracy.horizons = horizons
        accuracy.applications = applications.map { type, index in
            AccuracyOverview.Application(application: type, trust: scoring.scorer.trust(application: Int(index)))
        }.sorted { $0.application < $1.application }
        accuracy.promotions = UInt64(learner.promotions)
        accuracy.rollbacks = UInt64(learner.rollbacks)
        return accuracy
    }

    package func trust(_ slot: ForecastSlot) -> ForecastTrust {
        guard isInUse(slot) else { return ForecastTrust() }
        let state = slots[slot.rawValue]
        return state.skill.isTelling
            ? state.skill.trust(.instance) : scoring.scorer.trust(application: Int(state.application))
    }

    package func course(_ slot: ForecastSlot) -> DemandCourse {
        guard isInUse(slot), let last = slots[slot.rawValue].track.last else { return DemandCourse() }
        let state = slots[slot.rawValue]
        let first = max(state.admitted + 1, last - Int64(DemandCourse.length) + 1)
        let seconds = min(first, last)...last
        func demand(_ resource: Resource) -> [Float] {
            guard let history = state.history.map(Int.init) else { return seconds.map { _ in 0 } }
            return seconds.map { recent.demand(resource, row: history, at: $0, last: histories[history].last) }
        }
        return DemandCourse(memory: demand(.memory), compute: demand(.compute))
    }
}
