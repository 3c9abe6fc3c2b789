package import FleetModel

/// What happened to sessions of one version since the last step.
package struct VersionHealth: Hashable, Sendable {
    /// Sessions that opened, and how long that took.
    package var opened: OpenTimeHistogram
    package var failedToOpen: UInt64
    /// Sessions whose worker failed.
    package var crashed: UInt64
    /// Hosts and GPU servers that put the version in force, its self-test passed where there is one, and those that could
    /// not.
    package var selfTestsPassed: UInt64
    package var selfTestsFailed: UInt64
    /// Small commands a second, as self-tests measured them anew.
    package var commandRates: [GPUServerID: Double]

    package init() {
        opened = OpenTimeHistogram()
        failedToOpen = 0
        crashed = 0
        selfTestsPassed = 0
        selfTestsFailed = 0
        commandRates = [:]
    }

    package static func += (left: inout Self, right: Self) {
        left.opened += right.opened
        left.failedToOpen += right.failedToOpen
        left.crashed += right.crashed
        left.selfTestsPassed += right.selfTestsPassed
        left.selfTestsFailed += right.selfTestsFailed
        left.commandRates.merge(right.commandRates) { $1 }
    }
}

/// Who could take part: those for whom both versions are possible.
package struct RolloutFleet: Hashable, Sendable {
    package struct Instance: Hashable, Sendable {
        package var id: InstanceID
        package var tenant: TenantID
        package var priorityClass: PriorityClassName

        package init(_ id: InstanceID, tenant: TenantID, priorityClass: PriorityClassName) {
            self.id = id
            self.tenant = tenant
            self.priorityClass = priorityClass
        }
    }

    package struct Server: Hashable, Sendable {
        package var id: GPUServerID
        package var failureDomain: FailureDomain?

        package init(_ id: GPUServerID, failureDomain: FailureDomain? = nil) {
            self.id = id
            self.failureDomain = failureDomain
        }
    }

    package var instances: [Instance]
    package var servers: [Server]

    package init(instances: [Instance] = [], servers: [Server] = []) {
        self.instances = instances
        self.servers = servers
    }
}

/// What a rollout is told once a period.
package struct RolloutStep: Hashable, Sendable {
    /// Since the last step, or since the rollout was taken up again.
    package var elapsed: Duration
    package var target: VersionHealth
    package var baseline: VersionHealth
    /// Nil where it is as it was at the last step.
    package var fleet: RolloutFleet?
    /// GPU servers that may have the version and have not said yet whether they can use it.
    package var undecidedServers: Int
    /// Sessions in the target that are prepared and no program uses.
    package var preparedInTarget: Int

    package init(
        elapsed: Duration, target: VersionHealth = VersionHealth(), baseline: VersionHealth = VersionHealth(),
        fleet: RolloutFleet? = nil, undecidedServers: Int = 0, preparedInTarget: Int = 0
    ) {
        self.elapsed = elapsed
        self.target = target
        self.baseline = baseline
        self.fleet = fleet
        self.undecidedServers = undecidedServers
        self.preparedInTarget = preparedInTarget
    }
}

/// What a rollout has changed.
package enum RolloutEffect: Hashable, Sendable {
    /// These may have the version from now on.
    case admit(instances: [InstanceID], servers: [GPUServerID])
    /// These are gone.
    case forget(instances: [InstanceID], servers: [GPUServerID])
    /// Nobody may have it any more.
    case withdraw
    /// Something that operators want to know.
    case note(String)
}
