import InterfaceCore

/// How long and how fast a mirror is listened to.
package struct TransferLimits: Hashable, Sendable {
    /// How long nothing may come, at the start or in between.
    package var silence = Duration.seconds(5)
    /// How long a mirror may stay below ``leastRate`` before it is left.
    package var window = Duration.seconds(8)
    /// Bytes a second, on average over a window. Fewer is slow retrieval, whatever the reason.
    package var leastRate: Int64 = 1_024
    /// Bytes a second that are taken at most, from 65,536; nil for as many as come.
    package var greatestRate: Int64?
    /// How long all of a refresh may take.
    package var refresh = Duration.seconds(120)
    /// How long one target may take.
    package var download = Duration.seconds(3_600)

    package init() {}
}

/// Whether a transfer is fast enough and not too fast: windows for the one, an even pace for the other.
struct TransferPace {
    private let limits: TransferLimits
    private let start: ContinuousClock.Instant
    private var total: Int64 = 0
    private var windowStart: ContinuousClock.Instant
    private var windowBytes: Int64 = 0

    init(_ limits: TransferLimits, at now: ContinuousClock.Instant) {
        self.limits = limits
        start = now
        windowStart = now
    }

    /// Counts what came. Gives how long to wait for more, and throws where too little came in a window.
    mutating func received(_ count: Int, at now: ContinuousClock.Instant) throws(TrustError) -> Duration {
        total += Int64(count)
        windowBytes += Int64(count)
        let elapsed = now - windowStart
        if elapsed >= limits.window {
            let least = limits.greatestRate.map { min(limits.leastRate, $0 / 2) } ?? limits.leastRate
            guard Double(windowBytes) >= Double(least) * (elapsed / .seconds(1)) else {
                throw TrustError(.unreachable, "too slow: \(windowBytes) bytes in \(elapsed)")
            }
            windowStart = now
            windowBytes = 0
        }
        guard let rate = limits.greatestRate else { return .zero }
        let due = Duration.seconds(1) * (Double(total) / Double(max(rate, 65_536)))
        return max(.zero, due - (now - start))
    }
}
