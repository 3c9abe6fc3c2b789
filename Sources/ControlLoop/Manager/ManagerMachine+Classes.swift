import AllocationCore
package import FleetModel
import SessionCore

/// Classes, rules and quotas, which an operator changes while the manager runs.
extension ManagerMachine {
    /// The classes in force, the rules in their order, and the quotas.
    package var classRules: ClassRules { rules }

    /// Carries out one change, or none of it. It holds from the next step on, and is durable once ``areOrdersStored``.
    /// O(instances)
    /// - Returns: what is to be done: the change is written.
    package mutating func change(
        _ change: ClassChange, at now: MonotonicTime
    ) throws(OrderError) -> [ManagerEffect] {
        try self.change([.classes(change)], at: now)
    }

    /// What is held ahead of demand and in use, by class and by tenant. What is on its way back counts no more: otherwise
    /// a second reservation would be taken where one suffices. What is set aside by order is not of the class. O(grants)
    func allocationLimits(_ now: MonotonicTime) -> AllocationLimits {
        var limits = AllocationLimits(quotas: rules.quotas)
        limits.closing = closingDevices(now)
        guard !rules.quotas.isEmpty || rules.classes.contains(where: { $0.idleBudget < 1 }) else { return limits }
        for grant in grants.unordered {
            switch grant.charge {
            case .none, .warm, .lowering: continue
            case .slice(let slice):
                guard !grant.lifecycle.isReleasing else { continue }
                let instance = grant.stored.instance
                let record = record(of: instance.id)
                limits.count(
                    slice.memory, isAttached: grant.lifecycle.isAttached || record?.order.isReserved == true,
                    of: record?.priority.name ?? instance.priorityClass, for: instance.tenant)
            }
        }
        return limits
    }
}
