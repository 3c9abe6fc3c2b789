import FleetModel

/// Who of a fleet may take a version next: in the order of the cohort, as far as each group's limit lets them.
struct RolloutAdmission {
    /// The most that are admitted in one step; what is written of them fits one transaction.
    static let most = 4_096

    let plan: RolloutPlan
    let stage: Int

    /// Instances up to `goal` members in all, ascending by their place in the cohort. O(n log n)
    /// - Returns: those that are new, and whether there are more that the stage has room for.
    func instances(
        _ fleet: [RolloutFleet.Instance], members: [InstanceID: Int], goal: Int
    ) -> (admitted: [InstanceID], hasMore: Bool) {
        var tenants = GroupRoom<TenantID>(limit: plan.limits.perTenant)
        var classes = GroupRoom<PriorityClassName>(limit: plan.limits.perClass)
        var have = 0
        for one in fleet {
            let since = members[one.id]
            if since != nil { have += 1 }
            tenants.count(one.tenant, isChanging: since == stage)
            classes.count(one.priorityClass, isChanging: since == stage)
        }
        guard have < goal else { return ([], false) }
        let byID = Dictionary(fleet.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        let waiting = CohortOrder.sorted(byID.keys.filter { members[$0] == nil }, for: plan.target)
        var admitted: [InstanceID] = []
        for id in waiting where have + admitted.count < goal {
            guard let one = byID[id], tenants.hasRoom(one.tenant), classes.hasRoom(one.priorityClass) else { continue }
            guard admitted.count < Self.most else { return (admitted, true) }
            tenants.take(one.tenant)
            classes.take(one.priorityClass)
            admitted.append(id)
        }
        return (admitted, false)
    }

    /// GPU servers, as many of each failure domain as may change at once. A version that is installed beside others
    /// disturbs no session: so a stage takes as many as the limit says, and canaries find the version where they go.
    func servers(
        _ fleet: [RolloutFleet.Server], members: [GPUServerID: Int]
    ) -> (admitted: [GPUServerID], hasMore: Bool) {
        var domains = GroupRoom<FailureDomain?>(limit: plan.limits.perFailureDomain)
        for one in fleet { domains.count(one.failureDomain, isChanging: members[one.id] == stage) }
        let byID = Dictionary(fleet.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        let waiting = CohortOrder.sorted(byID.keys.filter { members[$0] == nil }, for: plan.target)
        var admitted: [GPUServerID] = []
        for id in waiting {
            guard let one = byID[id], domains.hasRoom(one.failureDomain) else { continue }
            guard admitted.count < Self.most else { return (admitted, true) }
            domains.take(one.failureDomain)
            admitted.append(id)
        }
        return (admitted, false)
    }
}

/// How many members of each group change in this stage, and how many more may.
private struct GroupRoom<Group: Hashable> {
    let limit: Permille
    private var sizes: [Group: (members: Int, changing: Int)] = [:]

    init(limit: Permille) { self.limit = limit }

    mutating func count(_ group: Group, isChanging: Bool) {
        sizes[group, default: (0, 0)].members += 1
        if isChanging { sizes[group]?.changing += 1 }
    }

    func hasRoom(_ group: Group) -> Bool {
        sizes[group].map { $0.changing < limit.atLeastOne(of: $0.members) } ?? false
    }

    mutating func take(_ group: Group) { sizes[group]?.changing += 1 }
}
