import Glibc
import WorkerControl

/// Confines a worker's process, step by step as what it needs is opened. What the kernel refuses is said on the standard
/// error, which the GPU server keeps, and the worker serves on.
enum WorkerCage {
    /// Before the driver starts its threads, which are confined with the thread that starts them.
    static func closeFiles() {
        let cache = makeCache()
        setenv("POCL_CACHE_DIR", cache, 1)
        setenv("CUDA_CACHE_PATH", cache, 1)
        setenv("TMPDIR", cache, 1)
        report(FileCage(cache: cache) { name in getenv(name).map { String(cString: $0) } }.close())
        forbidCoreFiles()
    }

    /// When the session's door stands.
    static func closeCalls() { report(CallCage.close()) }

    /// Where the driver keeps what it compiled: the place that the environment names, or a user's usual one.
    private static func makeCache() -> String {
        func value(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
        let cache =
            value("POCL_CACHE_DIR") ?? value("XDG_CACHE_HOME").map { $0 + "/pocl/kcache" }
            ?? (value("HOME") ?? "/tmp") + "/.cache/pocl/kcache"
        var path = ""
        for part in cache.split(separator: "/") {
            path += "/" + part
            mkdir(path, 0o700)
        }
        return path
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
