/// How long an end looks for an answer before it sleeps for it: long while looking pays, hardly at all while it does
/// not, so that a processor is given up soon where it is needed for the very thing that is awaited.
///
/// The budget doubles when an answer came while it was looked for and halves when none came, between ``least`` and
/// ``greatest``; after ``probeEvery`` looks in vain it is once ``greatest``, for processors become free again. Competitive spinning: at the worst twice what sleeping at once would have cost (Karlin et al.,
/// "Empirical studies of competitive spinning for a shared-memory multiprocessor", SOSP 1991).
package struct SpinBudget: Hashable, Sendable {
    /// Nanoseconds: below what a sleep and a wake-up cost, so that looking a little is never the worse choice.
    package static let least: UInt64 = 2_000
    package static let greatest: UInt64 = 50_000

    package static let probeEvery = 256

    /// Looks in vain since the last that was not.
    private var inVain = 0
    /// Nanoseconds to look next time.
    package private(set) var nanoseconds: UInt64

    /// - Parameter processors: on a single one, who looks keeps the other from answering: the budget stays 0.
    package init(processors: Int) {
        nanoseconds = processors > 1 ? Self.greatest / 2 : 0
    }

    /// Learns whether what was awaited came while it was looked for.
    package mutating func learn(found: Bool) {
        guard nanoseconds > 0 else { return }
        guard !found else {
            inVain = 0
            nanoseconds = min(nanoseconds * 2, Self.greatest)
            return
        }
        inVain += 1
        let isProbe = inVain % Self.probeEvery == 0
        // A probe in vain costs a turn of the processor: one is enough.
        let wasProbe = inVain > Self.probeEvery && inVain % Self.probeEvery == 1
        nanoseconds = isProbe ? Self.greatest : wasProbe ? Self.least : max(nanoseconds / 2, Self.least)
    }
}
