import Determinism
import FleetModel

/// A process's monotonic clock: an origin of its own, and a rate that may be off.
struct SimulatedClock: Sendable {
    private let origin: Int64
    private let driftPpm: Int64

    init(origin: Int64, driftPpm: Int64) {
        self.origin = origin
        self.driftPpm = driftPpm
    }

    /// A clock with an origin up to ten minutes back, and a drift of up to `greatestDriftPpm` either way.
    init(random: inout SeededGenerator, greatestDriftPpm: UInt64) {
        origin = Int64(random.below(600)) * 1_000_000_000
        driftPpm = Int64(random.below(2 * greatestDriftPpm + 1)) - Int64(greatestDriftPpm)
    }

    var isSkewed: Bool { driftPpm != 0 }

    /// What the clock shows at the world's time `now`.
    func reading(at now: MonotonicTime) -> MonotonicTime {
        let drift = now.rawValue / 1_000 * driftPpm / 1_000
        return MonotonicTime(rawValue: origin + now.rawValue + drift)
    }
}
