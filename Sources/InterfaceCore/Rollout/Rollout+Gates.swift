package import FleetModel

/// What is seen of both versions, and what the gates make of it.
extension Rollout {
    /// From so few openings of the version before no class of times is taken to be its usual one.
    private static let leastOpenings: UInt64 = 20
    /// The share of sessions that the gate of the open time looks at.
    private static let quantile = 0.9
    /// A difference in the time to open that nobody notices.
    private static let unnoticed: Duration = .milliseconds(25)
    /// Nine of ten sessions open within the limit: a tenth is usual.
    private static let slowOpenings = RolloutGates.Failures(ratio: 1.5, allowance: 1 - quantile)
    /// GPU servers that must have measured the rate of commands, or all of them where there are fewer.
    private static let leastMeasurements = 3

    mutating func observe(_ step: RolloutStep) {
        let gates = record.plan.gates
        let (new, old) = (step.target, step.baseline)
        take(.errors, gates.errors, new.openings, old.openings)
        take(.crashes, gates.crashes, new.courses, old.courses)
        take(.selfTests, gates.selfTests, new.selfTests, old.selfTests)
        record.evidence.selfTests += new.selfTests
        if let limit = slowestUsual {
            take(.openTime, Self.slowOpenings, new.opened.slower(than: limit), old.opened.slower(than: limit))
        }
        record.evidence.baselineOpenTimes += old.opened
        record.evidence.targetRates.merge(new.commandRates) { $1 }
        record.evidence.baselineRates.merge(old.commandRates) { $1 }
    }

    private mutating func take(
        _ gate: RolloutGate, _ allowed: RolloutGates.Failures?, _ new: FailureCount, _ old: FailureCount
    ) {
        // Sessions are counted even where crashes are not judged: how many there were says when a stage has seen enough.
        let count = allowed ?? RolloutGates.Failures(ratio: 1, allowance: 0.5)
        record.evidence.gates[gate, default: GateEvidence()].observe(target: new, baseline: old, count)
    }

    /// How long nine of ten sessions may take to open; nil while the version before has not shown what is usual.
    package var slowestUsual: Duration? {
        guard let ratio = record.plan.gates.openTimeRatio,
            record.evidence.baselineOpenTimes.total >= Self.leastOpenings,
            let usual = record.evidence.baselineOpenTimes.quantile(Self.quantile)
        else { return nil }
        return usual * ratio + Self.unnoticed
    }

    /// The gate that the target fails, and why, in words.
    func failingGate(_ step: RolloutStep) -> (RolloutGate, String)? {
        for gate in judging {
            guard let seen = record.evidence.gates[gate] else { continue }
            guard seen.isTargetTooBad else { continue }
            return (gate, "\(gate.rawValue): \(seen.target.words), \(seen.baseline.words) of the version before")
        }
        return failingSelfTest(step) ?? failingRate()
    }

    /// Of a small fleet no statistic can be had: a version that not one GPU server can use is none.
    private func failingSelfTest(_ step: RolloutStep) -> (RolloutGate, String)? {
        let seen = record.evidence.selfTests
        guard record.plan.gates.selfTests != nil, step.undecidedServers == 0, seen.trials > 0,
            seen.failures == seen.trials
        else { return nil }
        return (.selfTests, "self-tests: none of \(seen.trials) passed")
    }

    /// Each figure is a mean over thousands of commands already, so that the median over GPU servers of what the target
    /// makes of the rate of the version before is compared as it is.
    private func failingRate() -> (RolloutGate, String)? {
        guard let least = record.plan.gates.commandRateRatio, let (ratio, count) = commandRateRatio,
            count >= min(Self.leastMeasurements, max(members.servers.count, 1)), ratio < least
        else { return nil }
        return (
            .commandRate,
            "command-rate: \(Int((ratio * 100).rounded())) % of that of the version before, median of \(count) GPU servers"
        )
    }

    /// The median ratio of the command rates, and on how many GPU servers both were measured.
    package var commandRateRatio: (median: Double, servers: Int)? {
        let ratios = record.evidence.targetRates.compactMap { server, rate in
            record.evidence.baselineRates[server].flatMap { $0 > 0 ? rate / $0 : nil }
        }.sorted()
        guard !ratios.isEmpty else { return nil }
        return (ratios[ratios.count / 2], ratios.count)
    }

    /// The gate by which the version before is so much worse that going on is the remedy.
    var baselineIsTooBad: RolloutGate? {
        judging.first { record.evidence.gates[$0]?.isBaselineTooBad == true }
    }

    /// The gate by which both versions are too bad.
    var troubledGate: RolloutGate? {
        judging.first { record.evidence.gates[$0]?.isFleetTroubled == true }
    }

    /// What each gate that judges has seen in this stage, for people.
    package var figures: [RolloutOverview.Gate] {
        RolloutGate.allCases.filter {
            judging.contains($0) || $0 == .commandRate && record.plan.gates.commandRateRatio != nil
        }
        .map { gate in
            let seen = record.evidence.gates[gate] ?? GateEvidence()
            return RolloutOverview.Gate(
                gate: gate, target: seen.target, baseline: seen.baseline,
                commandRateRatio: gate == .commandRate ? commandRateRatio?.median : nil)
        }
    }

    private var judging: [RolloutGate] {
        let gates = record.plan.gates
        return RolloutGate.allCases.filter { gate in
            switch gate {
            case .errors: gates.errors != nil
            case .crashes: gates.crashes != nil
            case .openTime: gates.openTimeRatio != nil
            case .commandRate: false
            case .selfTests: gates.selfTests != nil
            }
        }
    }
}

extension VersionHealth {
    fileprivate var openings: FailureCount {
        FailureCount(trials: opened.total + failedToOpen, failures: failedToOpen)
    }

    /// A session that fails does so after it was opened, in another step perhaps: it counts as a trial of its own.
    fileprivate var courses: FailureCount { FailureCount(trials: opened.total + crashed, failures: crashed) }

    fileprivate var selfTests: FailureCount {
        FailureCount(trials: selfTestsPassed + selfTestsFailed, failures: selfTestsFailed)
    }
}

extension FailureCount {
    fileprivate var words: String { "\(failures) of \(trials)" }
}
