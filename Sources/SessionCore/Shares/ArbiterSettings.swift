package import FleetModel

/// How a ``DeviceArbiter`` divides a device's time.
package struct ArbiterSettings: Hashable, Sendable {
    /// Device time after which another tenant's turn may come, where several want the device.
    package var quantum: Duration = .milliseconds(5)
    /// Device time of commands that a tenant may have given to the device and that have not ended, by what such commands
    /// took before, while no other wants the device: how long the next who does may wait for it. A turn that others wait
    /// for has a ``quantum`` ahead.
    package var aheadAlone: Duration = .milliseconds(20)
    /// How long the device is left idle for the tenant that is owed most, where its last pauses were shorter.
    package var anticipation: Duration = .milliseconds(3)
    /// What a tenant is still owed, at most, when it comes back after a pause no longer than this.
    package var recall: Duration = .milliseconds(50)
    /// How long the others wait for a turn that is over and whose commands still run, before they are let in beside
    /// them.
    package var patience: Duration = .seconds(2)
    /// How long the commands of a turn that is over may run on when others wanted the device; then their worker is
    /// ended. Nil where the device lets others compute meanwhile.
    package var longestCommand: Duration? = .seconds(30)

    package init() {}
}

/// What a tenant's worker shows of itself to its arbiter. All but ``busy`` is of the moment.
package struct TenantObservation: Hashable, Sendable {
    /// Whether the worker waits for a turn.
    package var isWaiting: Bool
    /// Commands that the device has of it and that have not ended.
    package var outstanding: Int
    /// Device time of all its commands that have ended, as the device's profiling tells it.
    package var busy: Duration

    package init(isWaiting: Bool = false, outstanding: Int = 0, busy: Duration = .zero) {
        self.isWaiting = isWaiting
        self.outstanding = outstanding
        self.busy = busy
    }
}

/// What an arbiter has its shell do, in order. After a ``take(_:)`` the shell observes the tenant anew, and asks again.
package enum ArbiterEffect: Hashable, Sendable {
    /// The tenant may give commands to the device: without limit, or, where `isShared`, only as much ahead as a
    /// quantum, and it tells when its commands have ended.
    case give(GrantID, isShared: Bool)
    /// The tenant may give no more commands to the device; those that it has given run to their end.
    case take(GrantID)
    /// The tenant's commands have run for longer than any may while others wait: its worker is to be killed.
    case end(GrantID)
}
