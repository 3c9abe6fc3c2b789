package import FleetModel

/// Testing by betting: a gambler stakes, trial after trial, on failures being more frequent than a claim says.
///
/// If a trial fails with a probability of at most `bound`, a bet at the odds of `bound` gains nothing on average, whatever
/// it was chosen by, so that the wealth is a supermartingale, and reaches 1/α with a probability of at most α at any time
/// (J. Ville, "Étude critique de la notion de collectif", 1939). So the gates can be looked at after every step, with any
/// number of trials, and stop the moment that enough speaks against a version; a test for a size that is fixed
/// beforehand would allow one look only. For rates see I. Waudby-Smith and A. Ramdas, "Estimating means of bounded random
/// variables by betting", J. R. Stat. Soc. B 86 (2024).
///
/// The bet is the rate of failures as it has been of late, never below the bound: then a version that keeps to its bound
/// neither wins nor loses, and does not save up for the time when it no longer does.
extension BettingTest {
    /// Trials of the belief that a bet begins with: failures at ``firstGuess`` times the bound.
    private static let weight = 8.0
    private static let firstGuess = 4.0
    /// The trials after which the older half of what is known is forgotten, so that a change shows.
    private static let memory: UInt64 = 256
    /// The most trials of one step that are gone through one by one: of more, the share of failures counts.
    private static let most: UInt64 = 4_096
    private static let range = 1e-12...1e12

    /// Takes in the trials of one step, whose order is not known: failures are spread evenly among them. O(trials)
    /// - Parameter bound: the probability of a failure, above 0 and below 1, that the claim allows.
    package mutating func observe(_ count: FailureCount, bound: Double) {
        guard count.trials > 0 else { return }
        let trials = min(count.trials, Self.most)
        let failures = trials == count.trials ? count.failures : count.failures * trials / count.trials
        var due: UInt64 = trials / 2
        for _ in 0..<trials {
            due += failures
            let failed = due >= trials
            if failed { due -= trials }
            bet(failed: failed, bound: bound)
        }
    }

    private mutating func bet(failed: Bool, bound: Double) {
        // Several times the bound; of a high one, half of the way from it to certainty.
        let guess = max(min(bound * Self.firstGuess, 0.5), bound > 0.25 ? (1 + bound) / 2 : 0)
        let seen = (Double(recent.failures) + Self.weight * guess) / (Double(recent.trials) + Self.weight)
        let rate = min(max(bound, seen), 0.99)
        wealth *= failed ? rate / bound : (1 - rate) / (1 - bound)
        wealth = min(max(wealth, Self.range.lowerBound), Self.range.upperBound)
        recent += FailureCount(trials: 1, failures: failed ? 1 : 0)
        if recent.trials >= Self.memory {
            recent = FailureCount(trials: recent.trials / 2, failures: recent.failures / 2)
        }
    }

    /// Whether the claim is refuted: it would be said wrongly of one claim in 1,000.
    package var refutes: Bool { wealth >= 1_000 }
}
