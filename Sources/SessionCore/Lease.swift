package import FleetModel

/// How long something stands without renewal, on the holder's own monotonic clock.
///
/// A lease is over from its deadline on, and stays over: a renewal that comes late changes nothing. (Gray and Cheriton,
/// "Leases: an efficient fault-tolerant mechanism for distributed file cache consistency", SOSP 1989.)
package struct Lease: Hashable, Sendable {
    package private(set) var deadline: MonotonicTime

    package init(from now: MonotonicTime, timeToLive: Duration) {
        deadline = now + timeToLive
    }

    package func isOver(at now: MonotonicTime) -> Bool { now >= deadline }

    /// Moves the deadline to one `timeToLive` from now, never back, unless the lease is over.
    /// - Returns: whether the lease stands.
    @discardableResult
    package mutating func renew(at now: MonotonicTime, timeToLive: Duration) -> Bool {
        guard !isOver(at: now) else { return false }
        deadline = max(deadline, now + timeToLive)
        return true
    }
}
