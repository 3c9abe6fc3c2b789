package import FleetModel

/// The forecaster of a whole fleet: simple models per instance and a network for all, combined online by their recent
/// loss and calibrated.
///
/// State lies in dense arrays by slot. An instance that never had demand has no history, and one that has long been
/// idle is neither counted second by second nor forecast curve by curve. Instances are forecast in tiles, so that the
/// network works on matrices. See `docs/forecasting.md` for the models.
package struct FleetForecaster: Forecaster {
    package struct Configuration: Sendable {
        /// The models that are combined; at least one.
        package var models: [ForecastModel]
        /// About how many forecasts per second are kept to be scored and learned from; at most twice as many are.
        package var sampledPerSecond: Int
        /// The networks to begin with, for ``ForecastModel/network`` and ``ForecastModel/companion``.
        package var networks: [QuantileNetwork]
        /// Whether the networks go on learning while they serve.
        package var learnsOnline: Bool
        /// How they do.
        package var learning = NetworkLearner.Rules()
        package var linearAlgebra: any LinearAlgebra

        package init(
            models: [ForecastModel] = ForecastModel.allCases, sampledPerSecond: Int = 128,
            networks: [QuantileNetwork] = ShippedNetworks.all, learnsOnline: Bool = true,
            linearAlgebra: any LinearAlgebra = PortableLinearAlgebra()
        ) {
            self.models = models
            self.sampledPerSecond = sampledPerSecond
            self.networks = networks
            self.learnsOnline = learnsOnline
            self.linearAlgebra = linearAlgebra
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
        /// Whether network or CPU are reported.
        var hasLeadingSignals = false
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
    /// By the same index as `histories`.
    var recent = RecentLoads()
    /// What was last said of instances that were idle, by the same index as `histories`.
    var idleCurves = IdleCurves()
    var applications: [ApplicationType: Int32] = [:]
    var types = [TypeLoad()]
    /// The second up to which `types` have been advanced.
    private var typesAt: Int64?
    var onsets = OnsetModel()
    var amounts = AmountModel()
    var scale = FleetScale()
    var weights: ExpertWeights
    var calibration = UpperCalibration()
    var scoring: PendingForecasts
    var learner: NetworkLearner
    var tile: ForecastTile
    private var freeSlots: [Int] = []
    private var freeHistories: [Int32] = []

    package init(configuration: Configuration = Configuration()) {
        precondition(!configuration.models.isEmpty, "a forecaster needs a model")
        let networks = configuration.models.contains(.network) ? configuration.networks : []
        var models = configuration.models.filter { $0 != .network && $0 != .companion }
        if !networks.isEmpty { models.append(.network) }
        if networks.count > 1 { models.append(.companion) }
        self.configuration = configuration
        weights = ExpertWeights(enabled: models.sorted { $0.rawValue < $1.rawValue })
        scoring = PendingForecasts(perSecond: max(1, configuration.sampledPerSecond))
        learner = NetworkLearner(
            networks: Array(networks.prefix(2)), rules: configuration.learning, learns: configuration.learnsOnline,
            algebra: configuration.linearAlgebra)
        tile = ForecastTile(networks: Array(networks.prefix(2)))
    }

    package var accuracy: AccuracyOverview { scoring.scorer.overview }

    /// The bytes that an instance with a history takes; one that never had demand takes ``bytesPerColdInstance``.
    package static let bytesPerInstance =
        bytesPerColdInstance + MemoryLayout<InstanceHistory>.stride + RecentLoads.bytes + IdleCurves.bytes
    package static let bytesPerColdInstance = MemoryLayout<SlotState>.stride

    /// The networks in service.
    package var networks: [QuantileNetwork] { learner.champions }

    /// Lets freshly trained networks, of the same shapes as those in service, challenge them: each serves as soon as it
    /// has forecast what then came no worse, and is dropped if it does not.
    package mutating func propose(_ networks: [QuantileNetwork]) { learner.propose(networks) }

    // MARK: Coming and going

    package mutating func admit(_ instance: InstanceDescription) -> ForecastSlot {
        let application = applicationIndex(instance.application)
        types[Int(application)].members += 1
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
        types[Int(slots[index].application)].members -= 1
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
        types.append(TypeLoad())
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
        scale.advance(to: second, clock: clocks.long)
        onsets.advance(to: second, clock: clocks.long)
        scale.count(load)
        slots[index].track.observe(observation, hasDemand: hasDemand)
        if observation.networkIn != nil || observation.cpuMilli != nil { slots[index].hasLeadingSignals = true }
        onsets.learn(from: &slots[index].track, application: Int(slots[index].application))
        let work = observation.workInFlight ?? 0
        let arrivals = work > 0 ? Float(min(work, 1e6)) : 0
        observeHistory(index, load, arrivals: arrivals, hasDemand: hasDemand, at: second)
    }

    private mutating func observeHistory(
        _ index: Int, _ load: InlineArray<2, Double>, arrivals: Float, hasDemand: Bool, at second: Int64
    ) {
        let application = Int(slots[index].application)
        types[application].second.arrivals += arrivals
        guard let number = slots[index].history ?? (hasDemand ? addHistory(index, at: second) : nil) else { return }
        let history = Int(number)
        let isRecent = hasDemand || second - histories[history].lastDemand <= Self.longIdleSeconds
        guard isRecent || arrivals > 0 else { return }
        if let peaks = histories[history].endBurst(at: second) { amounts.count(peaks, application: application) }
        let wasBusy = histories[history].lastDemand == second - 1
        histories[history].observe(
            load, arrivals: arrivals, at: second, clocks: clocks, recent: &recent, row: history)
        guard hasDemand else { return }
        types[application].second.busy += 1
        if wasBusy { types[application].second.continued += 1 }
        for resource in Resource.allCases {
            let value = Float(load[resource.rawValue])
            let scaled = value / demandScale(history, resource, application: application, at: second)
            types[application].second.demand[resource.rawValue] += value
            types[application].second.scaled[resource.rawValue] += min(scaled, 100)
            types[application].second.squares[resource.rawValue] += min(scaled * scaled, 10_000)
        }
    }

    /// The mean demand of an instance while it has any: the unit of its features and of the network's quantiles.
    func demandScale(_ history: Int?, _ resource: Resource, application: Int, at second: Int64) -> Float {
        let usual = types[application].usualDemand(resource, fleet: fleetDemand[resource.rawValue])
        guard let history else { return max(usual, 1e-6) }
        return histories[history].averages.scale(resource, usual: usual, at: second, decay: clocks.decay)
    }

    /// The fleet's mean demand of a busy second, as of the last step.
    private(set) var fleetDemand = InlineArray<2, Float>(repeating: 0)

    /// Ends the second that types have summed up, once all that was reported of it has come.
    mutating func advanceTypes() {
        guard let newest = scoring.newest, newest != typesAt else { return }
        let elapsed = max(1, newest - (typesAt ?? newest - 1))
        typesAt = newest
        var sums = InlineArray<2, Float>(repeating: 0)
        var seconds: Float = 1e-6
        for index in types.indices {
            types[index].advance(by: elapsed)
            for resource in sums.indices { sums[resource] += types[index].demandSums[resource] }
            seconds += types[index].busySeconds
        }
        for resource in sums.indices { fleetDemand[resource] = sums[resource] / seconds }
    }

    private mutating func addHistory(_ index: Int, at second: Int64) -> Int32 {
        let fresh = InstanceHistory(admitted: slots[index].admitted, last: second - 1, clocks: clocks)
        let number: Int32
        if let free = freeHistories.popLast() {
            histories[Int(free)] = fresh
            idleCurves.clear(Int(free))
            recent.clear(Int(free))
            number = free
        } else {
            histories.append(fresh)
            idleCurves.addRow()
            recent.addRow()
            number = Int32(histories.count - 1)
        }
        slots[index].history = number
        return number
    }
}
