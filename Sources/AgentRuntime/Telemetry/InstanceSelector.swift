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
}
