package import FleetModel

/// The forecaster of a whole fleet: three simple models per instance, combined online by their recent loss.
///
/// State lies in dense arrays by slot. An instance that never had demand has no history, and one that has long been
/// idle is neither counted second by second nor forecast curve by curve. See `docs/forecasting.md` for the models.
package struct FleetForecaster: Forecaster {
    package struct Configuration: Hashable, Sendable {
        /// The models that are combined; at least one.
        package var models: [ForecastModel]
        /// About how many forecasts per second are kept to be scored and learned from; at most twice as many are.
        package var sampledPerSecond: Int

        package init(models: [ForecastModel] = ForecastModel.allCases, sampledPerSecond: Int = 128) {
            self.models = models
            self.sampledPerSecond = sampledPerSecond
        }
    }

    struct SlotState: Sendable {
        var isInUse = true
        /// Grows each time the slot is given.
        var generation: UInt32
        var application: Int32
        /// Index in `histories`; nil while the instance has had no demand.
        var history: Int32?
        /// The second before the first that was observed.
        var admitted: Int64 = 0
        /// The last second of which a forecast was kept for scoring.
        var sampledAt: Int64 = .min
        var track = OnsetTrack()
    }

    /// After this many idle seconds everything that looks 30 s back sees nothing but idleness of over 64 s.
    static let longIdleSeconds: Int64 = 96
    /// No instance wants more: 10^15 bytes or thousandths. What is beyond counts as this.
    static let greatestDemand = 1e15

    let configuration: Configuration
    let clocks = ForecastClocks()
    var slots: [SlotState] = []
    var histories: [InstanceHistory] = []
    var applications: [ApplicationType: Int32] = [:]
    var persistence = PersistenceTable()
    var onsets = OnsetModel()
    var amounts = AmountModel()
    var scale = FleetScale()
    var weights: ExpertWeights
    var scoring: PendingForecasts
    private var freeSlots: [Int] = []
    private var freeHistories: [Int32] = []

    package init(configuration: Configuration = Configuration()) {
        precondition(!configuration.models.isEmpty, "a forecaster needs a model")
        self.configuration = configuration
        weights = ExpertWeights(enabled: configuration.models)
        scoring = PendingForecasts(perSecond: max(1, configuration.sampledPerSecond))
    }

    package var accuracy: AccuracyOverview { scoring.scorer.overview }

    // MARK: Coming and going

    package mutating func admit(_ instance: InstanceDescription) -> ForecastSlot {
        let application = applicationIndex(instance.application)
        guard let free = freeSlots.popLast() else {
            slots.append(SlotState(generation: 0, application: application))
            return ForecastSlot(rawValue: slots.count - 1)
        }
        slots[free] = SlotState(generation: slots[free].generation &+ 1, application: application)
        return ForecastSlot(rawValue: free)
    }

    package mutating func retire(_ slot: ForecastSlot) {
        guard isInUse(slot) else { return }
        let index = slot.rawValue
        if let history = slots[index].history { freeHistories.append(history) }
        slots[index].isInUse = false
        slots[index].history = nil
        freeSlots.append(index)
    }

    func isInUse(_ slot: ForecastSlot) -> Bool { slots.indices.contains(slot.rawValue) && slots[slot.rawValue].isInUse }

    /// The first 63 application types have tables of their own; those after share one.
    private mutating func applicationIndex(_ type: ApplicationType) -> Int32 {
        if let known = applications[type] { return known }
        guard applications.count < OnsetModel.applicationLimit - 1 else { return 0 }
        let index = Int32(applications.count + 1)
        applications[type] = index
        return index
    }

    // MARK: Observing

    package mutating func observe(_ slot: ForecastSlot, _ observation: LoadObservation) {
        let second = observation.second
        // A bound that no clock reaches keeps the arithmetic of seconds from overflowing.
        guard isInUse(slot), second.magnitude < 1 << 48 else { return }
        let index = slot.rawValue
        if let last = slots[index].track.last {
            guard second > last else { return }
        } else {
            slots[index].admitted = second - 1
        }
        let load = InlineArray<2, Double> { resource in
            let value = resource == 0 ? observation.gpuMemory : observation.gpuCompute
            return value > 0 ? min(value, Self.greatestDemand) : 0
        }
        let hasDemand = load[0] > 0 || load[1] > 0
        scoring.noteObserved(second)
        advance(to: second)
        scale.count(load)
        slots[index].track.observe(observation, hasDemand: hasDemand)
        onsets.learn(from: &slots[index].track, application: Int(slots[index].application))
        observeHistory(index, load, hasDemand: hasDemand, at: second)
    }

    /// Brings pooled counts to `second`. Instances' seconds may differ by a few; the eras that matter are hours long.
    private mutating func advance(to second: Int64) {
        scale.advance(to: second, clock: clocks.long)
        onsets.advance(to: second, clock: clocks.long)
        persistence.advance(to: second, clock: clocks.long)
    }

    private mutating func observeHistory(
        _ index: Int, _ load: InlineArray<2, Double>, hasDemand: Bool, at second: Int64
    ) {
        guard let number = slots[index].history ?? (hasDemand ? addHistory(index, at: second) : nil) else { return }
        let history = Int(number)
        guard hasDemand || second - histories[history].lastDemand <= Self.longIdleSeconds else {
            persistence.countQuiet(weight: Float(scale.weight))
            return
        }
        if let peaks = histories[history].endBurst(at: second) {
            amounts.count(peaks, application: Int(slots[index].application))
        }
        histories[history].observe(load, at: second, clocks: clocks)
        let busyShare = histories[history].busyShare(at: second, clocks: clocks)
        for resource in Resource.allCases {
            let own = histories[history].sum(resource, at: second, clocks: clocks)
            let scale = scale.scale(resource, of: own)
            let situation = PersistenceTable.situation(
                last: load[resource.rawValue],
                previous: histories[history].demand(resource, at: second - 1), scale: scale,
                idle: second - histories[history].lastDemand, busyShare: busyShare)
            histories[history].note(situation, resource)
            learnPersistence(history, resource, scale: scale, at: second, admitted: slots[index].admitted)
        }
    }

    /// Counts what followed 5, 15 and 30 s ago, now that it is known.
    private mutating func learnPersistence(
        _ history: Int, _ resource: Resource, scale: Double, at second: Int64, admitted: Int64
    ) {
        let weight = Float(self.scale.weight)
        for horizon in ForecastHorizon.allCases {
            let origin = second - Int64(horizon.seconds)
            guard origin > admitted else { break }
            let situation = histories[history].situation(resource, at: origin)
            let reference = situation.hasDemand ? histories[history].demand(resource, at: origin) : scale
            for target in ForecastTarget.allCases {
                let outcome =
                    target == .point
                    ? histories[history].demand(resource, at: second)
                    : histories[history].peak(resource, over: horizon.seconds, through: second)
                persistence.count(
                    outcome: outcome, reference: reference, situation,
                    curve: DemandForecast.curveIndex(resource, target, horizon), weight: weight)
            }
        }
    }

    private mutating func addHistory(_ index: Int, at second: Int64) -> Int32 {
        let fresh = InstanceHistory(admitted: slots[index].admitted, last: second - 1, clocks: clocks)
        let number: Int32
        if let free = freeHistories.popLast() {
            histories[Int(free)] = fresh
            number = free
        } else {
            histories.append(fresh)
            number = Int32(histories.count - 1)
        }
        slots[index].history = number
        return number
    }
}
