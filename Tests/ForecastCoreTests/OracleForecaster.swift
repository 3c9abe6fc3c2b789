import FleetModel
import ForecastCore

/// A forecaster that knows what comes: every scorer must give it 0.
struct OracleForecaster: Forecaster {
    private let panel: DemandPanel
    /// The panel's row of each slot in use, and the last second observed.
    private var slots: [(instance: Int, last: Int)?] = []

    let horizons: ForecastHorizons

    init(panel: DemandPanel, horizons: ForecastHorizons = .standard) {
        self.panel = panel
        self.horizons = horizons
    }

    var accuracy: AccuracyOverview { AccuracyOverview() }

    func course(_ slot: ForecastSlot) -> DemandCourse {
        guard slots.indices.contains(slot.rawValue), let (row, last) = slots[slot.rawValue], row >= 0, last >= 0 else {
            return DemandCourse()
        }
        let seen = panel.observations[row][...last].suffix(DemandCourse.length)
        return DemandCourse(memory: seen.map { Float($0.gpuMemory) }, compute: seen.map { Float($0.gpuCompute) })
    }

    func trust(_ slot: ForecastSlot) -> ForecastTrust { ForecastTrust() }

    mutating func admit(_ instance: InstanceDescription) -> ForecastSlot {
        let row = panel.instances.firstIndex { $0.id == instance.id } ?? -1
        let free = slots.firstIndex { $0 == nil } ?? slots.count
        if free == slots.count { slots.append(nil) }
        slots[free] = (row, -1)
        return ForecastSlot(rawValue: free)
    }

    mutating func retire(_ slot: ForecastSlot) {
        if slots.indices.contains(slot.rawValue) { slots[slot.rawValue] = nil }
    }

    mutating func observe(_ slot: ForecastSlot, _ observation: LoadObservation) {
        guard slots.indices.contains(slot.rawValue) else { return }
        slots[slot.rawValue]?.last = Int(observation.second)
    }

    mutating func forecast(_ slots: [ForecastSlot], madeAt: MonotonicTime) -> [DemandForecast] {
        slots.map { slot in
            var forecast = DemandForecast(madeAt: madeAt, horizons: horizons)
            guard self.slots.indices.contains(slot.rawValue), let (row, last) = self.slots[slot.rawValue],
                row >= 0, last >= 0, last + horizons[.long] < panel.seconds
            else { return forecast }
            for horizon in ForecastHorizon.allCases {
                if panel.burstEnds(row, within: horizons[horizon], origin: last) {
                    forecast.ending[horizon.rawValue] = 1
                }
                for resource in Resource.allCases {
                    for target in ForecastTarget.allCases {
                        let outcome = panel.outcome(
                            row, resource, target, ahead: horizons[horizon], origin: last)
                        forecast.curves[DemandForecast.curveIndex(resource, target, horizon)] =
                            QuantileCurve { _ in outcome }
                        if target == .peak, outcome > 0 { forecast.onset[horizon.rawValue] = 1 }
                    }
                }
            }
            return forecast
        }
    }

    func amountIfDemanded(_ slot: ForecastSlot, resource: Resource, level: Double) -> Double {
        guard slots.indices.contains(slot.rawValue), let (row, _) = slots[slot.rawValue] else { return 0 }
        return row < 0 ? 1 : panel.observations[row].map { $0.demand(resource) }.max() ?? 1
    }
}

extension InstanceDescription {
    static func numbered(_ number: Int, application: String = "chat") -> InstanceDescription {
        InstanceDescription(
            id: InstanceID(unchecked: "i\(number)"), tenant: TenantID(unchecked: "t"),
            application: ApplicationType(unchecked: application))
    }
}

extension DemandPanel {
    /// Whether a burst is under way at `origin` and two seconds in a row within the horizon have no demand.
    func burstEnds(_ instance: Int, within seconds: Int, origin: Int) -> Bool {
        func isIdle(_ second: Int) -> Bool {
            observations[instance][second].gpuMemory == 0 && observations[instance][second].gpuCompute == 0
        }
        return !isIdle(origin)
            && ((origin + 1)..<(origin + seconds)).contains { isIdle($0) && isIdle($0 + 1) }
    }

    /// The synthetic instances of ``SurgeWorkload``, with whole amounts that single precision holds.
    static func surges(instances: Int, seconds: Int, seed: UInt64) -> DemandPanel? {
        var observations = SurgeWorkload(instances: instances, seconds: seconds, seed: seed).observations
        for instance in observations.indices {
            for second in observations[instance].indices {
                let memory = observations[instance][second].gpuMemory
                observations[instance][second].gpuMemory = (memory / 1_048_576).rounded() * 1_048_576
                let isBusy = memory > 0
                observations[instance][second].gpuCompute = isBusy ? Double(100 + second % 50) : 0
            }
        }
        return DemandPanel(instances: (0..<instances).map { .numbered($0) }, observations: observations)
    }
}
