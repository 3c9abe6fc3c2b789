import ControlLoop
import FleetModel
import Simulation
import Testing

@Suite struct FaultyWorldTests {
    /// 500 seeds, in batches that run beside each other.
    @Test(arguments: [1, 2, 5])
    func `a step that is taken in slices and decided in parts breaks no rule`(sliceSize: Int) {
        for seed in 200..<203 as Range<UInt64> {
            var world = FaultyWorld(seed: seed, sliceSize: sliceSize)
            let run = world.run()
            #expect(run.violation == nil, "seed \(seed), slices of \(sliceSize)")
            #expect(run.events > 500)
        }
    }

    @Test(arguments: 0..<UInt64(10))
    func noRuleIsBrokenWhateverGoesWrong(batch: UInt64) {
        for seed in (batch * 50 + 1)...(batch * 50 + 50) {
            var world = FaultyWorld(seed: seed)
            let run = world.run()
            #expect(
                run.violation == nil,
                "\(run.violation?.detail ?? ""); repeat it: presync simulate --faults --seed \(seed) --journal")
        }
    }

    @Test func equalSeedsAreEqualRuns() {
        var first = FaultyWorld(seed: 7, keepsJournal: true)
        var second = FaultyWorld(seed: 7, keepsJournal: true)
        let (one, other) = (first.run(), second.run())
        #expect(one.hash == other.hash)
        #expect(one.events == other.events)
        #expect(one.faults == other.faults)
        #expect(one.journal == other.journal)
    }

    @Test func differentSeedsAreDifferentRuns() {
        let hashes = (1...20).map { seed in
            var world = FaultyWorld(seed: UInt64(seed))
            return world.run().hash
        }
        #expect(Set(hashes).count == hashes.count)
    }

    @Test func everyKindOfFaultHappens() {
        var counts = FaultCounts()
        for seed in 1...UInt64(60) {
            var world = FaultyWorld(seed: seed)
            counts += world.run().faults
        }
        for kind in FaultKind.allCases { #expect(counts[kind] > 0, "\(kind.label)") }
    }
}
