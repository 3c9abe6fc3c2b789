import Glibc

/// What a compilation may take of the host's memory: drivers compile in the worker's process, and a source of a few
/// lines can make a compiler ask for all that there is (macros that double each other). A compiler that gets none ends
/// the worker, and with it its session only.
struct BuildMemory {
    /// Bytes that the process may take beyond what it has when a compilation begins.
    static let usual: UInt64 = 4 << 30
    /// The variable that gives another number of bytes.
    static let environmentKey = "PRESYNC_BUILD_MEMORY"

    private let allowance: UInt64

    /// - Parameter text: the variable's value; what is no number leaves the usual.
    init(_ text: String?) { allowance = text.flatMap { UInt64($0) } ?? Self.usual }

    init() { self.init(getenv(Self.environmentKey).map { String(cString: $0) }) }

    /// Runs a compilation under the bound (setrlimit(2), `RLIMIT_DATA`). It is lifted afterwards: buffers of devices that
    /// are processors are the process's memory too, and the slice bounds them.
    func during<Outcome>(_ compilation: () -> Outcome) -> Outcome {
        // A compiler's process, which cannot read its own, has next to nothing when it begins.
        let (bound, overflows) = (Self.taken ?? 0).addingReportingOverflow(allowance)
        guard !overflows else { return compilation() }
        Self.limit(to: rlim_t(bound))
        defer { Self.limit(to: rlim_t.max) }
        return compilation()
    }

    private static func limit(to bytes: rlim_t) {
        // The greatest number is "no limit" (`RLIM_INFINITY`), and the hard limit stays what it is.
        let resource = __rlimit_resource_t(RLIMIT_DATA.rawValue)
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0 else { return }
        limit.rlim_cur = min(bytes, limit.rlim_max)
        setrlimit(resource, &limit)
    }

    /// Bytes of data that the process has: the sixth field of statm, in pages (proc(5)).
    private static var taken: UInt64? {
        guard let file = fopen("/proc/self/statm", "re") else { return nil }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        guard fgets(&line, Int32(line.count), file) != nil else { return nil }
        let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let fields = text.split(separator: " ")
        guard fields.count > 5, let pages = UInt64(fields[5]) else { return nil }
        return pages * UInt64(sysconf(Int32(_SC_PAGESIZE)))
    }
}
