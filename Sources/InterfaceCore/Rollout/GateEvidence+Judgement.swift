package import FleetModel

/// What a gate makes of the failures of two versions.
///
/// A version is too bad where two claims are refuted: that it fails no more often than its bound, and that it fails no more
/// often than the other at the same time. The first keeps a difference between two good versions from stopping anything,
/// the second a fault of the fleet, which both versions suffer, from being laid at the new one's door.
///
/// The second looks at failures alone: if the versions fail as often, each failure is the target's with the probability of
/// its share of the trials (J. Przyborowski and H. Wilenski, "Homogeneity of results in testing samples from Poisson
/// series", Biometrika 31, 1940). Where hardly anybody uses the version before any more, the first decides alone, with a
/// bound that includes what was usual of the version before.
extension GateEvidence {
    /// Trials of a version below which nothing is said by comparing with it.
    package static let comparable: UInt64 = 20
    private static let greatestBound = 0.95

    /// Takes in what happened since the last step. O(trials)
    package mutating func observe(target new: FailureCount, baseline old: FailureCount, _ gate: RolloutGates.Failures) {
        targetAboveBound.observe(new, bound: bound(gate))
        baselineAboveBound.observe(old, bound: min(gate.allowance, Self.greatestBound))
        baselineOverall += old
        target += new
        baseline += old
        guard target.trials >= Self.comparable || baseline.trials >= Self.comparable else { return }
        let failures = new.failures + old.failures
        if baseline.trials >= Self.comparable {
            targetWorse.observe(
                FailureCount(trials: failures, failures: new.failures),
                bound: share(of: target, beside: baseline, gate.ratio))
        }
        if target.trials >= Self.comparable {
            baselineWorse.observe(
                FailureCount(trials: failures, failures: old.failures),
                bound: share(of: baseline, beside: target, gate.ratio))
        }
    }

    /// A new stage has others in it: what was seen before does not speak for them. What the version before was like stays.
    package mutating func beginStage() {
        let overall = baselineOverall
        self = GateEvidence()
        baselineOverall = overall
    }

    /// Up to which rate of failures the target is not too bad, whatever the version before is like now. Before anything is
    /// known of that, one failure in as many trials as the allowance says is taken for its rate.
    package func bound(_ gate: RolloutGates.Failures) -> Double {
        let usual =
            (Double(baselineOverall.failures) + 1) / (Double(baselineOverall.trials) + 1 / gate.allowance)
        return min(max(gate.allowance, usual * gate.ratio), Self.greatestBound)
    }

    private func share(of one: FailureCount, beside other: FailureCount, _ ratio: Double) -> Double {
        let weighted = ratio * Double(one.trials)
        return min(max(weighted / (weighted + Double(other.trials)), 0.001), 0.999)
    }

    /// Whether the target is too bad to go on with.
    package var isTargetTooBad: Bool {
        targetAboveBound.refutes && (baseline.trials < Self.comparable || targetWorse.refutes)
    }

    /// Whether the version before is so much worse than the target that going on is the remedy.
    package var isBaselineTooBad: Bool {
        baselineAboveBound.refutes && target.trials >= Self.comparable && baselineWorse.refutes
    }

    /// Whether the target fails more than it may, without being worse than the version before.
    package var isFleetTroubled: Bool { targetAboveBound.refutes && !isTargetTooBad }
}

extension OpenTimeHistogram {
    /// O(classes)
    package mutating func count(_ time: Duration) { counts[Self.place(of: time)] += 1 }

    package static func place(of time: Duration) -> Int {
        bounds.firstIndex { time <= $0 } ?? bounds.count
    }

    package static func += (left: inout Self, right: Self) {
        for place in left.counts.indices where place < right.counts.count { left.counts[place] += right.counts[place] }
    }

    package var total: UInt64 { counts.reduce(0, +) }

    /// What at least `share` of the openings took at most: the upper bound of the class in which that lies; nil of none, and
    /// where it lies in the class without a bound.
    package func quantile(_ share: Double) -> Duration? {
        let total = self.total
        guard total > 0 else { return nil }
        var sum: UInt64 = 0
        for (place, count) in counts.enumerated() {
            sum += count
            if Double(sum) >= share * Double(total) { return place < Self.bounds.count ? Self.bounds[place] : nil }
        }
        return nil
    }

    /// How many of the openings took longer than `limit`, cut down to the bound of a class.
    package func slower(than limit: Duration) -> FailureCount {
        let place = Self.bounds.lastIndex { $0 <= limit }.map { $0 + 1 } ?? 0
        return FailureCount(trials: total, failures: counts[place...].reduce(0, +))
    }
}
