import FleetModel
import InterfaceStore
import Synchronization

/// The worker program of each interface version that is installed and verified: a session runs in its own version.
final class InstalledWorkers: Sendable {
    private let paths = Mutex<[InterfaceVersion: String]>([:])

    func add(_ bundle: ActiveBundle) { paths.withLock { $0[bundle.version] = bundle.worker } }

    /// The path of the version's worker; nil where the version is not installed.
    func path(of version: InterfaceVersion) -> String? { paths.withLock { $0[version] } }
}
