import Glibc

/// Which cgroup a program may claim as its instance: the one that it is in, as the kernel says, while every process there
/// is of the program's user. Who claims more would be measured with, and could use the GPU of, somebody else.
enum CgroupOwnership {
    /// The path of the program's cgroup in the hierarchy that accounts CPU time; nil where it may not be claimed.
    static func path(of credentials: PeerCredentials, hierarchy: CgroupHierarchy = .mounted()) -> String? {
        guard let path = CgroupMembership(running: credentials.pid)?.accountingPath,
            InstanceSelector.cgroup(path: path).problem == nil
        else { return nil }
        var usage = CgroupUsage(path: path, hierarchy: hierarchy)
        guard usage.read() != nil, let processes = usage.processes(), processes.contains(credentials.pid)
        else { return nil }
        let isOwned = processes.allSatisfy {
            credentials.uid == 0 || owner(of: $0) ?? credentials.uid == credentials.uid
        }
        return isOwned ? path : nil
    }

    /// The user of a process; nil when there is none any more.
    private static func owner(of pid: Int32) -> UInt32? {
        var status = stat()
        return stat("/proc/\(pid)", &status) == 0 ? status.st_uid : nil
    }
}
