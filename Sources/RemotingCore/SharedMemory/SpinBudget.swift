/// How long an end looks for an answer before it sleeps for it: long while looking pays, hardly at all while it does
/// not, so that a processor is given up soon where it is needed for the very thing that is awaited.
///
/// The budget doubles when an answer came while it was looked for and halves when none came, between ``least`` and
/// ``greatest``. Competitive spinning: at the worst twice what sleeping at once would have cost (Karlin et al.,
/// "Empirical studies of competitive spinning for a shared-memory multiprocessor", SOSP 1991).
package struct SpinBudget: Hashable, Sendable {
    /// Nanoseconds: below what a sleep and a wake-up cost, so that looking a little is never the worse choice.
    package static let least: UInt64 = 2_000
    package static let greatest: UInt64 = 50_000

    /// Nanoseconds to look next time.
    package private(set) var nanoseconds: UInt64

    /// - Parameter processors: on a single one, who looks keeps the other from answering: the budget stays 0.
    package init(processors: Int) {
        nanoseconds = processors > 1 ? Self.greatest / 2 : 0
    }

    /// Learns whether what was awaited came while it was looked for.
    package mutating func learn(found: Bool) {
        guard nanoseconds > 0 else { return }
        nanoseconds = found ? min(nanoseconds * 2, Self.greatest) : max(nanoseconds / 2, Self.least)
    }
}
