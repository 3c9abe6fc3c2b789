package import FleetModel

/// One instance as the planner sees it: what is expected of it, what it is entitled to, and what it holds.
package struct AllocationSubject: Sendable {
    package var instance: InstanceID
    package var priority: PriorityClass
    /// Whose quota a reservation counts against; nil for nobody's.
    package var tenant: TenantID?
    /// The probability that demand begins within each horizon, indexed by ``ForecastHorizon``; 0 to 1.
    package var onset: InlineArray<3, Float>
    /// The width of the 80 % interval of peak memory demand, should demand come, divided by its median; 0 or more.
    package var relativeWidth: Double
    /// What a reservation would be: demand at the class's service level, should it come.
    package var amount: Slice
    /// The memory that covers almost every demand, at ``highestServiceLevel``; at least ``amount``'s. It is reserved where
    /// idle memory is cheap enough for what it saves beyond ``amount``.
    package var amplest: Bytes
    /// The quantile of ``amplest``.
    package static let highestServiceLevel = 0.99
    /// What its demand takes of a device's compute beside others' (``ComputePromise``); of one that is idle a small part
    /// of ``amount``'s.
    package var expectedCompute: MilliShare
    /// What the instance holds. A grant that is being released stays here, not settled, until its GPU server has
    /// confirmed: otherwise a second victim would be taken where one suffices.
    package var holding: Holding?
    /// Whether both ends have a shared interface version.
    package var staged: Bool
    /// Whether its demand is known and not forecast: a program of it has just lost its session with a GPU server. It is
    /// reserved for at any price.
    package var isCertain = false
    /// What the steps take for it; nil where the configured figures are all that is known.
    package var costs: LadderCosts?
    /// What operators have ordered of it.
    package var order: InstanceOrder
    /// The other members of its set; nil where it is alone.
    package var siblings: Siblings?
    /// Devices on which nothing new can be opened for it.
    package var closed: Set<DeviceID> = []

    package init(
        instance: InstanceID, priority: PriorityClass, onset: InlineArray<3, Float>, relativeWidth: Double,
        amount: Slice, amplest: Bytes? = nil, expectedCompute: MilliShare? = nil, holding: Holding? = nil, staged: Bool,
        tenant: TenantID? = nil, costs: LadderCosts? = nil, order: InstanceOrder = .none
    ) {
        self.costs = costs
        self.order = order
        self.tenant = tenant
        self.amplest = max(amplest ?? amount.memory, amount.memory)
        self.expectedCompute = expectedCompute ?? amount.compute
        self.instance = instance
        self.priority = priority
        self.onset = onset
        self.relativeWidth = relativeWidth
        self.amount = amount
        self.holding = holding
        self.staged = staged
    }

    /// Whether it may have something on a device: where its pin allows it, no other member of its set has anything, and a
    /// session can be opened.
    func admits(_ device: DeviceID) -> Bool {
        order.admits(device) && siblings?.devices.contains(device) != true && !closed.contains(device)
    }

    /// The probability that demand begins within `horizon`; not a number counts as 0.
    package func onsetProbability(within horizon: ForecastHorizon) -> Double {
        AllocationProspect.probability(onset, within: horizon)
    }
}

/// The other members of an instance's set, that is of the several virtual GPUs of one instance: each is to be on a device of
/// its own.
package struct Siblings: Hashable, Sendable {
    /// The same for all members, and another for each set of a plan.
    package var set: Int
    /// Where the others have something.
    package var devices: [DeviceID]

    package init(set: Int, devices: [DeviceID]) {
        self.set = set
        self.devices = devices
    }
}

/// The one grant that an instance holds.
package struct Holding: Hashable, Sendable {
    package var grant: GrantID
    package var device: DeviceID
    /// ``Readiness/warm``, ``Readiness/reserved`` or ``Readiness/attached``.
    package var level: Readiness
    /// Zero at ``Readiness/warm``.
    package var slice: Slice
    /// When this level was last wanted or used: grace runs from here.
    package var unusedSince: MonotonicTime
    /// False while a command for it is under way: the planner does not change it.
    package var settled: Bool

    package init(
        grant: GrantID, device: DeviceID, level: Readiness, slice: Slice, unusedSince: MonotonicTime, settled: Bool
    ) {
        self.grant = grant
        self.device = device
        self.level = level
        self.slice = slice
        self.unusedSince = unusedSince
        self.settled = settled
    }
}
