import Determinism
import Glibc

/// One burst of work that is due: when, and how much.
struct Arrival: Hashable, Codable {
    /// Seconds since the clock was started.
    var at: Double
    var contextTokens: Int
    var generatedTokens: Int
}

/// The built-in arrivals of one instance: bursts with idle gaps between them that are at least ``minimumGap`` long and
/// vary at least as much as those of a Poisson process.
///
/// Arrivals are fixed beforehand, so that they are the same under every policy: a burst is given the time that it is
/// expected to take, then the gap is drawn.
///
/// A gap is ``minimumGap`` plus an excess with a hyperexponential distribution of two phases with balanced means
/// (Morse, "Queues, Inventories and Maintenance", 1958; the fit by mean and variation: Whitt, "Approximating a point
/// process by a renewal process", Operations Research 30, 1982), so that the gap has the mean and the coefficient of
/// variation asked for. Tokens are lognormal.
struct ArrivalModel: Hashable {
    /// Mean seconds from the end of a burst to the next start.
    var meanGap = 15.0
    /// Standard deviation of the gap divided by its mean; at least 1.
    var gapVariation = 1.25
    /// Seconds; above the grace period of the standard class, so that what an earlier burst held is given back.
    var minimumGap = 5.0
    var contextTokens = TokenDistribution(median: 900, spread: 0.5, range: 64...4_096)
    var generatedTokens = TokenDistribution(median: 70, spread: 0.4, range: 8...240)

    /// A lognormal distribution of whole numbers, cut to a range.
    struct TokenDistribution: Hashable {
        var median: Double
        /// Standard deviation of the logarithm.
        var spread: Double
        var range: ClosedRange<Int>

        func draw(_ generator: inout SeededGenerator) -> Int {
            let value = median * exp(spread * generator.normal())
            return Int(min(max(value, Double(range.lowerBound)), Double(range.upperBound)))
        }
    }

    /// What is wrong with the parameters, a sentence each; empty when they can be met.
    var problems: [String] {
        var problems: [String] = []
        if !(meanGap > 0 && meanGap <= 86_400) { problems.append("--mean-gap must be above 0 and at most 86400 s") }
        if !(gapVariation >= 1 && gapVariation <= 20) { problems.append("--gap-cv must be between 1 and 20") }
        if !(minimumGap >= 0 && minimumGap < meanGap) {
            problems.append("--minimum-gap must be at least 0 and below --mean-gap")
        }
        return problems
    }

    /// The arrivals of the first `duration` seconds, ascending, at most `limit` of them. Equal seeds give equal
    /// arrivals; the first comes one gap after the start. `expectedSeconds` is how long a burst should take.
    func arrivals(
        for duration: Double, seed: UInt64, limit: Int = 100_000, expectedSeconds: (Arrival) -> Double
    ) -> [Arrival] {
        var generator = SeededGenerator(seed: seed)
        var arrivals: [Arrival] = []
        var time = gap(&generator)
        while time < duration, arrivals.count < limit {
            let arrival = Arrival(
                at: time, contextTokens: contextTokens.draw(&generator),
                generatedTokens: generatedTokens.draw(&generator))
            arrivals.append(arrival)
            time += expectedSeconds(arrival) + gap(&generator)
        }
        return arrivals
    }

    /// Idle seconds to the next start.
    func gap(_ generator: inout SeededGenerator) -> Double {
        let mean = meanGap - minimumGap
        let variation = gapVariation * meanGap / mean
        let squared = variation * variation
        let share = (1 + ((squared - 1) / (squared + 1)).squareRoot()) / 2
        let phaseShare = generator.unit() < share ? share : 1 - share
        return minimumGap - log(1 - generator.unit()) * mean / (2 * phaseShare)
    }
}

extension SeededGenerator {
    /// A standard normal number (Box and Muller, "A note on the generation of random normal deviates", 1958).
    mutating func normal() -> Double {
        let radius = (-2 * log(1 - unit())).squareRoot()
        return radius * cos(2 * .pi * unit())
    }
}
