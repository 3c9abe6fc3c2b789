import FleetModel

/// What one policy came to on one trace, as far as it has been replayed.
package struct PolicyTally: Sendable {
    /// Starts of demand, and at which level each found its GPU.
    package private(set) var reserved = 0
    package private(set) var warm = 0
    package private(set) var staged = 0
    package private(set) var cold = 0
    package var starts: Int { reserved + warm + staged + cold }
    /// Device-seconds: of demand, and of slices that no program held.
    package var usedSeconds = 0.0
    package var reservedIdleSeconds = 0.0
    /// Session-seconds of warm sessions that no program held.
    package var warmIdleSeconds = 0.0
    /// Device-seconds in which more compute was asked for than the device has.
    package var overloadSeconds = 0.0
    /// Raises that found no room.
    package var contention = 0
    /// Instance-seconds in which a program wanted more memory than it could get.
    package var shortSeconds = 0
    /// Unused reservations taken back for others.
    package var preemptions = 0
    package var notifications = 0
    /// Milliseconds, of each start that was served; in order of service.
    package private(set) var waits: [Float] = []

    mutating func count(_ found: Readiness) {
        switch found {
        case .reserved, .attached: reserved += 1
        case .warm: warm += 1
        case .staged: staged += 1
        case .cold: cold += 1
        }
    }

    mutating func waited(_ milliseconds: Double) { waits.append(Float(milliseconds)) }

    /// For a tally that is only compared with a later one.
    mutating func forgetWaits() { waits = [] }

    /// The wait that `share` (0 to 1) of the starts did not exceed, milliseconds; nil without any. O(n log n)
    package func wait(share: Double) -> Double? {
        guard !waits.isEmpty else { return nil }
        let sorted = waits.sorted()
        return Double(sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))])
    }
}
