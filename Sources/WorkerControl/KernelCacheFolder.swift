package import FleetModel

/// Where drivers keep what they compiled: in one folder of a GPU server's a folder for each instance. What a tenant puts
/// into its cache, another tenant's kernels are never made of.
package enum KernelCacheFolder {
    /// The variable that tells a worker the folder in which its instance's lies. It is PoCL's own: workers of every version
    /// read it.
    package static let environmentKey = "POCL_CACHE_DIR"
    package static let prefix = "instance-"

    /// One for each instance, and no way up: of what an identifier may hold, only the slash means something in a path.
    package static func name(of instance: InstanceID) -> String {
        prefix + String(instance.rawValue.map { $0 == "/" ? "+" : $0 })
    }
}
