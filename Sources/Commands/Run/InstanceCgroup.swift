import Foundation
import Glibc

/// A cgroup of an instance's own, made below the one that this process is in.
///
/// Of version 1 the hierarchy that accounts CPU time is used, of version 2 the one that there is; where making a group
/// is not permitted, it is left out. Telemetry then reads the group instead of adding up processes. Memory of version 1
/// is left alone: whoever limits this process's memory expects to find it where they put it.
struct InstanceCgroup {
    private struct Membership {
        var parent: String
        var group: String
    }

    private static let root = "/sys/fs/cgroup"
    private let memberships: [Membership]

    /// Makes the groups and moves this process into them; nil where none is permitted.
    static func enter(name: String) -> InstanceCgroup? {
        guard let text = try? String(contentsOfFile: "/proc/self/cgroup", encoding: .utf8) else { return nil }
        let leaf = String(name.map { $0 == "/" ? "_" : $0 })
        let memberships = text.split(separator: "\n").compactMap { line -> Membership? in
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3, let mount = mount(controllers: fields[1]) else { return nil }
            let parent = mount + (fields[2] == "/" ? "" : String(fields[2]))
            let group = "\(parent)/\(leaf)"
            guard mkdir(group, 0o755) == 0 || errno == EEXIST, move(into: group) else {
                rmdir(group)
                return nil
            }
            return Membership(parent: parent, group: group)
        }
        return memberships.isEmpty ? nil : InstanceCgroup(memberships: memberships)
    }

    /// Moves this process back and removes the groups, which must hold no other process.
    func leave() {
        for membership in memberships {
            _ = Self.move(into: membership.parent)
            rmdir(membership.group)
        }
    }

    /// Where the hierarchy of `controllers` is mounted, if it is one that accounts; version 2 names none.
    private static func mount(controllers: Substring) -> String? {
        let names = controllers.split(separator: ",")
        if names.isEmpty {
            let controllersFile = try? String(contentsOfFile: root + "/cgroup.controllers", encoding: .utf8)
            return controllersFile?.contains("cpu") == true ? root : nil
        }
        guard names.contains("cpuacct") else { return nil }
        let candidates = [root + "/" + String(controllers)] + names.map { root + "/" + String($0) }
        return candidates.first { FileManager.default.fileExists(atPath: $0 + "/cgroup.procs") }
    }

    private static func move(into group: String) -> Bool {
        let file = open(group + "/cgroup.procs", O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { return false }
        defer { close(file) }
        let text = Array(String(getpid()).utf8)
        return write(file, text, text.count) == text.count
    }
}
