/// Where a rollout stands.
package enum RolloutPhase: String, Hashable, Sendable, Codable, CaseIterable {
    /// The first few have the version.
    case canary
    /// More take it, stage by stage.
    case batches
    /// Nobody more takes it until an operator goes on. Its gates judge all the same.
    case paused
    /// Everybody takes it.
    case completed
    /// Nobody takes it any more; what is prepared in it is being given up.
    case rollingBack = "rolling-back"
    case rolledBack = "rolled-back"
    /// Rolled back by an operator.
    case aborted

    /// Whether the rollout is over.
    package var isTerminal: Bool {
        switch self {
        case .completed, .rolledBack, .aborted: true
        case .canary, .batches, .paused, .rollingBack: false
        }
    }
}

/// What ended a rollout's way forward.
package enum RolloutCause: Hashable, Sendable, Codable, CustomStringConvertible {
    case gate(RolloutGate)
    /// The target was revoked, or is not published any longer.
    case revoked
    /// An operator's order.
    case ordered

    package var description: String {
        switch self {
        case .gate(let gate): gate.rawValue
        case .revoked: "revoked"
        case .ordered: "ordered"
        }
    }
}

/// One rollout, all of it but who takes part: what is kept durably.
package struct RolloutRecord: Hashable, Sendable, Codable {
    package var id: RolloutID
    package var plan: RolloutPlan
    /// The version before: what the target is compared with, and gone back to. Nil once there is none any more.
    package var baseline: InterfaceVersion?
    package var phase: RolloutPhase
    /// 0 for the canaries, then one for each batch.
    package var stage: Int
    /// The share of instances that may have the version in this stage.
    package var share: Permille
    /// How long this stage has been watched.
    package var soaked: Duration
    /// Whether there are more that this stage has room for.
    package var isFilling: Bool
    /// The instances that may take part, and how many of them have the version, as of the last look.
    package var eligible: Int
    package var admitted: Int
    package var evidence: RolloutEvidence
    package var cause: RolloutCause?
    /// Why it is where it is, for people.
    package var reason: String
    package var startedAt: WallTime
    package var endedAt: WallTime?

    package init(id: RolloutID, plan: RolloutPlan, baseline: InterfaceVersion, startedAt: WallTime) {
        self.id = id
        self.plan = plan
        self.baseline = baseline
        self.startedAt = startedAt
        phase = .canary
        stage = 0
        share = plan.canary
        soaked = .zero
        isFilling = true
        eligible = 0
        admitted = 0
        evidence = RolloutEvidence()
        reason = ""
    }
}

/// Who has the version, and since which stage.
package struct RolloutMembers: Hashable, Sendable {
    package var instances: [InstanceID: Int]
    package var servers: [GPUServerID: Int]

    package init(instances: [InstanceID: Int] = [:], servers: [GPUServerID: Int] = [:]) {
        self.instances = instances
        self.servers = servers
    }

    package var isEmpty: Bool { instances.isEmpty && servers.isEmpty }
}

/// All rollouts that a manager keeps.
package struct StoredRollouts: Hashable, Sendable {
    /// Ascending by number; of those that are over the newest ``historyLimit``. At most one of a kind is not over.
    package var records: [RolloutRecord]
    /// Of those that are not over.
    package var members: [RolloutID: RolloutMembers]

    package static let historyLimit = 64

    package init(records: [RolloutRecord] = [], members: [RolloutID: RolloutMembers] = [:]) {
        self.records = records
        self.members = members
    }
}
