/// A rollout as people see it.
package struct RolloutOverview: Hashable, Sendable {
    /// What one gate has seen in this stage.
    package struct Gate: Hashable, Sendable {
        package var gate: RolloutGate
        package var target: FailureCount
        package var baseline: FailureCount
        /// The rate of commands of the target by that of the version before; nil for other gates, and before it is known.
        package var commandRateRatio: Double?

        package init(
            gate: RolloutGate, target: FailureCount = FailureCount(), baseline: FailureCount = FailureCount(),
            commandRateRatio: Double? = nil
        ) {
            self.gate = gate
            self.target = target
            self.baseline = baseline
            self.commandRateRatio = commandRateRatio
        }
    }

    package var id: RolloutID
    package var target: InterfaceVersion
    package var baseline: InterfaceVersion?
    package var phase: RolloutPhase
    package var stage: Int
    package var share: Permille
    package var eligible: Int
    package var admitted: Int
    package var servers: Int
    package var soaked: Duration
    package var reason: String
    package var startedAt: WallTime
    package var endedAt: WallTime?
    /// Sessions that programs have in the target now, and those in any other version.
    package var sessionsInTarget: Int
    package var sessionsInOthers: Int
    /// Those that judge, in the order of ``RolloutGate``.
    package var gates: [Gate]

    package init(_ record: RolloutRecord, servers: Int = 0, sessionsInTarget: Int = 0, sessionsInOthers: Int = 0) {
        id = record.id
        target = record.plan.target
        baseline = record.baseline
        phase = record.phase
        stage = record.stage
        share = record.share
        eligible = record.eligible
        admitted = record.admitted
        soaked = record.soaked
        reason = record.reason
        startedAt = record.startedAt
        endedAt = record.endedAt
        self.servers = servers
        self.sessionsInTarget = sessionsInTarget
        self.sessionsInOthers = sessionsInOthers
        gates = []
    }
}
