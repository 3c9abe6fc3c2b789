import FleetModel

/// When everything is at rest nothing is left over: no slice that nobody was granted, no grant that nobody holds.
struct AuditChecker: Checker {
    mutating func observe(_ fact: Fact, now: MonotonicTime, local: MonotonicTime) -> (Violation.Rule, String)? {
        guard case .audited(let audit) = fact, !audit.isClean else { return nil }
        return (
            .audit,
            "\(audit.unaccounted) slices that nobody was granted, \(audit.unheld) grants that nobody holds, "
                + "\(audit.miscounted.rawValue) bytes counted wrongly"
        )
    }
}
