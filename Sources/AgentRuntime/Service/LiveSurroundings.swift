import ControlLoop
import ControlProtocol
import FleetModel
import InterfaceCore
import InterfaceStore
import Logging
import Synchronization

/// The rest of a running daemon, as its loop sees it.
final class LiveSurroundings: AgentSurroundings {
    private let link: ManagerLink<AgentRole>
    private let resolver: NameResolver
    private let keeper: InterfaceKeeper
    private let logger: Logger
    private struct Bundles {
        /// By the digest of the installed bundle.
        var revisions: [ContentDigest: ClosedRange<UInt32>] = [:]
        /// Usable, the one in force last: what programs that come are given.
        var active: [ActiveBundle] = []
        /// Versions whose library programs were given: as long as the agent lives they may load it.
        var given: Set<ContentDigest> = []
    }

    private let bundles = Mutex(Bundles())

    init(
        link: ManagerLink<AgentRole>, resolver: NameResolver, keeper: InterfaceKeeper, logger: Logger
    ) {
        self.link = link
        self.resolver = resolver
        self.keeper = keeper
        self.logger = logger
    }

    func send(_ message: AgentMessage) { link.send(message) }

    func installInterface(_ version: InterfaceVersion, from sources: InterfaceSources) {
        keeper.prepare(version, from: sources)
    }

    func use(_ versions: Set<InterfaceVersion>) {
        let given = bundles.withLock { $0.given }
        keeper.use(given.union(versions.map(\.digest)))
    }

    func resolve(_ endpoint: SessionEndpoint, for grant: GrantID) { resolver.resolve(endpoint, for: grant) }

    func wireRevisions(_ version: InterfaceVersion) -> ClosedRange<UInt32>? {
        bundles.withLock { $0.revisions[version.digest] }
    }

    func clientLibrary(of version: InterfaceVersion?) -> String? {
        bundles.withLock { bundles in
            let asked = version.flatMap { version in bundles.active.last { $0.version == version } }
            guard let bundle = asked ?? bundles.active.last else { return nil }
            bundles.given.insert(bundle.version.digest)
            return bundle.clientLibrary
        }
    }

    var hasSeveralVersions: Bool { bundles.withLock { $0.active.count > 1 } }

    /// Takes note of a bundle that is in force from now on.
    func activated(_ active: ActiveBundle) {
        bundles.withLock { bundles in
            bundles.revisions[active.version.digest] = active.bundle.manifest.wireRevisions
            bundles.active.removeAll { $0.version == active.version }
            bundles.active.append(active)
        }
    }

    /// Takes note of a bundle that may not be used any longer: programs that come are given the one before it.
    func withdrawn(_ version: InterfaceVersion) {
        bundles.withLock { $0.active.removeAll { $0.version == version } }
    }

    func record(_ event: FleetEvent) {
        var metadata: Logger.Metadata = ["kind": "\(event.kind.rawValue)"]
        if let instance = event.instance { metadata["instance"] = "\(instance)" }
        if let grant = event.grant { metadata["grant"] = "\(grant)" }
        if let device = event.device { metadata["device"] = "\(device)" }
        logger.log(level: event.kind == .failure ? .warning : .info, "\(event.detail)", metadata: metadata)
    }
}
