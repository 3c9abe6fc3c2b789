/// What an operator orders of rollouts.
package enum RolloutChange: Hashable, Sendable {
    /// Begins one. Of the plan's target kind and version number count: it has a bundle for each platform, and the digest
    /// is the manager's to fill in.
    case start(RolloutPlan)
    /// Of the one that is not over, or of the one that is named: an order that comes too late is not given to the next.
    case pause(RolloutID?)
    case resume(RolloutID?)
    case abort(RolloutID?)
}

/// What one commit changes of the rollouts that are stored.
package struct RolloutWrite: Hashable, Sendable {
    /// Who takes part, beside what is stored of that.
    package struct MemberChange: Hashable, Sendable {
        /// Whether nobody who is stored takes part any more.
        package var isCleared = false
        /// The stage since which each has the version; nil for who is gone.
        package var instances: [InstanceID: Int?] = [:]
        package var servers: [GPUServerID: Int?] = [:]

        package init() {}
    }

    /// Added, or in place of those of their numbers.
    package var records: [RolloutID: RolloutRecord] = [:]
    /// Forgotten with their members.
    package var removals: Set<RolloutID> = []
    package var members: [RolloutID: MemberChange] = [:]

    package init() {}

    package var isEmpty: Bool { records.isEmpty && removals.isEmpty && members.isEmpty }
}

extension StoredRollouts {
    /// Carries out what a commit changes. O(records + members)
    package mutating func apply(_ write: RolloutWrite) {
        var all = Dictionary(records.map { ($0.id, $0) }, uniquingKeysWith: { $1 })
        all.merge(write.records) { $1 }
        for id in write.removals {
            all[id] = nil
            members[id] = nil
        }
        records = all.values.sorted { $0.id < $1.id }
        for (id, change) in write.members where all[id] != nil {
            var changed = change.isCleared ? RolloutMembers() : members[id] ?? RolloutMembers()
            for (instance, stage) in change.instances { changed.instances[instance] = stage }
            for (server, stage) in change.servers { changed.servers[server] = stage }
            members[id] = changed.isEmpty ? nil : changed
        }
    }
}

/// What becomes of a version that is published.
package enum InterfaceUpdates: String, Hashable, Sendable, Codable, CaseIterable {
    /// It is used by itself: by a few first, and by all once it is known.
    case automatic
    /// What is newer than what the last rollout brought waits for a rollout of its own.
    case rollout
}
