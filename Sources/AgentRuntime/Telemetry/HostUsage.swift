import FleetModel
import Glibc

/// CPU and memory of the whole host, from `/proc/stat` and `/proc/meminfo`.
struct HostUsage: UsageReader {
    private let stat = KernelFile("/proc/stat")
    private let memory = KernelFile("/proc/meminfo")
    private let incarnation: UInt64
    /// The two lines and the two numbers stand at the beginning of files that may be long.
    private var buffer = [UInt8](repeating: 0, count: 512)
    private let nanosecondsPerTick = UInt64(1_000_000_000 / max(sysconf(Int32(_SC_CLK_TCK)), 1))

    init() {
        var buffer = [UInt8](repeating: 0, count: 64)
        let boot = KernelFile.contents(of: "/proc/sys/kernel/random/boot_id", into: &buffer)
        incarnation = boot.map(Self.incarnation(bootID:)) ?? 0
    }

    var source: TelemetrySource { .host }

    mutating func read() -> UsageReading? {
        let ticks = stat?.read(into: &buffer).flatMap(Self.busyTicks)
        let held = memory?.read(into: &buffer).flatMap(Self.memoryHeld)
        guard ticks != nil || held != nil else { return nil }
        return UsageReading(
            incarnation: incarnation, cpuNanoseconds: ticks.map { $0 &* nanosecondsPerTick }, memory: held)
    }

    mutating func processes() -> [Int32]? { nil }

    mutating func programs(atMost count: Int) -> [ProgramName] { [] }

    /// The ticks that all processors spent busy: user, nice, system, irq and softirq. Idle, waiting and stolen time
    /// is left out, and guest time is part of user time (proc_stat(5)).
    static func busyTicks(_ bytes: ArraySlice<UInt8>) -> UInt64? {
        var scanner = ByteScanner(bytes)
        guard let name = scanner.word(), name.equals("cpu"), let user = scanner.number(),
            let nice = scanner.number(), let system = scanner.number(), scanner.skipWords(2),
            let interrupts = scanner.number(), let softInterrupts = scanner.number()
        else { return nil }
        return user &+ nice &+ system &+ interrupts &+ softInterrupts
    }

    /// Memory that is not available to new programs: `MemTotal` less `MemAvailable`.
    static func memoryHeld(_ bytes: ArraySlice<UInt8>) -> Bytes? {
        var lines = ByteScanner(bytes)
        var total: UInt64?
        var available: UInt64?
        while let line = lines.line(), total == nil || available == nil {
            var scanner = ByteScanner(line)
            guard let name = scanner.word() else { continue }
            if name.equals("MemTotal:") {
                total = scanner.number()
            } else if name.equals("MemAvailable:") {
                available = scanner.number()
            }
        }
        guard let total, let available, total >= available else { return nil }
        return Bytes(Int64(clamping: (total - available).multipliedReportingOverflow(by: 1_024).partialValue))
    }

    /// The first 64 bits of a boot id, written as hexadecimal digits in groups.
    static func incarnation(bootID: ArraySlice<UInt8>) -> UInt64 {
        bootID.lazy.compactMap { Character(Unicode.Scalar($0)).hexDigitValue }.prefix(16)
            .reduce(UInt64(0)) { $0 << 4 | UInt64($1) }
    }
}
