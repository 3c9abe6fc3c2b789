package import FleetModel
import InterfaceCore
import InterfaceStore
import Synchronization

/// The worker of one installed interface version.
package struct InstalledWorker: Hashable, Sendable {
    /// The path of its program.
    package var executable: String
    /// Bundles that its manifest names as tested with it.
    package var testedWith: [ContentDigest]

    package init(executable: String, testedWith: [ContentDigest] = []) {
        self.executable = executable
        self.testedWith = testedWith
    }
}

/// The worker of each interface version that is installed and verified: a session runs in its own version.
final class InstalledWorkers: Sendable {
    private let workers = Mutex<[InterfaceVersion: InstalledWorker]>([:])

    func add(_ bundle: ActiveBundle) {
        let worker = InstalledWorker(
            executable: bundle.worker, testedWith: bundle.bundle.manifest.testedWith)
        workers.withLock { $0[bundle.version] = worker }
    }

    func remove(_ version: InterfaceVersion) { workers.withLock { $0[version] = nil } }

    /// The version's worker; nil where the version is not installed.
    subscript(version: InterfaceVersion) -> InstalledWorker? { workers.withLock { $0[version] } }
}
