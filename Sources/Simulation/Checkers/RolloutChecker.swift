import FleetModel

/// A version goes to those alone whom its rollout has come to, and no stage of a rollout changes more of a tenant, a class
/// or a failure domain than its limits say.
struct RolloutChecker: Checker {
    private let tenants: [InstanceID: TenantID]
    private let classes: [InstanceID: PriorityClassName]
    private let tenantSizes: [TenantID: Int]
    private let classSizes: [PriorityClassName: Int]
    /// Whether what is newer than what stands waits for a rollout.
    private let waitsForRollouts: Bool
    /// Version numbers that everybody may have: what was published at first, and what a rollout has brought to all.
    private var free: Set<SemanticVersion> = []
    /// Who has, or had, a version by its rollout. One that was just withdrawn may still be under way to it.
    private var members: [SemanticVersion: Set<InstanceID>] = [:]
    private var servers: Set<GPUServerID> = []
    private var seen: Set<GrantID> = []

    init(instances: [InstanceDescription], waitsForRollouts: Bool) {
        tenants = Dictionary(instances.map { ($0.id, $0.tenant) }, uniquingKeysWith: { $1 })
        classes = Dictionary(instances.map { ($0.id, $0.priorityClass) }, uniquingKeysWith: { $1 })
        tenantSizes = Dictionary(instances.map { ($0.tenant, 1) }, uniquingKeysWith: +)
        classSizes = Dictionary(instances.map { ($0.priorityClass, 1) }, uniquingKeysWith: +)
        self.waitsForRollouts = waitsForRollouts
    }

    mutating func observe(_ fact: Fact, now: MonotonicTime, local: MonotonicTime) -> (Violation.Rule, String)? {
        switch fact {
        case .serverIntroduced(let hello):
            servers.insert(hello.server)
            return nil
        case .published(let versions):
            // Where nothing is left that everybody may have, all that there is will have to do.
            let numbers = versions.map(\.version)
            if free.isDisjoint(with: numbers) { free.formUnion(numbers) }
            return nil
        case .stored(let fleet):
            return stored(fleet.rollouts)
        case .managerCommanded(let command):
            return commanded(command)
        default:
            return nil
        }
    }

    private mutating func stored(_ rollouts: StoredRollouts) -> (Violation.Rule, String)? {
        for record in rollouts.records {
            let version = record.plan.target.version
            if record.phase == .completed { free.insert(version) }
            guard let has = rollouts.members[record.id] else { continue }
            members[version, default: []].formUnion(has.instances.keys)
            guard record.baseline != nil else {
                // There is nothing else to run in.
                free.insert(version)
                continue
            }
            let limits = record.plan.limits
            let changing = has.instances.filter { $0.value == record.stage }.map(\.key)
            if let tenant = excess(changing.compactMap { tenants[$0] }, of: tenantSizes, limits.perTenant) {
                return (.rollout, "\(record.id) changes too many instances of \(tenant) at once")
            }
            if let name = excess(changing.compactMap { classes[$0] }, of: classSizes, limits.perClass) {
                return (.rollout, "\(record.id) changes too many instances of class \(name) at once")
            }
            let changingServers = has.servers.count { $0.value == record.stage }
            if changingServers > limits.perFailureDomain.atLeastOne(of: servers.count) {
                return (.rollout, "\(record.id) changes \(changingServers) of \(servers.count) GPU servers at once")
            }
        }
        return nil
    }

    /// The group of which more changes than its limit; nil for none.
    private func excess<Group: Hashable>(
        _ changing: [Group], of sizes: [Group: Int], _ limit: Permille
    ) -> Group? {
        let counts = Dictionary(changing.map { ($0, 1) }, uniquingKeysWith: +)
        return counts.first { $0.value > limit.atLeastOne(of: sizes[$0.key] ?? 0) }?.key
    }

    private mutating func commanded(_ command: GrantCommand) -> (Violation.Rule, String)? {
        guard waitsForRollouts, !command.goal.isEnd, seen.insert(command.grant).inserted else { return nil }
        let version = command.version.version
        if free.contains(version) || members[version]?.contains(command.instance) == true { return nil }
        return (.rollout, "\(command.grant) of \(command.instance) is in \(command.version), which has not come to it")
    }
}
