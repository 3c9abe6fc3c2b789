import FleetModel

/// How far a sender's clock is from the receiver's: the least of what recent messages showed, since each shows the
/// difference plus its own delay (Jacobson's minimum filter, as in RFC 5905, section 10).
///
/// A message that took longer than the quickest of the last one to two minutes therefore does not shift what it tells.
/// A difference that moves by more than 10 s is no delay but a clock that was set: it is taken as it is.
struct ClockOffset: Sendable {
    /// A minimum is forgotten after at least one and at most two windows, so that drift is followed.
    private static let window = Duration.seconds(60)
    private static let greatestDelay = Duration.seconds(10)

    private var current: Duration?
    private var previous: Duration?
    private var windowBegan = MonotonicTime.zero

    /// Takes in a message, and gives the receiver's time minus the sender's.
    mutating func observe(sentAt: MonotonicTime, receivedAt: MonotonicTime) -> Duration {
        let seen = sentAt.duration(to: receivedAt)
        guard let current else {
            restart(at: receivedAt, seen)
            return seen
        }
        let best = min(current, previous ?? current)
        let moved = seen - best
        if moved > Self.greatestDelay || moved < .zero - Self.greatestDelay {
            restart(at: receivedAt, seen)
            return seen
        }
        if windowBegan.duration(to: receivedAt) > Self.window {
            previous = current
            self.current = seen
            windowBegan = receivedAt
        } else {
            self.current = min(current, seen)
        }
        return min(best, seen)
    }

    private mutating func restart(at time: MonotonicTime, _ seen: Duration) {
        current = seen
        previous = nil
        windowBegan = time
    }
}
