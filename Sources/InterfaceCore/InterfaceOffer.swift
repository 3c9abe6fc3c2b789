package import FleetModel

/// A version that the trusted repository publishes for one platform and has not revoked, with what its signed manifest
/// says of it.
package struct InterfaceOffer: Hashable, Sendable {
    package var version: InterfaceVersion
    /// Nil where nothing is known but the version: it is then taken to fit everywhere.
    package var manifest: BundleManifest?

    package init(_ version: InterfaceVersion, manifest: BundleManifest? = nil) {
        self.version = version
        self.manifest = manifest
    }
}
