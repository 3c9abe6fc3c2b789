import Foundation

/// The environment that a GPU server gives what it starts: what drivers look for, and nothing that might be secret.
package enum WorkerEnvironment {
    private static let names: Set = [
        "PATH", "HOME", "TMPDIR", "LANG", "LD_LIBRARY_PATH", "XDG_CACHE_HOME", "PRESYNC_TRANSPORT",
        "PRESYNC_BUILD_MEMORY",
    ]
    private static let prefixes = ["OCL_", "OPENCL_", "POCL_", "CUDA_", "NVIDIA_", "ROCR_", "HIP_"]

    /// What of this process's environment is passed on, as `NAME=value`, in the order of names.
    package static var current: [String] {
        ProcessInfo.processInfo.environment
            .filter { name, _ in names.contains(name) || prefixes.contains(where: name.hasPrefix) }
            .map { "\($0)=\($1)" }.sorted()
    }
}
