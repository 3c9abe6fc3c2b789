import FleetModel
import Glibc

/// CPU and memory as sums over the processes of a tree.
///
/// Memory is the sum of resident sizes, so that pages which processes share are counted once for each.
struct ProcessTreeUsage: UsageReader {
    private var tree: ProcessTree
    private var ledger = ProcessTreeLedger()
    private var incarnation: UInt64 = 0
    private let nanosecondsPerTick = UInt64(1_000_000_000 / max(sysconf(Int32(_SC_CLK_TCK)), 1))
    private let pageSize = UInt64(sysconf(Int32(_SC_PAGESIZE)))

    init(rootPid: Int32) { tree = ProcessTree(rootPid: rootPid) }

    var source: TelemetrySource { .processTree }

    mutating func read() -> UsageReading? {
        let stats = tree.look()
        guard stats.contains(where: { !$0.hasEnded }), let root = tree.root else { return nil }
        if root.incarnation != incarnation {
            incarnation = root.incarnation
            ledger = ProcessTreeLedger()
        }
        ledger.account(stats)
        let pages = stats.reduce(UInt64(0)) { $0 &+ $1.residentPages }
        return UsageReading(
            incarnation: incarnation, cpuNanoseconds: ledger.ticks &* nanosecondsPerTick,
            memory: Bytes(Int64(clamping: pages.multipliedReportingOverflow(by: pageSize).partialValue)))
    }

    mutating func processes() -> [Int32]? { tree.memberPids }
}
