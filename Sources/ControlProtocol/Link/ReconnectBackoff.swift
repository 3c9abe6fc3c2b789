/// How long a peer waits before it tries again: doubling from ``first`` to ``longest``, each wait drawn evenly from the
/// upper half of its step, so that peers that lost the same manager do not come back at the same moment.
package struct ReconnectBackoff: Hashable, Sendable {
    package static let first: Duration = .milliseconds(100)
    package static let longest: Duration = .seconds(5)
    /// How long a link must have lasted for the next wait to be short again.
    static let lasting: Duration = .seconds(10)

    private var step = Self.first

    package init() {}

    /// The wait before the next attempt: 50 ms to 5 s.
    package mutating func next(using generator: inout some RandomNumberGenerator) -> Duration {
        let wait = step * Double.random(in: 0.5...1, using: &generator)
        step = min(step * 2, Self.longest)
        return wait
    }

    /// After a link that has lasted.
    package mutating func reset() { step = Self.first }
}
