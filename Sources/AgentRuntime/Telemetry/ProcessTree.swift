import Glibc

/// The processes that descend from one root, found anew with each look.
///
/// A process that was once found stays a member to its end, also when its parent ends and the system gives it another.
struct ProcessTree {
    /// More processes than this are not looked at.
    static let maximumMembers = 1_024
    /// More threads of one process than this are not asked for their children.
    static let maximumThreads = 256

    private struct Member {
        var identity: ProcessIdentity
        var stat: KernelFile
    }

    let rootPid: Int32
    private var members: [Member] = []
    private var known: Set<ProcessIdentity> = []
    private var buffer = [UInt8](repeating: 0, count: 4_096)
    /// The root that the present members descend from.
    private(set) var root: ProcessIdentity?

    init(rootPid: Int32) { self.rootPid = rootPid }

    /// The members found by the last ``look()``.
    var memberPids: [Int32] { members.map(\.identity.pid) }
    var memberIdentities: Set<ProcessIdentity> { known }

    /// The living members, root first while it lives; empty when none is left. A root that starts anew with the same
    /// pid after all members of the former have ended begins a new tree. About 3 µs per process and 5 per thread.
    mutating func look() -> [ProcessStat] {
        var found = readMembers()
        if found.isEmpty, let stat = adopt(rootPid) {
            root = ProcessIdentity(stat)
            found = [stat]
        }
        // `found` grows while it is walked: children are appended behind their parents.
        var index = 0
        while index < found.count, found.count < Self.maximumMembers {
            for child in children(of: found[index]) where found.count < Self.maximumMembers {
                if let stat = adopt(child) { found.append(stat) }
            }
            index += 1
        }
        return found
    }

    /// The present state of known members; those that have ended are dropped.
    private mutating func readMembers() -> [ProcessStat] {
        var stats: [ProcessStat] = []
        members.removeAll { member in
            guard let bytes = member.stat.read(into: &buffer), let stat = ProcessStat(bytes) else {
                known.remove(member.identity)
                return true
            }
            stats.append(stat)
            return false
        }
        return stats
    }

    /// Makes the process a member and returns its state; nil when it is one already, or has ended.
    private mutating func adopt(_ pid: Int32) -> ProcessStat? {
        guard let file = KernelFile("/proc/\(pid)/stat"), let bytes = file.read(into: &buffer),
            let stat = ProcessStat(bytes), known.insert(ProcessIdentity(stat)).inserted
        else { return nil }
        members.append(Member(identity: ProcessIdentity(stat), stat: file))
        return stat
    }

    /// The pids of the children of each of the process's threads.
    private mutating func children(of process: ProcessStat) -> [Int32] {
        guard process.threads > 1 else { return children(of: process.pid, thread: process.pid) }
        var threads: [Int32] = []
        DirectoryNames.visit("/proc/\(process.pid)/task", limit: Self.maximumThreads) { entry in
            if let thread = Int32(String(cString: entry.name)) { threads.append(thread) }
            return true
        }
        return threads.flatMap { children(of: process.pid, thread: $0) }
    }

    private mutating func children(of pid: Int32, thread: Int32) -> [Int32] {
        let path = "/proc/\(pid)/task/\(thread)/children"
        guard let bytes = KernelFile.contents(of: path, into: &buffer) else { return [] }
        var scanner = ByteScanner(bytes)
        var children: [Int32] = []
        while let child = scanner.number() {
            if let pid = Int32(exactly: child) { children.append(pid) }
        }
        return children
    }
}
