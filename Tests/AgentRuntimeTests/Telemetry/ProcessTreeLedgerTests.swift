import Determinism
import Testing

@testable import AgentRuntime

@Suite("CPU time of a process tree")
struct ProcessTreeLedgerTests {
    private func process(_ pid: Int32, own: UInt64, children: UInt64 = 0) -> ProcessStat {
        ProcessStat(
            pid: pid, name: ProgramName([]), parent: 1, ownTicks: own, childTicks: children, threads: 1,
            startTime: UInt64(pid),
            residentPages: 1)
    }

    @Test("What was used before the first account does not count")
    func baseline() {
        var ledger = ProcessTreeLedger()
        ledger.account([process(1, own: 500)])
        #expect(ledger.ticks == 0)
        ledger.account([process(1, own: 510)])
        #expect(ledger.ticks == 10)
    }

    @Test("A child's time counts once: while it lives, and not again when its parent inherits it")
    func childEnds() {
        var ledger = ProcessTreeLedger()
        ledger.account([process(1, own: 0)])
        ledger.account([process(1, own: 0), process(2, own: 40)])
        #expect(ledger.ticks == 40)
        // The child used 5 more before it ended.
        ledger.account([process(1, own: 1, children: 45)])
        #expect(ledger.ticks == 46)
    }

    @Test("A child that lived and ended between two accounts counts")
    func childUnseen() {
        var ledger = ProcessTreeLedger()
        ledger.account([process(1, own: 0)])
        ledger.account([process(1, own: 0, children: 30)])
        #expect(ledger.ticks == 30)
    }

    @Test("A child that nobody waits for takes nothing back")
    func childLost() {
        var ledger = ProcessTreeLedger()
        ledger.account([process(1, own: 0), process(2, own: 10)])
        ledger.account([process(1, own: 3)])
        #expect(ledger.ticks == 3)
    }

    /// The model: a root whose children begin, work, end and are waited for; every tick used is known.
    @Test("The counter equals the time used, in any history", arguments: 0..<50)
    func randomHistory(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var ledger = ProcessTreeLedger()
        var root: (own: UInt64, children: UInt64) = (0, 0)
        var living: [(pid: Int32, own: UInt64)] = []
        var used: UInt64 = 0
        var nextPid: Int32 = 2
        for step in 0..<60 {
            for _ in 0..<random.below(12) {
                switch random.below(4) {
                case 0:
                    living.append((nextPid, 0))
                    nextPid += 1
                case 1 where !living.isEmpty:
                    root.children += living.remove(at: Int(random.below(UInt64(living.count)))).own
                case 2 where !living.isEmpty:
                    let spent = random.below(20)
                    living[Int(random.below(UInt64(living.count)))].own += spent
                    used += spent
                default:
                    root.own += 1
                    used += 1
                }
            }
            if step == 0 { used = 0 }
            ledger.account(
                [process(1, own: root.own, children: root.children)] + living.map { process($0.pid, own: $0.own) })
            #expect(ledger.ticks == used)
        }
    }
}
