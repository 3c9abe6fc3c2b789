import FleetModel
import Glibc
import WorkerControl

/// Confines a worker's process, step by step as what it needs is opened. What the kernel refuses is said on the standard
/// error, which the GPU server keeps, and the worker serves on.
enum WorkerCage {
    /// Before the driver starts its threads, which are confined with the thread that starts them. Returns the folder of the
    /// instance's cache.
    static func closeFiles(of instance: InstanceID) -> String {
        offerForMemory()
        let cache = makeCache(of: instance)
        setenv(KernelCacheFolder.environmentKey, cache, 1)
        setenv("CUDA_CACHE_PATH", cache, 1)
        setenv("TMPDIR", cache, 1)
        var files = FileCage(cache: cache) { name in getenv(name).map { String(cString: $0) } }
        // The worker's own program is its compiler's as well.
        files.readable.append("/proc/self/exe")
        report(files.close())
        forbidCoreFiles()
        return cache
    }

    /// When the session's door stands.
    static func closeCalls() { report(CallCage.close()) }

    /// Where the driver keeps what it compiled: below the place that the environment names, or a user's usual one, a folder
    /// of the instance's own.
    private static func makeCache(of instance: InstanceID) -> String {
        func value(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
        let base =
            value(KernelCacheFolder.environmentKey) ?? value("XDG_CACHE_HOME").map { $0 + "/pocl/kcache" }
            ?? (value("HOME") ?? "/tmp") + "/.cache/pocl/kcache"
        let cache = base + "/" + KernelCacheFolder.name(of: instance)
        var path = ""
        for part in cache.split(separator: "/") {
            path += "/" + part
            mkdir(path, 0o700)
        }
        return path
    }

    /// A host that has no memory left ends the workers first, the greatest before the others (proc(5), oom_score_adj):
    /// not its own daemons, and not those whose tenants take little.
    private static func offerForMemory() {
        let file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { return }
        defer { close(file) }
        let score = Array("800".utf8)
        _ = score.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
    }

    /// They would hold a tenant's data.
    private static func forbidCoreFiles() {
        var limit = rlimit(rlim_cur: 0, rlim_max: 0)
        setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit)
        var descriptors = rlimit(rlim_cur: 1_024, rlim_max: 1_024)
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &descriptors)
    }

    private static func report(_ refusal: String?) {
        guard let refusal else { return }
        let line = Array("presync-worker: not confined by \(refusal)\n".utf8)
        _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
