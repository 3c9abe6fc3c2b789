import FleetModel

/// Design 6.3: the two ends of every session run the same version.
struct VersionChecker: Checker {
    mutating func observe(_ fact: Fact, now: MonotonicTime, local: MonotonicTime) -> (Violation.Rule, String)? {
        guard case .sessionOpened(let grant, _, let client, let worker) = fact else { return nil }
        guard let client, let worker, client == worker else {
            let ends = [client, worker].map { $0?.description ?? "nothing" }
            return (.version, "\(grant) was opened by \(ends[0]) on a worker of \(ends[1])")
        }
        return nil
    }
}
