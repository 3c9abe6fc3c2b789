/// Changes of an operator, and what the manager does at once when they are made. It is made on one state of the fleet, and
/// refused where what it depends on has changed: the settings, or what an instance holds that a step is about.
package struct ChangePlan: Hashable, Sendable {
    package var changes: [OperatorChange]
    /// ``OperatorOrders/revision`` of the settings that it was made on.
    package var revision: UInt64
    package var madeAt: WallTime
    /// In the order in which they are done.
    package var steps: [PlannedStep]

    package static let changeLimit = 1_024
    package static let stepLimit = 1 << 20

    package init(changes: [OperatorChange], revision: UInt64, madeAt: WallTime, steps: [PlannedStep]) {
        self.changes = changes
        self.revision = revision
        self.madeAt = madeAt
        self.steps = steps
    }
}

/// One thing that is done, or that cannot be done, when changes are made.
package struct PlannedStep: Hashable, Sendable {
    package enum Action: Hashable, Sendable {
        case openWarm(DeviceID)
        /// `existing` is what the instance holds on the device, raised in place; nil for a new grant.
        case reserve(DeviceID, Slice, existing: GrantID?)
        /// What the instance holds is lowered to a warm session.
        case lower(GrantID, ReclaimReason)
        case release(GrantID, ReclaimReason)
        /// What is wanted for the instance no longer fits.
        case short(String)
    }

    package var instance: InstanceID
    package var action: Action
    /// What the instance holds when the plan is made; nil for nothing.
    package var holds: PlannedHolding?

    package init(instance: InstanceID, action: Action, holds: PlannedHolding?) {
        self.instance = instance
        self.action = action
        self.holds = holds
    }
}

/// A grant as a plan finds it.
package struct PlannedHolding: Hashable, Sendable {
    package var grant: GrantID
    package var device: DeviceID
    package var level: Readiness
    package var slice: Slice

    package init(grant: GrantID, device: DeviceID, level: Readiness, slice: Slice) {
        self.grant = grant
        self.device = device
        self.level = level
        self.slice = slice
    }
}

/// Why a plan is not carried out.
package enum PlanRefusal: Error, Hashable, Sendable, CustomStringConvertible {
    /// What it depends on has changed since: what, in a sentence fragment.
    case stale(String)
    /// A change that it makes cannot be made.
    case refused(OrderError)

    package var description: String {
        switch self {
        case .stale(let what): "the plan is stale: \(what); plan anew"
        case .refused(let error): error.description
        }
    }
}

/// A program that waits for a slice, as people see it.
package struct WaitingOverview: Hashable, Sendable {
    package var request: RequestID
    package var agent: AgentID
    package var instance: InstanceID
    package var waited: Duration
    /// What it waits for, in a sentence fragment.
    package var reason: String
    /// In how long it is expected to be served; nil where that cannot be told.
    package var estimate: Duration?

    /// At most so many are shown.
    package static let limit = 4_096

    package init(
        request: RequestID, agent: AgentID, instance: InstanceID, waited: Duration, reason: String, estimate: Duration?
    ) {
        self.request = request
        self.agent = agent
        self.instance = instance
        self.waited = waited
        self.reason = reason
        self.estimate = estimate
    }
}
