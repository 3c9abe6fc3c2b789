package import FleetModel

/// What of a subject tells whether a plan has to look at it at all: how probable its demand is, what it would take, and how
/// far it is prepared. Beside its name it has no references, so that a large fleet's are made and compared at little cost,
/// and an ``AllocationSubject`` is made of those alone that are decided.
package struct AllocationProspect: Sendable {
    /// How far an instance is prepared.
    package struct Held: Hashable, Sendable {
        /// ``Readiness/warm``, ``Readiness/reserved`` or ``Readiness/attached``.
        package var level: Readiness
        /// Zero at ``Readiness/warm``.
        package var memory: Bytes
        package var unusedSince: MonotonicTime
        package var isSettled: Bool

        package init(level: Readiness, memory: Bytes, unusedSince: MonotonicTime, isSettled: Bool) {
            self.level = level
            self.memory = memory
            self.unusedSince = unusedSince
            self.isSettled = isSettled
        }

        package init(_ holding: Holding) {
            self.init(
                level: holding.level, memory: holding.slice.memory, unusedSince: holding.unusedSince,
                isSettled: holding.settled)
        }
    }

    package var instance: InstanceID
    /// Its class's weight, service level and grace, as in ``PriorityClass``.
    package var weight: Double
    package var serviceLevel: Double
    package var grace: Duration
    /// As in ``AllocationSubject``, and so are those that follow.
    package var onset: InlineArray<3, Float>
    package var relativeWidth: Double
    package var amount: Slice
    package var amplest: Bytes
    package var expectedCompute: MilliShare
    package var staged: Bool
    package var costs: LadderCosts?
    package var held: Held?
    package var isCertain = false
    /// Whether operators have ordered anything of it, and whether that is a slice.
    var isOrdered = false
    var isReserved = false

    /// One of which nothing is ordered.
    package init(
        instance: InstanceID, weight: Double, serviceLevel: Double, grace: Duration, onset: InlineArray<3, Float>,
        relativeWidth: Double, amount: Slice, amplest: Bytes, expectedCompute: MilliShare, staged: Bool,
        costs: LadderCosts?, held: Held?
    ) {
        self.instance = instance
        self.weight = weight
        self.serviceLevel = serviceLevel
        self.grace = grace
        self.onset = onset
        self.relativeWidth = relativeWidth
        self.amount = amount
        self.amplest = max(amplest, amount.memory)
        self.expectedCompute = expectedCompute
        self.staged = staged
        self.costs = costs
        self.held = held
    }

    /// What of a device is set aside while a slice is held for the instance and not used: the memory that it has, where it
    /// has some, and the compute that is expected.
    var setAside: Slice {
        let memory = held.flatMap { $0.level == .reserved ? $0.memory : nil } ?? amount.memory
        return Slice(memory: memory, compute: expectedCompute)
    }

    static func probability(_ onset: InlineArray<3, Float>, within horizon: ForecastHorizon) -> Double {
        let probability = Double(onset[horizon.rawValue])
        return probability.isFinite ? min(max(probability, 0), 1) : 0
    }
}

extension AllocationProspect: Equatable {
    package static func == (left: Self, right: Self) -> Bool {
        left.onset.indices.allSatisfy { left.onset[$0] == right.onset[$0] } && left.instance == right.instance
            && left.weight == right.weight && left.serviceLevel == right.serviceLevel && left.grace == right.grace
            && left.relativeWidth == right.relativeWidth && left.amount == right.amount
            && left.amplest == right.amplest && left.expectedCompute == right.expectedCompute
            && left.staged == right.staged && left.costs == right.costs && left.held == right.held
            && left.isCertain == right.isCertain && left.isOrdered == right.isOrdered
            && left.isReserved == right.isReserved
    }
}

extension AllocationSubject {
    package var prospect: AllocationProspect {
        var prospect = AllocationProspect(
            instance: instance, weight: priority.weight, serviceLevel: priority.serviceLevel, grace: priority.grace,
            onset: onset, relativeWidth: relativeWidth, amount: amount, amplest: amplest,
            expectedCompute: expectedCompute, staged: staged, costs: costs,
            held: holding.map { AllocationProspect.Held($0) })
        prospect.isCertain = isCertain
        prospect.isOrdered = order != .none
        prospect.isReserved = order.isReserved
        return prospect
    }
}
