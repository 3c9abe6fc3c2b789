import FleetModel
import Simulation

/// Runs of the faulty world, one per seed, and what they came to.
struct FaultSimulation {
    var seeds: Range<UInt64>
    var keepsJournal: Bool

    /// Prints violations as they are found, then the faults by kind, then one line of sums.
    /// - Returns: whether no rule was broken.
    func run() -> Bool {
        var faults = FaultCounts()
        var hash = TraceHash()
        var (events, violations) = (UInt64(0), 0)
        for seed in seeds {
            var world = FaultyWorld(seed: seed, keepsJournal: keepsJournal)
            let run = world.run()
            events += run.events
            faults += run.faults
            hash.add(run.hash.value)
            guard let violation = run.violation else { continue }
            violations += 1
            for line in run.journal { print("  \(line)") }
            print("seed \(seed): \(violation.rule.rawValue) at \(violation.at.rawValue) ns: \(violation.detail)")
            print("repeat it: presync simulate --faults --seed \(seed) --journal")
        }
        for kind in FaultKind.allCases { print("\(kind.label) \(faults[kind])") }
        print(
            "seeds \(seeds.count) events \(events) faults \(faults.total) violations \(violations)"
                + " hash \(hash.hexadecimal)")
        return violations == 0
    }
}
