package import AsyncHTTPClient
package import FleetModel
import Glibc
package import InterfaceCore

/// A client of a repository after The Update Framework, version 1.0 of its specification: it keeps what it trusts in a
/// folder, brings that up to date, finds targets and downloads them.
///
/// It holds no state in memory and may be used from anywhere at once; processes that share a folder take turns.
package struct TrustClient: Sendable {
    /// Where trusted metadata is kept.
    package let folder: String
    /// The copies of the repository, in the order in which they are asked: one that fails, lies or stalls is left for
    /// the next.
    package let mirrors: [RepositoryMirror]
    package let http: HTTPClient
    package let limits: TrustLimits
    package let transfer: TransferLimits

    private let now: @Sendable () -> MetadataTime

    /// - Parameters:
    ///   - http: made with ``httpConfiguration(_:)`` of the same limits; it stays its owner's.
    ///   - now: the clock that expiry is judged by.
    package init(
        folder: String, mirrors: [RepositoryMirror], http: HTTPClient, limits: TrustLimits = .init(),
        transfer: TransferLimits = .init(), now: @escaping @Sendable () -> MetadataTime = { .now }
    ) {
        self.folder = folder
        self.mirrors = mirrors
        self.http = http
        self.limits = limits
        self.transfer = transfer
        self.now = now
    }

    /// For the HTTP client that the trust client is given.
    package static func httpConfiguration(_ limits: TransferLimits = .init()) -> HTTPClient.Configuration {
        RepositoryServer.configuration(limits)
    }

    /// Runs `body` with a client that has an HTTP client of its own for as long. Parameters as of the initializer's.
    package static func with<Result>(
        folder: String, mirrors: [RepositoryMirror], limits: TrustLimits = .init(), transfer: TransferLimits = .init(),
        _ body: (TrustClient) async throws -> Result
    ) async throws -> Result {
        try await HTTPClient.withHTTPClient(configuration: httpConfiguration(transfer)) { http in
            try await body(
                TrustClient(folder: folder, mirrors: mirrors, http: http, limits: limits, transfer: transfer))
        }
    }

    /// Makes `root`, which came by a way that is trusted, the beginning of all trust. It must be signed as it asks for
    /// itself; it may have expired, because newer ones may follow. Asks no repository.
    package static func initialise(
        folder: String, root: [UInt8], limits: TrustLimits = .init()
    ) throws -> RootMetadata {
        let metadata = try TrustedRoot.read(root, by: SwiftCryptography(), limits: limits)
        let place = MetadataFolder(path: folder, maximum: limits.root)
        try place.create()
        try place.write(root, .root)
        return metadata
    }

    /// Brings the trusted metadata up to date. Throws ``TrustError`` of the last mirror that was asked.
    ///
    /// Costs two requests where nothing changed.
    package func refresh() async throws -> VerifiedRepository { try await refresh { _ in } }

    /// As above, from the first mirror that publishes exactly this version for this platform: one that lags behind the
    /// others is passed over.
    package func refresh(holding version: InterfaceVersion) async throws -> (VerifiedRepository, PublishedBundle) {
        var found: PublishedBundle?
        let repository = try await refresh { repository in
            found = try await repository.published(version)
        }
        guard let found else { throw TrustError(.missing, "\(version) is not published") }
        return (repository, found)
    }

    /// From the first mirror of which `isWanted` does not throw.
    private func refresh(
        _ isWanted: (inout VerifiedRepository) async throws -> Void
    ) async throws -> VerifiedRepository {
        try await place.whileLocked(within: transfer.refresh) {
            var failure = TrustError(.unreachable, "no mirror is named")
            for mirror in mirrors {
                do {
                    var repository = VerifiedRepository(client: self, mirror: mirror)
                    try await repository.start(at: now(), from: .repository)
                    try await isWanted(&repository)
                    return repository
                } catch let error as TrustError {
                    failure = error
                    // Another mirror cannot mend these.
                    if error.code == .notInitialised || error.code == .storage { throw error }
                }
            }
            throw failure
        }
    }

    /// What an earlier refresh left, checked again from the root on, without asking any mirror. Throws where it has
    /// expired meanwhile.
    package func stored() async throws -> VerifiedRepository {
        guard let mirror = mirrors.first else { throw TrustError(.unreachable, "no mirror is named") }
        var repository = VerifiedRepository(client: self, mirror: mirror)
        try await repository.start(at: now(), from: .storage)
        return repository
    }

    var place: MetadataFolder {
        MetadataFolder(path: folder, maximum: max(limits.root, limits.timestamp, limits.snapshot, limits.targets))
    }

    func source(_ base: String) -> any RepositorySource {
        let base = base.last == "/" ? String(base.dropLast()) : base
        if base.hasPrefix("/") { return RepositoryFolder(folder: base) }
        return RepositoryServer(client: http, base: base, limits: transfer)
    }
}

extension MetadataTime {
    /// By the system's clock.
    package static var now: MetadataTime { MetadataTime(secondsSinceEpoch: Int64(time(nil))) }
}
