import AllocationCore
package import FleetModel
import SessionCore

/// Classes, rules and quotas, which an operator changes while the manager runs.
extension ManagerMachine {
    /// The classes in force, the rules in their order, and the quotas.
    package var classRules: ClassRules { rules }

    /// Whether all that was changed is durable.
    package var areRulesStored: Bool { !unwritten.rules && underWay?.rules == nil }

    /// Carries out one change, or none of it. It holds from the next step on, and is durable once ``areRulesStored``.
    /// O(instances)
    /// - Returns: what is to be done: the change is written.
    package mutating func change(
        _ change: ClassChange, at now: MonotonicTime
    ) throws(ClassChangeError) -> [ManagerEffect] {
        guard !hasResigned else { throw ClassChangeError("another manager has taken over") }
        try setRules.apply(change, configured: configuration.classes)
        rules = setRules.inForce(over: configuration.classes)
        for index in instances.indices {
            guard let description = instances[index]?.description else { continue }
            instances[index]?.priority = rules.priority(of: description)
        }
        unwritten.rules = true
        return write()
    }

    /// What is held ahead of demand and in use, by class and by tenant. What is on its way back counts no more: otherwise
    /// a second reservation would be taken where one suffices. O(grants)
    var allocationLimits: AllocationLimits {
        var limits = AllocationLimits(quotas: rules.quotas)
        guard !rules.quotas.isEmpty || rules.classes.contains(where: { $0.idleBudget < 1 }) else { return limits }
        for grant in grants.unordered {
            switch grant.charge {
            case .none, .warm, .lowering: continue
            case .slice(let slice):
                guard !grant.lifecycle.isReleasing else { continue }
                let instance = grant.stored.instance
                let priority = record(of: instance.id)?.priority.name ?? instance.priorityClass
                limits.count(
                    slice.memory, isAttached: grant.lifecycle.isAttached, of: priority, for: instance.tenant)
            }
        }
        return limits
    }
}
