import ControlLoop
import ControlProtocol
import FleetModel
import InterfaceCore
import InterfaceStore
import Logging
import Synchronization

/// A bundle to be fetched.
struct InstallationOrder: Sendable {
    var version: InterfaceVersion
    var source: String
}

/// The rest of a running daemon, as its loop sees it.
final class LiveSurroundings: AgentSurroundings {
    private let link: ManagerLink<AgentRole>
    private let resolver: NameResolver
    private let orders: AsyncStream<InstallationOrder>.Continuation
    private let logger: Logger
    private struct Bundles {
        /// By the digest of the installed bundle.
        var tested: [ContentDigest: [ContentDigest]] = [:]
        var clientLibrary: String?
    }

    private let bundles = Mutex(Bundles())

    init(
        link: ManagerLink<AgentRole>, resolver: NameResolver,
        orders: AsyncStream<InstallationOrder>.Continuation, logger: Logger
    ) {
        self.link = link
        self.resolver = resolver
        self.orders = orders
        self.logger = logger
    }

    func send(_ message: AgentMessage) { link.send(message) }

    func installInterface(_ version: InterfaceVersion, source: String) {
        // A full queue drops the order; the manager repeats it.
        orders.yield(InstallationOrder(version: version, source: source))
    }

    func resolve(_ endpoint: SessionEndpoint, for grant: GrantID) { resolver.resolve(endpoint, for: grant) }

    func testedWith(_ version: InterfaceVersion) -> [ContentDigest] {
        bundles.withLock { $0.tested[version.digest] ?? [] }
    }

    var clientLibrary: String? { bundles.withLock { $0.clientLibrary } }

    /// Takes note of a bundle that is in force from now on.
    func activated(_ active: ActiveBundle) {
        bundles.withLock { bundles in
            bundles.tested[active.version.digest] = active.bundle.manifest.testedWith
            bundles.clientLibrary = active.clientLibrary
        }
    }

    func record(_ event: FleetEvent) {
        var metadata: Logger.Metadata = ["kind": "\(event.kind.rawValue)"]
        if let instance = event.instance { metadata["instance"] = "\(instance)" }
        if let grant = event.grant { metadata["grant"] = "\(grant)" }
        if let device = event.device { metadata["device"] = "\(device)" }
        logger.log(level: event.kind == .failure ? .warning : .info, "\(event.detail)", metadata: metadata)
    }
}
