package import FleetModel

/// How much of the pool's memory may be held ahead of demand: by each class (its idle budget) and for each tenant (its
/// quota), and how much is.
///
/// Only what is foreseen is limited: a program that asks gets what it asks for, and what it then uses counts first
/// against its tenant's quota.
package struct AllocationLimits: Hashable, Sendable {
    /// Shares of the pool's memory, 0 to 1; a tenant without one may have all of it.
    package let quotas: [TenantID: Double]
    /// Devices of GPU servers on which work begins soon: nothing is placed there ahead of demand.
    package var closing: [DeviceID] = []
    /// Memory that is reserved and no program has attached to.
    private var idleOfClass: [PriorityClassName: Int64] = [:]
    /// Memory that is reserved or attached.
    private var heldByTenant: [TenantID: Int64] = [:]

    package init(quotas: [TenantID: Double] = [:]) { self.quotas = quotas }

    /// Counts what is held. A class or a tenant without a limit costs nothing later.
    package mutating func count(
        _ memory: Bytes, isAttached: Bool, of priorityClass: PriorityClassName, for tenant: TenantID?
    ) {
        if !isAttached { idleOfClass[priorityClass, default: 0] += memory.rawValue }
        if let tenant, quotas[tenant] != nil { heldByTenant[tenant, default: 0] += memory.rawValue }
    }

    /// Takes back what was counted of a reservation that no program has attached to.
    mutating func uncount(_ memory: Bytes, of subject: AllocationSubject) {
        count(.zero - memory, isAttached: false, of: subject.priority.name, for: subject.tenant)
    }

    /// What stands in the way of reserving `memory` more for a subject, with what is missing; nil where nothing does.
    /// - Parameter available: the memory of all available devices, in bytes.
    func obstacle(to memory: Bytes, for subject: AllocationSubject, of available: Double) -> Contention.Reason? {
        if subject.priority.idleBudget < 1 {
            let most = Int64(subject.priority.idleBudget * available)
            let over = (idleOfClass[subject.priority.name] ?? 0) + memory.rawValue - most
            if over > 0 { return .idleBudget(shortBy: Bytes(over)) }
        }
        if let tenant = subject.tenant, let quota = quotas[tenant] {
            let over = (heldByTenant[tenant] ?? 0) + memory.rawValue - Int64(quota * available)
            if over > 0 { return .quota(shortBy: Bytes(over)) }
        }
        return nil
    }

    /// What the subjects hold, counted: for whoever keeps no accounts of their own.
    package static func counting(_ subjects: [AllocationSubject], quotas: [TenantID: Double] = [:]) -> Self {
        var limits = Self(quotas: quotas)
        for subject in subjects {
            guard let holding = subject.holding, holding.level >= .reserved else { continue }
            limits.count(
                holding.slice.memory, isAttached: holding.level == .attached, of: subject.priority.name,
                for: subject.tenant)
        }
        return limits
    }
}
