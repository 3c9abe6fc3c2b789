/// What an idle device-second costs, in seconds of waiting: it rises as the pool fills and falls as it empties.
///
/// The price is that of a half full pool times `1 / (4 (1 - u)²)`, with `u` the share of the pool that is promised: a
/// quarter while nothing is, four times as much at three quarters, bounded at a hundred times. `u` is smoothed over
/// ``memory``, so that what comes and goes faster than programs do moves nothing.
package struct IdlePrice: Hashable, Sendable {
    /// Over how long the pool's load is averaged: the mean age of what counts.
    package static let memory = 20.0
    private static let greatestLoad = 0.95

    /// The smoothed share of the pool that is promised, 0 to 1; nil before the first step.
    package private(set) var load: Double?

    package init() {}

    /// Takes in the pool's load as of now, `elapsed` seconds after the last time.
    package mutating func advance(_ pool: Pool, elapsed: Double) {
        let now = pool.promisedShare
        guard let load else {
            self.load = now
            return
        }
        // The rational form of an exponential's step: no library function, and never beyond the newest value.
        let weight = max(elapsed, 0) / (max(elapsed, 0) + Self.memory)
        self.load = load + weight * (now - load)
    }

    /// The price now, as a multiple of that of a half full pool; 0.25 to 100.
    package var factor: Double { Self.factor(at: load ?? 0) }

    /// The price at a promised share, smoothed or not.
    static func factor(at load: Double) -> Double {
        let free = 1 - min(max(load, 0), greatestLoad)
        return 1 / (4 * free * free)
    }
}
