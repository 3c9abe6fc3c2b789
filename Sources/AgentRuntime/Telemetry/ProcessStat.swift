import Glibc

/// The fields of `/proc/PID/stat` that telemetry uses (proc_pid_stat(5)).
struct ProcessStat: Hashable, Sendable {
    var pid: Int32
    var name: ProgramName
    var parent: Int32
    /// Whether the process has ended and only waits for its parent to take note.
    var hasEnded: Bool
    /// User and system time of the process itself, in clock ticks.
    var ownTicks: UInt64
    /// User and system time of its children that have ended and were waited for, theirs included, in clock ticks.
    var childTicks: UInt64
    var threads: Int
    /// When the process started, in clock ticks since boot. With the pid it names the process for good.
    var startTime: UInt64
    var residentPages: UInt64

    init(
        pid: Int32, name: ProgramName, parent: Int32, hasEnded: Bool = false, ownTicks: UInt64, childTicks: UInt64,
        threads: Int,
        startTime: UInt64, residentPages: UInt64
    ) {
        self.pid = pid
        self.name = name
        self.parent = parent
        self.hasEnded = hasEnded
        self.ownTicks = ownTicks
        self.childTicks = childTicks
        self.threads = threads
        self.startTime = startTime
        self.residentPages = residentPages
    }

    /// Reads one line; nil when it is not of the expected form.
    ///
    /// The command name stands in parentheses and may itself hold spaces, parentheses and line ends, so that the
    /// fields are counted from the last closing one.
    init?(_ bytes: ArraySlice<UInt8>) {
        guard let nameStart = bytes.firstIndex(of: UInt8(ascii: "(")),
            let nameEnd = bytes.lastIndex(of: UInt8(ascii: ")")), nameEnd > nameStart
        else { return nil }
        var head = ByteScanner(bytes[..<nameStart])
        var fields = ByteScanner(bytes[(nameEnd + 1)...])
        // Field 3 is the state; 4 the parent; 14 to 17 the times; 20 the threads; 22 the start; 24 the pages.
        guard let pid = head.number().flatMap(Int32.init(exactly:)),
            let state = fields.word()?.first, let parent = fields.number().flatMap(Int32.init(exactly:)),
            fields.skipWords(9),
            let user = fields.number(), let system = fields.number(),
            let childUser = fields.number(), let childSystem = fields.number(), fields.skipWords(2),
            let threads = fields.number(), fields.skipWords(1), let start = fields.number(), fields.skipWords(1),
            let resident = fields.number()
        else { return nil }
        self.init(
            pid: pid, name: ProgramName(bytes[(nameStart + 1)..<nameEnd]), parent: parent,
            hasEnded: state == UInt8(ascii: "Z") || state == UInt8(ascii: "X"),
            ownTicks: user &+ system, childTicks: childUser &+ childSystem, threads: Int(clamping: threads),
            startTime: start, residentPages: resident)
    }
}

/// A process for good: a pid alone is used again after its process has ended.
struct ProcessIdentity: Hashable, Sendable {
    var pid: Int32
    var startTime: UInt64

    init(pid: Int32, startTime: UInt64) {
        self.pid = pid
        self.startTime = startTime
    }

    init(_ stat: ProcessStat) { self.init(pid: stat.pid, startTime: stat.startTime) }

    /// The process that has this pid now; nil when none has.
    init?(running pid: Int32) {
        guard let stat = ProcessStat(running: pid) else { return nil }
        self.init(stat)
    }

    /// A number that another process has only by the rarest accident: what changes when an instance starts anew.
    var incarnation: UInt64 { startTime &* 0x9E37_79B9_7F4A_7C15 ^ UInt64(UInt32(bitPattern: pid)) }
}

extension ProcessStat {
    private static let pageSize = Int64(sysconf(Int32(_SC_PAGESIZE)))

    var residentBytes: Int64 { Int64(clamping: residentPages) &* Self.pageSize }

    /// More than the longest line that the kernel writes.
    static let maximumLength = 1_024

    /// The present state of the process with this pid; nil when there is none.
    init?(running pid: Int32) {
        var buffer = [UInt8](repeating: 0, count: Self.maximumLength)
        guard let bytes = KernelFile.contents(of: "/proc/\(pid)/stat", into: &buffer) else { return nil }
        self.init(bytes)
    }
}
