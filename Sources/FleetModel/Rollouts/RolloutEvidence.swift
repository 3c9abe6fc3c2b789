/// How often something was tried, and how often it failed.
package struct FailureCount: Hashable, Sendable, Codable {
    package var trials: UInt64
    package var failures: UInt64

    package init(trials: UInt64 = 0, failures: UInt64 = 0) {
        self.trials = trials
        self.failures = failures
    }

    package static func += (left: inout Self, right: Self) {
        left.trials += right.trials
        left.failures += right.failures
    }
}

/// A bet against the claim that failures are no more frequent than a bound: what it has won says how much speaks against
/// the claim.
package struct BettingTest: Hashable, Sendable, Codable {
    /// What a stake of 1 has become. Where the claim is true it reaches 1/α with a probability of at most α, however often
    /// and whenever one looks.
    package var wealth: Double
    /// What the next bet rests on, the older part of it forgotten.
    package var recent: FailureCount

    package init() {
        wealth = 1
        recent = FailureCount()
    }
}

/// What has been seen of both versions with regard to one gate.
package struct GateEvidence: Hashable, Sendable, Codable {
    /// Since this stage began.
    package var target = FailureCount()
    package var baseline = FailureCount()
    /// Since the rollout began.
    package var baselineOverall = FailureCount()
    /// Against: the target fails no more often than is allowed, or than is usual of the version before.
    package var targetAboveBound = BettingTest()
    /// Against: of failures no more are the target's than its share of the trials, times the gate's ratio.
    package var targetWorse = BettingTest()
    /// The same of the version before.
    package var baselineAboveBound = BettingTest()
    package var baselineWorse = BettingTest()

    package init() {}
}

/// How long sessions took to open, in classes of which each is a fourth wider than the one before.
package struct OpenTimeHistogram: Hashable, Sendable, Codable {
    /// Ascending; the last class has no bound.
    package static let bounds: [Duration] = {
        var bounds: [Duration] = []
        var bound = 1_000.0
        while bound < 120_000_000 {
            bounds.append(.microseconds(Int64(bound)))
            bound *= 1.25
        }
        return bounds
    }()

    /// One for each class.
    package var counts: [UInt64]

    package init() { counts = [UInt64](repeating: 0, count: Self.bounds.count + 1) }
}

/// All that a rollout judges by.
package struct RolloutEvidence: Hashable, Sendable, Codable {
    package var gates: [RolloutGate: GateEvidence] = [:]
    /// Of the version before, since the rollout began.
    package var baselineOpenTimes = OpenTimeHistogram()
    /// Hosts that could put the target in force, and that could not, since the rollout began.
    package var selfTests = FailureCount()
    /// What GPU servers' self-tests measured, small commands a second.
    package var targetRates: [GPUServerID: Double] = [:]
    package var baselineRates: [GPUServerID: Double] = [:]

    package init() {}
}
