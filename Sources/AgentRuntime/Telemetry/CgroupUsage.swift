import FleetModel

/// CPU and memory of a cgroup: each figure from version 2 where it has it, else from version 1.
///
/// Memory is what the kernel charges to the cgroup less the file cache that it could drop at once; where it charges none
/// to this one, the sum of the resident sizes of its processes.
struct CgroupUsage: UsageReader {
    /// A memory counter and the statistics that say how much of it is inactive file cache.
    private struct MemoryFiles {
        var usage: KernelFile
        var statistics: KernelFile?
    }

    /// More processes, and more cgroups below, than this are not looked at.
    private static let maximumProcesses = 1_024
    private static let maximumDescendants = 256

    private let path: String
    private let hierarchy: CgroupHierarchy
    private var directory: String?
    private var unifiedCPU: KernelFile?
    private var accountedCPU: KernelFile?
    private var memory: MemoryFiles?
    private var incarnation: UInt64 = 0
    private(set) var source = TelemetrySource.cgroupV2
    private var buffer = [UInt8](repeating: 0, count: 1 << 14)

    /// `path` is relative to the mounts of `hierarchy`, and begins with a slash.
    init(path: String, hierarchy: CgroupHierarchy) {
        self.path = path
        self.hierarchy = hierarchy
    }

    mutating func read() -> UsageReading? {
        if directory == nil { openFiles() }
        guard directory != nil else { return nil }
        let cpu = readCPU()
        let held = readMemory()
        guard cpu != nil || held != nil else {
            // The cgroup was removed. One of the same name is another: its files have to be opened anew.
            directory = nil
            return nil
        }
        return UsageReading(incarnation: incarnation, cpuNanoseconds: cpu, memory: held)
    }

    mutating func processes() -> [Int32]? {
        guard let directory else { return [] }
        var found: [Int32] = []
        var waiting = [directory]
        var seen = 0
        while let next = waiting.popLast(), seen < Self.maximumDescendants, found.count < Self.maximumProcesses {
            seen += 1
            if let bytes = KernelFile.contents(of: next + "/cgroup.procs", into: &buffer) {
                var lines = ByteScanner(bytes)
                while let line = lines.line(), found.count < Self.maximumProcesses {
                    if let pid = ByteScanner.number(line).flatMap(Int32.init(exactly:)) { found.append(pid) }
                }
            }
            DirectoryNames.visit(next, limit: 1_024) { entry in
                if entry.isDirectory { waiting.append(next + "/" + String(cString: entry.name)) }
                return waiting.count < Self.maximumDescendants
            }
        }
        return found
    }

    /// Of the first `count` that the kernel lists. About 5 µs for each.
    mutating func programs(atMost count: Int) -> [ProgramName] {
        let stats = (processes() ?? []).prefix(count).compactMap { ProcessStat(running: $0) }.filter { !$0.hasEnded }
        return stats.sorted { ($0.startTime, $0.pid) < ($1.startTime, $1.pid) }.map(\.name)
    }

    private mutating func openFiles() {
        unifiedCPU = hierarchy.unified.flatMap { KernelFile($0 + path + "/cpu.stat") }
        accountedCPU =
            unifiedCPU == nil
            ? hierarchy.cpuAccounting.flatMap { KernelFile($0 + path + "/cpuacct.usage") } : nil
        let unifiedMemory = hierarchy.unified.flatMap { Self.memoryFiles($0 + path, usage: "/memory.current") }
        memory =
            unifiedMemory
            ?? hierarchy.memory.flatMap { Self.memoryFiles($0 + path, usage: "/memory.usage_in_bytes") }
        let root =
            unifiedCPU != nil ? hierarchy.unified : accountedCPU != nil ? hierarchy.cpuAccounting : hierarchy.memory
        guard unifiedCPU != nil || accountedCPU != nil || memory != nil, let root,
            let identity = FileIdentity(path: root + path)
        else { return }
        directory = root + path
        incarnation = identity.inode &* 0x9E37_79B9_7F4A_7C15 ^ identity.device
        source = unifiedCPU != nil && unifiedMemory != nil ? .cgroupV2 : .cgroupV1
    }

    private static func memoryFiles(_ directory: String, usage: String) -> MemoryFiles? {
        KernelFile(directory + usage).map {
            MemoryFiles(usage: $0, statistics: KernelFile(directory + "/memory.stat"))
        }
    }

    private mutating func readCPU() -> UInt64? {
        if let unifiedCPU { return unifiedCPU.read(into: &buffer).flatMap(Self.usageNanoseconds) }
        return accountedCPU?.read(into: &buffer).flatMap(Self.singleNumber)
    }

    private mutating func readMemory() -> Bytes? {
        if memory == nil { return residentMemory() }
        guard let usage = memory?.usage.read(into: &buffer).flatMap(Self.singleNumber) else { return nil }
        let cache = memory?.statistics?.read(into: &buffer).flatMap(Self.inactiveFileBytes) ?? 0
        return Bytes(Int64(clamping: usage > cache ? usage - cache : 0))
    }

    private mutating func residentMemory() -> Bytes? {
        let sizes = (processes() ?? []).compactMap { ProcessStat(running: $0)?.residentBytes }
        return sizes.isEmpty ? nil : Bytes(sizes.reduce(0, &+))
    }

    /// `usage_usec` of a version 2 `cpu.stat`, in nanoseconds.
    static func usageNanoseconds(_ bytes: ArraySlice<UInt8>) -> UInt64? {
        value(of: "usage_usec", in: bytes).flatMap {
            let (product, overflow) = $0.multipliedReportingOverflow(by: 1_000)
            return overflow ? nil : product
        }
    }

    /// The inactive file cache of a `memory.stat`: `total_inactive_file` under version 1, where the plain name leaves
    /// out the cgroups below, and `inactive_file` under version 2.
    static func inactiveFileBytes(_ bytes: ArraySlice<UInt8>) -> UInt64? {
        value(of: "total_inactive_file", in: bytes) ?? value(of: "inactive_file", in: bytes)
    }

    static func singleNumber(_ bytes: ArraySlice<UInt8>) -> UInt64? {
        var scanner = ByteScanner(bytes)
        return scanner.number()
    }

    private static func value(of key: StaticString, in bytes: ArraySlice<UInt8>) -> UInt64? {
        var lines = ByteScanner(bytes)
        while let line = lines.line() {
            var scanner = ByteScanner(line)
            if let name = scanner.word(), name.equals(key) { return scanner.number() }
        }
        return nil
    }
}
