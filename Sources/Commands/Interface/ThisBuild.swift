import FleetModel
import InterfaceStore
import RemotingCore

/// The interface version that this build is.
enum ThisBuild {
    /// Puts its bundle into a store.
    static func bundle(in store: LocalInterfaceStore) throws -> InstalledBundle {
        guard let version = SemanticVersion(OpenCLInterface.version) else {
            throw CommandFailure(.software, "no version")
        }
        let revision = UInt32(SessionLimits.revision)
        return try BundleBuilder(store: store).buildFromThisProgram(
            version: version, wireRevisions: revision...revision)
    }
}
