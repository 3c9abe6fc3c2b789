package import AsyncHTTPClient
package import FleetModel
import Glibc
package import InterfaceCore
package import Logging

/// How a host comes by interface versions.
package struct HostInterfacesConfiguration: Hashable, Sendable {
    /// The file of a root that came by a way that is trusted; nil to trust the first that the manager shows.
    package var root: String?
    /// Whether nothing is installed without ``root``.
    package var requiresRoot = false
    /// Base URLs or folders of copies of the repository nearby, in the order in which they are asked.
    package var mirrors: [String] = []
    /// Bytes that installed versions may take; what is in use stays above it.
    package var quota: Int64 = 2 << 30
    /// How often it is asked whether what is installed may still be used.
    package var reviewEvery = Duration.seconds(60)
    package var transfer = TransferLimits()

    package init() {}

    /// Everything that is wrong, a sentence fragment each; empty when nothing is.
    package func validate() -> [String] {
        var problems: [String] = []
        if requiresRoot, root == nil {
            problems.append("a root is required (interface-require-root), and interface-root names none")
        }
        for mirror in mirrors where !["http://", "https://", "/"].contains(where: mirror.hasPrefix) {
            problems.append("the mirror \"\(mirror)\" is neither a URL nor the full path of a folder")
        }
        if quota < 64 << 20 { problems.append("a quota of \(quota) bytes for interface versions is below 64 MiB") }
        if reviewEvery < .seconds(1) || reviewEvery > .seconds(86_400) {
            problems.append("interface versions are reviewed every \(reviewEvery), which must be 1 s to 1 day")
        }
        return problems
    }
}

/// A host's interface versions: which of them are trusted, installed and in force.
///
/// Whatever is put in force is verified then: the repository's metadata, from the root on, and every file. Who calls it
/// does so from one task; processes that share the folder take turns.
package struct HostInterfaces: Sendable {
    package let store: LocalInterfaceStore
    private let configuration: HostInterfacesConfiguration
    private let trust: String
    private let http: HTTPClient
    private let logger: Logger
    private let now: @Sendable () -> MetadataTime

    /// - Parameters:
    ///   - folder: the host's own: `store` below it for bundles, `trust` for the repository's metadata.
    ///   - http: made with ``TrustClient/httpConfiguration(_:)``; it stays its owner's.
    ///   - now: the clock that expiry is judged by.
    package init(
        _ configuration: HostInterfacesConfiguration, store: LocalInterfaceStore, trust folder: String,
        http: HTTPClient, logger: Logger, now: @escaping @Sendable () -> MetadataTime = { .now }
    ) {
        self.configuration = configuration
        self.store = store
        self.http = http
        self.logger = logger
        self.now = now
        trust = folder
    }

    /// Runs `body` with a host's interfaces that have an HTTP client of their own for as long. Parameters as of the
    /// initializer's.
    package static func with<Result>(
        _ configuration: HostInterfacesConfiguration, store: LocalInterfaceStore, trust folder: String,
        logger: Logger, now: @escaping @Sendable () -> MetadataTime = { .now },
        _ body: (HostInterfaces) async throws -> Result
    ) async throws -> Result {
        try await HTTPClient.withHTTPClient(
            configuration: TrustClient.httpConfiguration(configuration.transfer)
        ) { http in
            try await body(
                HostInterfaces(configuration, store: store, trust: folder, http: http, logger: logger, now: now))
        }
    }

    var reviewPeriod: Duration { configuration.reviewEvery }

    /// Installs a version, where it is not installed, and puts it in force. Brings the metadata up to date first, which
    /// costs two requests where nothing changed.
    package func prepare(_ version: InterfaceVersion, from sources: InterfaceSources) async throws -> ActiveBundle {
        let client = client(sources)
        try await ensureRoot(client)
        var (repository, bundle) = try await client.refresh(holding: version)
        try keepOrigin(sources.manager)
        _ = try await repository.install(bundle, into: store, peers: sources.peers)
        return try await repository.activate(version, in: store)
    }

    /// Puts each version in force that is installed and may be used by what was trusted last, without asking anyone; the
    /// one that was in force before comes last, and so stays it. `unusable` is told of the others.
    package func activateInstalled(
        unusable: (InterfaceVersion, any Error) -> Void = { _, _ in }
    ) async -> [ActiveBundle] {
        let found = (try? store.installed()) ?? []
        let inForce = found.filter { (try? store.active(kind: $0.kind)) == $0 }
        var active: [ActiveBundle] = []
        for version in found.filter({ !inForce.contains($0) }) + inForce {
            do {
                var repository = try await client(nil).stored()
                active.append(try await repository.activate(version, in: store))
            } catch {
                unusable(version, error)
            }
        }
        return active
    }

    /// Puts an installed version in force again by what was trusted last, without asking anyone.
    package func putInForce(_ version: InterfaceVersion) async throws -> ActiveBundle {
        var repository = try await client(nil).stored()
        return try await repository.activate(version, in: store)
    }

    /// Brings the metadata up to date, and gives those of `versions` that may not be used any longer, with the reason.
    /// Where nobody answers, what was trusted last counts, until it expires.
    package func review(
        _ versions: [InterfaceVersion], sources: InterfaceSources?
    ) async -> [(version: InterfaceVersion, reason: String)] {
        let client = client(sources)
        var repository: VerifiedRepository
        do {
            do {
                repository = try await client.refresh()
            } catch {
                logger.info("the repository does not answer", metadata: ["reason": "\(error)"])
                repository = try await client.stored()
            }
        } catch {
            return versions.map { ($0, "\(error)") }
        }
        var unusable: [(version: InterfaceVersion, reason: String)] = []
        for version in versions {
            do {
                try await repository.checkUsable(version)
            } catch {
                unusable.append((version, "\(error)"))
            }
        }
        return unusable
    }

    /// Makes room: see ``LocalInterfaceStore/collectGarbage(quota:keeping:unwanted:)``.
    package func collectGarbage(
        keeping kept: Set<ContentDigest>, unwanted: Set<ContentDigest> = []
    ) throws -> GarbageReport {
        try store.collectGarbage(quota: configuration.quota, keeping: kept, unwanted: unwanted)
    }

    private func client(_ sources: InterfaceSources?) -> TrustClient {
        var mirrors = configuration.mirrors.map { RepositoryMirror(base: $0) }
        if let manager = sources?.manager ?? keptOrigin, !manager.isEmpty {
            mirrors.append(RepositoryMirror(base: Self.repository(at: manager), isOrigin: true))
        }
        // What is stored is read without asking any; a client wants one named.
        if mirrors.isEmpty { mirrors = [RepositoryMirror(base: trust)] }
        return TrustClient(
            folder: trust, mirrors: mirrors, http: http, transfer: configuration.transfer, now: now)
    }

    /// Where a manager serves the repository.
    package static let repositoryPath = "/repository"

    private static func repository(at manager: String) -> String {
        (manager.last == "/" ? String(manager.dropLast()) : manager) + repositoryPath
    }

    // MARK: The origin

    /// The name of the file, beside the metadata, that holds where the manager last said that the repository is: a host that
    /// is restarted with everything installed is told of nothing, and is to hear of what is revoked all the same.
    private static let origin = "origin"
    private static let longestOrigin = 1_024

    private var keptOrigin: String? {
        let bytes = try? StoredFile("\(trust)/\(Self.origin)").contents(maximum: Self.longestOrigin)
        return bytes.map { String(decoding: $0, as: UTF8.self) }
    }

    private func keepOrigin(_ manager: String) throws {
        guard !manager.isEmpty, manager != keptOrigin else { return }
        try keep(Array(manager.utf8), as: Self.origin)
    }

    private func keep(_ bytes: [UInt8], as name: String) throws {
        do {
            let file = try IncomingFile(in: trust)
            try bytes.withUnsafeBytes { try file.write($0) }
            try file.commit(to: name, in: trust, executable: false)
        } catch let error as StoreError {
            throw TrustError(.storage, error.message)
        }
    }

    // MARK: The first root

    /// The name of the file, beside the metadata, that holds the root from which all trust began.
    private static let bootstrap = "first-root.json"

    /// Begins to trust: in the configured root, or in the first root that a mirror shows. A configured root that is not
    /// the one that trust began with begins it anew.
    private func ensureRoot(_ client: TrustClient) async throws {
        let known = try? StoredFile("\(trust)/\(Self.bootstrap)").contents(maximum: client.limits.root)
        if let path = configuration.root {
            let root: [UInt8]
            do {
                root = try StoredFile(path).contents(maximum: client.limits.root)
            } catch {
                throw TrustError(.notInitialised, "the trusted root \(path) cannot be read: \(error)")
            }
            guard root != known else { return }
            return try begin(root, client)
        }
        guard known == nil else { return }
        guard !configuration.requiresRoot else {
            throw TrustError(.notInitialised, "a trusted root is required, and none is configured")
        }
        let root = try await firstRoot(client)
        try begin(root, client)
        logger.warning(
            "the first root of a repository is trusted unseen; name one with interface-root to be sure",
            metadata: ["sha256": "\(ContentDigest.sha256(root))"])
    }

    private func begin(_ root: [UInt8], _ client: TrustClient) throws {
        _ = try TrustClient.initialise(folder: trust, root: root, limits: client.limits)
        try keep(root, as: Self.bootstrap)
    }

    private func firstRoot(_ client: TrustClient) async throws -> [UInt8] {
        var failure = TrustError(.unreachable, "no repository is named")
        // The origin first: it is the manager, which this host obeys already.
        for mirror in client.mirrors.sorted(by: { $0.isOrigin && !$1.isOrigin }) {
            do {
                return try await client.source(mirror.metadata).read(
                    RoleName.root.fileName(version: 1), maximum: client.limits.root,
                    until: .now + configuration.transfer.refresh)
            } catch let error as TrustError {
                failure = error
            }
        }
        throw failure
    }
}
