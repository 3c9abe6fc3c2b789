import FleetModel

/// All checkers, and the first violation that any of them found: what comes after it proves nothing more.
struct SafetyCheckers: Sendable {
    private var checkers: [any Checker]
    private let ignored: Set<Violation.Rule>
    private(set) var violation: Violation?

    init(
        devices: [DeviceDescription], recoveryTimeToLive: Duration, ignored: Set<Violation.Rule> = [],
        instances: [InstanceDescription] = [], waitsForRollouts: Bool = false
    ) {
        self.ignored = ignored
        checkers = [
            EpochChecker(), MemoryChecker(devices: devices), HolderChecker(), TicketChecker(), VersionChecker(),
            LeaseChecker(recoveryTimeToLive: recoveryTimeToLive), DurabilityChecker(), SessionChecker(),
            SetChecker(), WatchChecker(), AuditChecker(),
            RolloutChecker(instances: instances, waitsForRollouts: waitsForRollouts),
        ]
    }

    mutating func observe(_ fact: Fact, now: MonotonicTime, local: MonotonicTime) {
        for index in checkers.indices {
            guard let (rule, detail) = checkers[index].observe(fact, now: now, local: local) else { continue }
            guard !ignored.contains(rule) else { continue }
            violation = violation ?? Violation(rule: rule, detail: detail, at: now)
        }
    }
}
