import CLinux
import Glibc

/// What of the host's files a worker and the compiler that it calls may reach, kept by the kernel (landlock(7)).
package struct FileCage {
    /// Files and folders that may be read and executed.
    package var readable: [String]
    /// Files and folders that may be read and written, but to which nothing is added.
    package var devices = ["/dev"]
    /// Folders in which files are made, changed and removed.
    package var writable: [String]

    /// For a driver that is installed under `/usr` or where the environment says, and keeps its files in `cache`.
    package init(cache: String, environment: (String) -> String?) {
        readable = [
            "/usr", "/lib", "/lib64", "/bin", "/opt", "/sys", "/etc/OpenCL", "/etc/ld.so.cache", "/etc/alternatives",
            "/etc/localtime",
        ]
        // Of /proc what says something of the machine and of this process: not of others, whose environment and memory
        // map Landlock lets be read where it keeps a debugger out.
        readable += [
            "self", "cpuinfo", "meminfo", "stat", "version", "devices", "modules", "filesystems", "driver", "sys",
        ].map { "/proc/" + $0 }
        for name in ["OCL_ICD_VENDORS", "OPENCL_VENDOR_PATH", "LD_LIBRARY_PATH"] {
            readable += (environment(name) ?? "").split(separator: ":").map(String.init).filter { $0.hasPrefix("/") }
        }
        writable = [cache]
    }

    /// Confines the calling thread and all threads and processes that it starts from now on, for good. Returns why not,
    /// where the kernel cannot.
    package func close() -> String? {
        let version = presync_landlock_version()
        guard version >= 1 else { return "Landlock: \(String(cString: strerror(errno)))" }
        // From version 4 on TCP connections are refused too.
        let ruleset = Int32(presync_landlock_create(Self.all(version), version >= 4 ? Self.connecting : 0))
        guard ruleset >= 0 else { return "Landlock: \(String(cString: strerror(errno)))" }
        defer { Glibc.close(ruleset) }
        for path in readable { allow(path, Self.reading, ruleset) }
        for path in devices { allow(path, Self.reading | Self.writing, ruleset) }
        for path in writable { allow(path, Self.all(version), ruleset) }
        guard presync_set_no_new_privileges() == 0, presync_landlock_restrict(ruleset) == 0 else {
            return "Landlock: \(String(cString: strerror(errno)))"
        }
        return nil
    }

    /// A path that is not there needs no rule.
    private func allow(_ path: String, _ access: UInt64, _ ruleset: Int32) {
        let file = open(path, O_PATH | O_CLOEXEC)
        guard file >= 0 else { return }
        defer { Glibc.close(file) }
        var status = stat()
        let isFolder = fstat(file, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
        _ = presync_landlock_allow(ruleset, file, isFolder ? access : access & Self.ofFiles)
    }

    // Access rights by their bits in landlock(7).
    private static let execute: UInt64 = 1 << 0
    private static let writing: UInt64 = 1 << 1
    private static let reading: UInt64 = execute | 1 << 2 | 1 << 3
    private static let truncating: UInt64 = 1 << 14
    /// Those that a rule of a file, not a folder, may name.
    private static let ofFiles: UInt64 = execute | writing | 1 << 2 | truncating
    private static let connecting: UInt64 = 1 << 1

    /// Every right over files that the kernel's version knows; without those over devices' own calls, which drivers
    /// need.
    private static func all(_ version: Int) -> UInt64 {
        ((1 << 13) - 1) | (version >= 2 ? 1 << 13 : 0) | (version >= 3 ? truncating : 0)
    }

    /// `O_PATH` (open(2)), which Swift's Glibc module does not show.
    private var O_PATH: Int32 { 0o10000000 }
}
