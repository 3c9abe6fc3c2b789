import ControlLoop
import FleetModel
import Simulation
import Testing

/// One deliberate bug, and how it shows.
struct BugCase: CustomTestStringConvertible, Sendable {
    var bug: SeededBug
    /// Any of these rules may be the first to be broken.
    var rules: Set<Violation.Rule>
    /// Some bugs lie behind another line of defence, which must be down for them to show.
    var besides: Set<SeededBug> = []
    var ignoring: Set<Violation.Rule> = []

    var testDescription: String { bug.rawValue }

    static let all: [BugCase] = [
        BugCase(bug: .noEpochCheck, rules: [.epoch]),
        BugCase(bug: .epochNotDurable, rules: [.epoch]),
        BugCase(bug: .noMemoryCheck, rules: [.memory], besides: [.freeBeforeConfirmation], ignoring: [.promise]),
        BugCase(bug: .forgetWorkersOnRestart, rules: [.lease, .memory, .promise, .twoHolders]),
        BugCase(bug: .renewAfterExpiry, rules: [.lease]),
        BugCase(bug: .leaseNeverExpires, rules: [.lease]),
        BugCase(bug: .releaseBeforeExit, rules: [.memory]),
        BugCase(bug: .keepReleased, rules: [.audit], besides: [.leaseNeverExpires], ignoring: [.lease, .liveness]),
        BugCase(bug: .acknowledgeBeforeCommit, rules: [.durability]),
        BugCase(bug: .freeBeforeConfirmation, rules: [.promise]),
        BugCase(bug: .forgetGrantsOnRestart, rules: [.liveness, .promise]),
        BugCase(bug: .reuseTicket, rules: [.ticket]),
        BugCase(bug: .handOverWarm, rules: [.readiness]),
        BugCase(bug: .handOverTwice, rules: [.twoHolders]),
        BugCase(bug: .handOverPart, rules: [.set, .twoHolders]),
        BugCase(bug: .ignoreSiblings, rules: [.set]),
        BugCase(bug: .ignoreSharedVersion, rules: [.version, .liveness]),
        BugCase(bug: .releaseAttached, rules: [.attachment]),
        BugCase(bug: .takeWithoutNotice, rules: [.attachment]),
        BugCase(bug: .ignoreRollout, rules: [.rollout]),
        BugCase(bug: .ignoreRolloutLimits, rules: [.rollout]),
    ]
}

@Suite struct SeededBugTests {
    /// The most seeds that a checker may need.
    static let maximumSeeds: UInt64 = 200

    @Test(arguments: BugCase.all)
    func aCheckerFindsTheBug(_ bugCase: BugCase) {
        for seed in 1...Self.maximumSeeds {
            var world = FaultyWorld(
                seed: seed, bugs: bugCase.besides.union([bugCase.bug]), ignoring: bugCase.ignoring)
            guard let violation = world.run().violation else { continue }
            #expect(bugCase.rules.contains(violation.rule), "\(violation.rule.rawValue): \(violation.detail)")
            return
        }
        Issue.record("no checker noticed \(bugCase.bug.rawValue) in \(Self.maximumSeeds) seeds")
    }

    @Test func everyBugHasACase() {
        #expect(Set(BugCase.all.map(\.bug)) == Set(SeededBug.allCases))
    }

    @Test func aViolationNamesWhatBrokeTheRule() {
        var world = FaultyWorld(seed: 1, bugs: [.acknowledgeBeforeCommit], keepsJournal: true)
        let run = world.run()
        #expect(run.violation?.rule == .durability)
        #expect(run.violation?.detail.contains("not durable") == true)
        #expect(!run.journal.isEmpty)
    }
}
