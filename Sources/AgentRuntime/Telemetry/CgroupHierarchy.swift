/// Where the cgroup file systems of this host are mounted.
struct CgroupHierarchy: Hashable, Sendable {
    /// The one hierarchy of version 2.
    var unified: String?
    /// Version 1 hierarchies with the named controller.
    var cpuAccounting: String?
    var memory: String?

    init(unified: String? = nil, cpuAccounting: String? = nil, memory: String? = nil) {
        self.unified = unified
        self.cpuAccounting = cpuAccounting
        self.memory = memory
    }

    /// Reads the text of `/proc/self/mounts`.
    init(mounts bytes: ArraySlice<UInt8>) {
        var lines = ByteScanner(bytes)
        while let line = lines.line() {
            var fields = ByteScanner(line)
            guard fields.skipWords(1), let path = fields.word(), let type = fields.word() else { continue }
            if type.equals("cgroup2") {
                unified = unified ?? String(decoding: path, as: UTF8.self)
            } else if type.equals("cgroup"), let options = fields.word() {
                let controllers = options.split(separator: UInt8(ascii: ","))
                let mountPoint = String(decoding: path, as: UTF8.self)
                if controllers.contains(where: { $0.equals("cpuacct") }) { cpuAccounting = cpuAccounting ?? mountPoint }
                if controllers.contains(where: { $0.equals("memory") }) { memory = memory ?? mountPoint }
            }
        }
    }

    /// The hierarchies of this host.
    static func mounted() -> CgroupHierarchy {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        guard let bytes = KernelFile.contents(of: "/proc/self/mounts", into: &buffer) else { return CgroupHierarchy() }
        return CgroupHierarchy(mounts: bytes)
    }
}

/// The cgroups that a process is in, from `/proc/PID/cgroup`: one path per hierarchy, relative to its mount.
struct CgroupMembership: Hashable, Sendable {
    /// Each distinct path once, in the file's order.
    var paths: [String] = []
    /// That of the hierarchy which accounts CPU time: version 1's where there is one, else the one of version 2.
    var accountingPath: String?

    init(_ bytes: ArraySlice<UInt8>) {
        var lines = ByteScanner(bytes)
        while let line = lines.line() {
            // hierarchy-id ":" controllers ":" path; the path may hold colons.
            let fields = line.split(separator: UInt8(ascii: ":"), maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            let path = String(decoding: fields[2], as: UTF8.self)
            if !paths.contains(path) { paths.append(path) }
            let controllers = fields[1].split(separator: UInt8(ascii: ","))
            if controllers.contains(where: { $0.equals("cpuacct") }) {
                accountingPath = path
            } else if fields[1].isEmpty {
                accountingPath = accountingPath ?? path
            }
        }
    }

    /// The membership of a running process; nil when there is none with this pid.
    init?(running pid: Int32) {
        var buffer = [UInt8](repeating: 0, count: 8_192)
        guard let bytes = KernelFile.contents(of: "/proc/\(pid)/cgroup", into: &buffer) else { return nil }
        self.init(bytes)
    }

    /// Whether the process is in the cgroup at `path` or in one below it, in any hierarchy. Everything is below the
    /// root, which therefore never counts.
    func isInside(_ path: String) -> Bool {
        guard path != "/" else { return false }
        return paths.contains { $0 == path || $0.hasPrefix(path + "/") }
    }
}
