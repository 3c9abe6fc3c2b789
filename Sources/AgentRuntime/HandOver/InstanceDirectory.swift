package import FleetModel

/// Which instance a program belongs to, found by what the kernel says of the program, not by what it says itself.
///
/// The nearest ancestor that is the root of an instance's process tree decides; else the deepest cgroup that is an
/// instance's; else the host, where that is an instance.
package struct InstanceDirectory {
    /// Ancestors beyond this are not asked.
    private static let maximumDepth = 64

    private struct Root {
        var instance: InstanceID
        /// Nil until a process with this pid has been seen.
        var startTime: UInt64?
    }

    private var roots: [Int32: Root] = [:]
    private var cgroups: [(path: String, instance: InstanceID)] = []
    /// The instance that is the whole host: that of every program which belongs to no other.
    package private(set) var host: InstanceID?

    package init() {}

    package mutating func add(_ instance: InstanceID, _ selector: InstanceSelector) {
        switch selector {
        case .processTree(let root):
            roots[root] = Root(instance: instance, startTime: ProcessIdentity(running: root)?.startTime)
        case .cgroup(let path):
            cgroups.append((path, instance))
            cgroups.sort { ($0.path.utf8.count, $1.path) > ($1.path.utf8.count, $0.path) }
        case .host:
            host = instance
        }
    }

    package mutating func remove(_ instance: InstanceID) {
        roots = roots.filter { $0.value.instance != instance }
        cgroups.removeAll { $0.instance == instance }
        if host == instance { host = nil }
    }

    /// The instance of a running process; nil when it belongs to none. About 10 µs for each ancestor.
    package mutating func instance(of pid: Int32) -> InstanceID? {
        var next = pid
        for _ in 0..<Self.maximumDepth where next > 0 && !roots.isEmpty {
            guard let stat = ProcessStat(running: next) else { break }
            if var root = roots[next], root.startTime ?? stat.startTime == stat.startTime {
                root.startTime = stat.startTime
                roots[next] = root
                return root.instance
            }
            next = stat.parent
        }
        if !cgroups.isEmpty, let membership = CgroupMembership(running: pid),
            let found = cgroups.first(where: { membership.isInside($0.path) })
        {
            return found.instance
        }
        return host
    }
}
