import FleetModel

/// The managers' own watch cries out only where a rule was broken: in production its count must read zero.
struct WatchChecker: Checker {
    mutating func observe(_ fact: Fact, now: MonotonicTime, local: MonotonicTime) -> (Violation.Rule, String)? {
        guard case .alarmRaised(let rule) = fact else { return nil }
        return (.watch, "a manager says that \(rule.rawValue) was violated")
    }
}
