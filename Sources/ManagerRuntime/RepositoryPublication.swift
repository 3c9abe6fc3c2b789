import FleetModel
import InterfaceCore
package import InterfaceStore
package import Logging

/// A trusted repository that a manager serves: its owner's, or one that the manager makes and keeps itself, of what is
/// built beside it.
///
/// The manager believes its own repository no more than its agents do: what it offers are the versions that a client
/// finds in it, from its first root on, and it looks again whenever the timestamp changes.
package struct RepositoryPublication: Sendable {
    /// Where the manager's own things are.
    private let state: String
    /// The owner's repository; nil for one of the manager's own.
    private let directory: String?
    /// Puts the bundle of this build into a store.
    private let thisBuild: @Sendable (LocalInterfaceStore) throws -> InstalledBundle
    private let logger: Logger

    /// How often the timestamp is looked at.
    private static let lookPeriod = Duration.seconds(1)
    /// How many looks pass until the metadata of an own repository is renewed: half a day.
    private static let looksPerRenewal = 43_200

    /// - Parameters:
    ///   - state: the manager's state directory.
    ///   - directory: a repository that `presync interface create` made; nil for one that is made in `state`, with its
    ///     keys beside it, and in which this build is published.
    ///   - thisBuild: makes the bundle of this build in a store.
    package init(
        state: String, directory: String?, logger: Logger,
        thisBuild: @escaping @Sendable (LocalInterfaceStore) throws -> InstalledBundle
    ) {
        self.state = state
        self.directory = directory
        self.thisBuild = thisBuild
        self.logger = logger
    }

    package var publication: InterfacePublication {
        InterfacePublication(
            watch: { tell in await watch(tell) },
            addRoutes: { routes in
                addRepositoryFiles(to: routes, directory: repository, at: HostInterfaces.repositoryPath, logger: logger)
            })
    }

    private var repository: String { directory ?? state + "/repository" }

    private var owner: TrustRepository {
        TrustRepository(directory: repository, keys: KeyFolder(path: state + "/repository-keys"))
    }

    private func watch(_ tell: @Sendable ([InterfaceOffer]) async -> Void) async {
        if directory == nil { keepOwn { try publishThisBuild() } }
        var seen: [UInt8]?
        var looks = 0
        while !Task.isCancelled {
            if directory == nil, looks > 0, looks % Self.looksPerRenewal == 0 {
                keepOwn { _ = try owner.refreshMetadata() }
            }
            let timestamp = TrustRepository.timestamp(in: repository)
            if timestamp != seen {
                seen = timestamp
                do {
                    let offers = try await offers()
                    logger.info("interface versions are offered", metadata: ["versions": "\(offers.map(\.version))"])
                    await tell(offers)
                } catch {
                    logger.error(
                        "the repository is not believed, and what was offered stays so",
                        metadata: ["repository": "\(repository)", "error": "\(error)"])
                }
            }
            looks += 1
            try? await Task.sleep(for: Self.lookPeriod)
        }
    }

    private func keepOwn(_ change: () throws -> Void) {
        do { try change() } catch {
            logger.error("the manager's own repository cannot be kept", metadata: ["error": "\(error)"])
        }
    }

    /// Makes the repository where there is none, and publishes the client library and the worker that lie beside the
    /// running program.
    private func publishThisBuild() throws {
        let owner = owner
        if !owner.exists { _ = try owner.create(rootKeys: []) }
        let store = LocalInterfaceStore(directory: state + "/interfaces")
        let bundle = try thisBuild(store)
        let isKnown = try owner.bundles().contains { $0.version == bundle.version }
        // Other bytes under a version's name are another build of it: whoever keeps no repository of versions gets what
        // lies beside the manager.
        if !isKnown { _ = try owner.publish([bundle.version], from: store, replacing: true) }
        _ = try owner.refreshMetadata()
    }

    /// What a client finds, oldest version first, revoked ones left out.
    private func offers() async throws -> [InterfaceOffer] {
        let trust = state + "/repository-trust"
        let mirror = RepositoryMirror(base: repository)
        _ = try TrustClient.initialise(folder: trust, root: try TrustRepository.firstRoot(in: repository))
        let repository = try await TrustClient.with(folder: trust, mirrors: [mirror]) { try await $0.refresh() }
        var offers: [InterfaceOffer] = []
        for bundle in repository.targets?.bundles ?? [] where bundle.revocation == nil {
            offers.append(InterfaceOffer(bundle.version, manifest: try await repository.manifest(of: bundle)))
        }
        return offers
    }
}
