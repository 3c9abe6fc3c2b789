/// What belongs to a compute instance on this host.
package enum InstanceSelector: Hashable, Sendable {
    /// A process and all that descend from it.
    case processTree(root: Int32)
    /// The processes of a cgroup and of those below it. The path is relative to the mount of the hierarchy, as
    /// `/proc/PID/cgroup` gives it, and begins with a slash.
    case cgroup(path: String)
    /// Everything on this host.
    case host

    /// What is wrong with the selector; nil when nothing is.
    package var problem: String? {
        switch self {
        case .processTree(let root):
            root > 0 ? nil : "process \(root) is no process id"
        case .cgroup(let path):
            path.hasPrefix("/") && path != "/" && !path.split(separator: "/").contains("..")
                ? nil : "cgroup path \"\(path)\" must begin with / and name a cgroup below the root"
        case .host:
            nil
        }
    }

    /// What of it is not on this host now; nil where it is. It may come: a cgroup of a container that has yet to start.
    package var absence: String? {
        switch self {
        case .processTree(let root):
            return FileIdentity(path: "/proc/\(root)") == nil ? "there is no process \(root)" : nil
        case .cgroup(let path):
            let mounted = CgroupHierarchy.mounted()
            let roots = [mounted.unified, mounted.cpuAccounting, mounted.memory].compactMap(\.self)
            guard !roots.isEmpty else { return "this host has no cgroups" }
            return roots.contains { FileIdentity(path: $0 + path) != nil } ? nil : "there is no cgroup \(path)"
        case .host:
            return nil
        }
    }
}
