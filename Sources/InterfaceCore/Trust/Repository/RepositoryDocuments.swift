/// The four top-level roles' metadata of a repository, and the changes that its owners make. It signs nothing: it says
/// which documents have changed, and the shell signs and stores them.
package struct RepositoryDocuments: Hashable, Sendable {
    /// How long a role's metadata is valid, in days, and who signs it.
    package struct RolePlan: Hashable, Sendable {
        package var keys: [KeyRecord]
        package var threshold: Int64
        package var days: Int64

        package init(keys: [KeyRecord], threshold: Int64 = 1, days: Int64) {
            self.keys = keys
            self.threshold = threshold
            self.days = days
        }
    }

    package var root: RoleDocument
    package var targets: RoleDocument
    package var snapshot: RoleDocument
    package var timestamp: RoleDocument

    /// Where a root says how many days a role's metadata is valid; the specification leaves such members to us.
    private static let daysMember: ExactText = "x-presync-days"

    package init(root: RoleDocument, targets: RoleDocument, snapshot: RoleDocument, timestamp: RoleDocument) {
        self.root = root
        self.targets = targets
        self.snapshot = snapshot
        self.timestamp = timestamp
    }

    /// A new, empty repository. `plans` has each of the four roles.
    package init(plans: [RoleName: RolePlan], at now: MetadataTime) {
        func expiry(_ role: RoleName) -> MetadataTime { now.after(days: plans[role]?.days ?? 0) }
        root = RoleDocument(
            .root, expires: expiry(.root),
            ["consistent_snapshot": .boolean(true), "keys": .object([:]), "roles": .object([:])])
        targets = RoleDocument(.targets, expires: expiry(.targets), ["targets": .object([:])])
        snapshot = RoleDocument(
            .snapshot, expires: expiry(.snapshot), ["meta": .object(["targets.json": Self.reference(1)])])
        timestamp = RoleDocument(
            .timestamp, expires: expiry(.timestamp), ["meta": .object(["snapshot.json": Self.reference(1)])])
        for (role, plan) in plans.sorted(by: { $0.key < $1.key }) { Self.set(plan, of: role, in: &root) }
    }

    private static func reference(_ version: Int64) -> JSONValue { .object(["version": .integer(version)]) }

    /// How many days a role's metadata is valid.
    package func days(_ role: RoleName) -> Int64 {
        guard case .object(let roles) = root.members["roles"], case .object(let plan) = roles[role.text],
            case .integer(let days) = plan[Self.daysMember]
        else { return 30 }
        return days
    }

    // MARK: Targets

    /// Puts targets in, or changes them, and leads to them from a new snapshot and timestamp.
    package mutating func set(_ targets: [ExactText: JSONValue], at now: MetadataTime) {
        self.targets.change("targets") { $0.merge(targets) { $1 } }
        renewTargets(at: now)
    }

    /// What a target's metadata is; nil where there is none of this path.
    package func target(_ path: ExactText) -> [ExactText: JSONValue]? {
        guard case .object(let targets) = targets.members["targets"], case .object(let target) = targets[path] else {
            return nil
        }
        return target
    }

    /// New versions of targets, snapshot and timestamp.
    package mutating func renewTargets(at now: MetadataTime) {
        targets.version += 1
        targets.expires = now.after(days: days(.targets))
        renewSnapshot(at: now)
    }

    /// New versions of snapshot and timestamp.
    package mutating func renewSnapshot(at now: MetadataTime) {
        let version = targets.version
        snapshot.change("meta") { $0["targets.json"] = Self.reference(version) }
        snapshot.version += 1
        snapshot.expires = now.after(days: days(.snapshot))
        renewTimestamp(at: now)
    }

    /// A new version of the timestamp.
    package mutating func renewTimestamp(at now: MetadataTime) {
        let version = snapshot.version
        timestamp.change("meta") { $0["snapshot.json"] = Self.reference(version) }
        timestamp.version += 1
        timestamp.expires = now.after(days: days(.timestamp))
    }

    // MARK: Root

    /// The root that follows, unsigned: with other keys for `role`, if one is named.
    package func nextRoot(replacing role: RoleName?, with keys: [KeyRecord], at now: MetadataTime) -> RoleDocument {
        var next = root
        next.version += 1
        next.expires = now.after(days: days(.root))
        if let role {
            let threshold = min(Self.threshold(of: role, in: root), Int64(keys.count))
            Self.set(RolePlan(keys: keys, threshold: max(1, threshold), days: days(role)), of: role, in: &next)
        }
        return next
    }

    private static func threshold(of role: RoleName, in root: RoleDocument) -> Int64 {
        guard case .object(let roles) = root.members["roles"], case .object(let plan) = roles[role.text],
            case .integer(let threshold) = plan["threshold"]
        else { return 1 }
        return threshold
    }

    /// Names a role's keys, and leaves out of the root the keys that no role has any longer.
    private static func set(_ plan: RolePlan, of role: RoleName, in root: inout RoleDocument) {
        root.change("roles") { roles in
            roles[role.text] = .object([
                "keyids": .array(plan.keys.map { .text($0.keyID) }), "threshold": .integer(plan.threshold),
                daysMember: .integer(plan.days),
            ])
        }
        let used = keyIDs(in: root)
        root.change("keys") { keys in
            for key in plan.keys { keys[key.keyID] = key.json }
            keys = keys.filter { used.contains($0.key) }
        }
    }

    private static func keyIDs(in root: RoleDocument) -> Set<ExactText> {
        guard case .object(let roles) = root.members["roles"] else { return [] }
        var keyIDs: Set<ExactText> = []
        for role in roles.values {
            guard case .object(let plan) = role, case .array(let list) = plan["keyids"] else { continue }
            for case .text(let keyID) in list { keyIDs.insert(keyID) }
        }
        return keyIDs
    }
}

extension MetadataTime {
    /// So many days later.
    package func after(days: Int64) -> MetadataTime {
        MetadataTime(secondsSinceEpoch: secondsSinceEpoch + days * 86_400)
    }
}
