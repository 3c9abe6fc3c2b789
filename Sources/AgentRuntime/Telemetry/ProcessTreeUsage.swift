import FleetModel
import Glibc

/// CPU and memory as sums over the processes of a tree.
///
/// Memory is the sum of resident sizes, so that pages which processes share are counted once for each.
struct ProcessTreeUsage: UsageReader {
    private var tree: ProcessTree
    private var ledger = ProcessTreeLedger()
    /// As of the last reading: a parent before its children.
    private var members: [ProcessStat] = []
    private var incarnation: UInt64 = 0
    private let nanosecondsPerTick = UInt64(1_000_000_000 / max(sysconf(Int32(_SC_CLK_TCK)), 1))

    init(rootPid: Int32) { tree = ProcessTree(rootPid: rootPid) }

    var source: TelemetrySource { .processTree }

    mutating func read() -> UsageReading? {
        let stats = tree.look()
        members = stats
        guard stats.contains(where: { !$0.hasEnded }), let root = tree.root else { return nil }
        if root.incarnation != incarnation {
            incarnation = root.incarnation
            ledger = ProcessTreeLedger()
        }
        ledger.account(stats)
        return UsageReading(
            incarnation: incarnation, cpuNanoseconds: ledger.ticks &* nanosecondsPerTick,
            memory: Bytes(stats.reduce(0) { $0 &+ $1.residentBytes }))
    }

    mutating func processes() -> [Int32]? { tree.memberPids }

    mutating func programs(atMost count: Int) -> [ProgramName] {
        members.lazy.filter { !$0.hasEnded }.prefix(count).map(\.name)
    }
}
