package import FleetModel
import InterfaceStore

extension InterfacePublication {
    /// The interface of this very build: the client library and the worker that lie beside the running program are made
    /// into a bundle and served from `directory`, which is created if it is missing.
    ///
    /// - Parameter wireRevisions: the revisions of the session protocol that this build speaks.
    package static func thisBuild(
        in directory: String, version: SemanticVersion, wireRevisions: ClosedRange<UInt32>
    ) -> InterfacePublication {
        let store = LocalInterfaceStore(directory: directory)
        return InterfacePublication(
            publish: {
                let bundle = try BundleBuilder(store: store)
                    .buildFromThisProgram(version: version, wireRevisions: wireRevisions)
                return [bundle.version]
            },
            addRoutes: { addBundleRoutes(to: $0, store: store) })
    }
}
