package import FleetModel

/// The forecaster of a whole fleet: simple models per instance and a network for all, combined online by their recent
/// loss and calibrated.
///
/// State lies in dense arrays by slot. An instance that never had demand has no history, and one that has long been
/// idle is neither counted second by second nor forecast curve by curve. Instances are forecast in tiles, so that the
/// network works on matrices. See `docs/forecasting.md` for the models.
package struct FleetForecaster: Forecaster {
    package struct Configuration: Sendable {
        /// The models that are combined; at least one, and the companion only beside the network.
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
        /// How far ahead is looked. Networks that were trained for other horizons are taken as
        /// ``QuantileNetwork/looking(ahead:)`` says.
        package var horizons = ForecastHorizons.standard
        /// What to add to an observation's second for seconds since 1970-01-01 00:00 in local time; nil where the time of
        /// day is not known.
        package var localTimeOffset: Int64?

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
        /// Place in `tenants`; nil where there was none left.
        var pool: Int16?
        /// The second before the first that was observed.
        var admitted: Int64 = 0
        /// The last second of which a forecast was kept for scoring.
        var sampledAt: Int64 = .min
        var signals = HostSignals()
        var track = OnsetTrack()
        /// What became of its forecasts that were kept.
        var skill = SkillTally()
    }

    /// After this many idle seconds everything that looks up to 30 s back sees nothing but idleness of over 64 s.
    static let longIdleSeconds: Int64 = 96
    /// No instance wants more: 10^15 bytes or thousandths. What is beyond counts as this.
    static let greatestDemand = 1e15

    let configuration: Configuration
    let clocks: ForecastClocks
    var calendar = CalendarFeatures()
    var slots: [SlotState] = []
    var histories: [InstanceHistory] = []
    /// By the same index as `histories`.
    var recent = RecentLoads()
    /// The slot whose history it is, by the same index as `histories`; nil for those of instances that left.
    var historyOwners: [Int32?] = []
    /// What was last said of instances that were idle, by the same index as `histories`.
    var idleCurves = IdleCurves()
    var applications: [ApplicationType: Int32] = [:]
    var types = [TypeLoad()]
    /// The second up to which `types` have been advanced.
    var typesAt: Int64?
    /// The second in which it was last looked whether amounts have changed.
    var shiftsLookedAt: Int64 = .min
    /// How far amounts of types with few instances usually wander.
    var smallWander = InlineArray<2, AmountWander>(repeating: AmountWander())
    var checkpoints = LearnedCheckpoints()
    /// The fleet's mean demand of a busy second, as of the last step.
    var fleetDemand = InlineArray<2, Float>(repeating: 0)
    var onsets: OnsetModel
    var endings: EndingModel
    var amounts = AmountModel()
    var tenants = TenantPools()
    var scale = FleetScale()
    var weights: ExpertWeights
    var calibration = UpperCalibration()
    var scoring: PendingForecasts
    var learner: NetworkLearner
    /// Whether the fleet is so large that it is forecast by many calls a second.
    var spreadsLearning = false
    var tile: ForecastTile
    /// By the same index as `slots`.
    private var descriptions: [InstanceDescription] = []
    var departed = DepartedInstances()
    /// From the clock of what is observed to the forecaster's own, in seconds; nil after a snapshot until something is.
    var timeShift: Int64? = 0
    /// How far the forecaster looked ahead whose snapshot this one goes on from, where that is not as far.
    package internal(set) var formerHorizons: ForecastHorizons?
    private var freeSlots: [Int] = []
    var freeHistories: [Int32] = []

    package init(configuration: Configuration = Configuration()) {
        precondition(!configuration.models.isEmpty, "a forecaster needs a model")
        let wanted = configuration.models.contains(.companion) ? 2 : 1
        let networks =
            configuration.models.contains(.network)
            ? configuration.networks.prefix(wanted).map { $0.looking(ahead: configuration.horizons) } : []
        var models = configuration.models.filter { $0 != .network && $0 != .companion }
        if !networks.isEmpty { models.append(.network) }
        if networks.count > 1 { models.append(.companion) }
        self.configuration = configuration
        clocks = ForecastClocks(horizons: configuration.horizons)
        onsets = OnsetModel(horizons: configuration.horizons)
        endings = EndingModel(horizons: configuration.horizons)
        weights = ExpertWeights(enabled: models.sorted { $0.rawValue < $1.rawValue })
        scoring = PendingForecasts(perSecond: max(1, configuration.sampledPerSecond))
        learner = NetworkLearner(
            networks: networks, rules: configuration.learning, learns: configuration.learnsOnline,
            algebra: configuration.linearAlgebra)
        tile = ForecastTile(networks: networks)
    }

    /// The bytes that an instance with a history takes; one that never had demand takes ``bytesPerColdInstance``.
    package static let bytesPerInstance =
        bytesPerColdInstance + MemoryLayout<InstanceHistory>.stride + RecentLoads.bytes + IdleCurves.bytes
        + MemoryLayout<Int32?>.stride
    package static let bytesPerColdInstance = MemoryLayout<SlotState>.stride

    package var horizons: ForecastHorizons { clocks.horizons }

    /// The networks in service.
    package var networks: [QuantileNetwork] { learner.champions }

    /// How much a model counts in what is said at a kind of second, 0...1: the mean over the target's curves and levels.
    package func weight(
        of model: ForecastModel, in kind: OnsetContext.Kind, for target: ForecastTarget
    ) -> Double { weights.mean(model, kind, target) }

    /// Lets freshly trained networks, of the same shapes as those in service, challenge them: each serves as soon as it
    /// has forecast what then came no worse, and is dropped if it does not.
    package mutating func propose(_ networks: [QuantileNetwork]) {
        learner.propose(networks.map { $0.looking(ahead: horizons) })
    }

    // MARK: Coming and going

    package mutating func admit(_ instance: InstanceDescription) -> ForecastSlot {
        let application = applicationIndex(instance.application)
        types[Int(application)].members += 1
        let index: Int
        if let free = freeSlots.popLast() {
            slots[free] = SlotState(generation: slots[free].generation &+ 1, application: application)
            descriptions[free] = instance
            index = free
        } else {
            slots.append(SlotState(generation: 0, application: application))
            descriptions.append(instance)
            index = slots.count - 1
        }
        slots[index].pool = tenants.join(
            application: application, tenant: instance.tenant, user: instance.user)
        goOn(index)
        return ForecastSlot(rawValue: index)
    }

    /// Gives a slot what is remembered of its instance, if that was here before.
    private mutating func goOn(_ slot: Int) {
        guard let former = departed.take(descriptions[slot]) else { return }
        slots[slot].history = former.history
        slots[slot].track = former.track
        slots[slot].admitted = former.admitted
        slots[slot].signals = former.signals
        historyOwners[Int(former.history)] = Int32(slot)
    }

    package mutating func describe(_ slot: ForecastSlot, as instance: InstanceDescription) {
        guard isInUse(slot) else { return }
        let index = slot.rawValue
        let application = applicationIndex(instance.application)
        types[Int(slots[index].application)].members -= 1
        types[Int(application)].members += 1
        tenants.leave(slots[index].pool)
        slots[index].pool = tenants.join(
            application: application, tenant: instance.tenant, user: instance.user)
        slots[index].application = application
        descriptions[index] = instance
        if slots[index].history == nil { goOn(index) }
    }

    package mutating func retire(_ slot: ForecastSlot) {
        guard isInUse(slot) else { return }
        let index = slot.rawValue
        if let record = record(of: index) {
            historyOwners[Int(record.history)] = nil
            freeHistories += departed.add(record)
        }
        types[Int(slots[index].application)].members -= 1
        tenants.leave(slots[index].pool)
        slots[index].pool = nil
        slots[index].isInUse = false
        slots[index].history = nil
        freeSlots.append(index)
    }

    /// What is to be remembered of the instance in a slot; nil where it has no history.
    func record(of slot: Int) -> DepartedInstances.Record? {
        slots[slot].history.map { history in
            DepartedInstances.Record(
                description: descriptions[slot], history: history, track: slots[slot].track,
                admitted: slots[slot].admitted, signals: slots[slot].signals)
        }
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
}
