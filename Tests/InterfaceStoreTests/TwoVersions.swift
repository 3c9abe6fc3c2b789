import FleetModel
import Foundation
import Hummingbird
import InterfaceCore
import InterfaceStore
import Logging
import Testing

/// A trusted repository with two versions, which have their client library in common, and hosts that use it.
final class TwoVersions: Sendable {
    let trusted: TrustFixture
    let old: InterfaceVersion
    let new: InterfaceVersion
    /// The content of the newer version's worker, which the older does not have.
    static let newWorker: [UInt8] = Array("#!/bin/sh\nexit 1\n".utf8)

    init(now: @escaping @Sendable () -> MetadataTime = { .now }) throws {
        trusted = try TrustFixture(now: now)
        old = trusted.bundle.version
        new = try Self.publish(SemanticVersion(1, 1, 0), worker: Self.newWorker, in: trusted)
    }

    /// Publishes a third version.
    func publishAnother() throws -> InterfaceVersion {
        try Self.publish(SemanticVersion(1, 2, 0), worker: Array("#!/bin/sh\nexit 2\n".utf8), in: trusted)
    }

    private static func publish(
        _ version: SemanticVersion, worker: [UInt8], in trusted: TrustFixture
    ) throws -> InterfaceVersion {
        let source = "\(trusted.directory)/worker-\(version)"
        try StoreFixture.write(worker, to: source)
        let bundle = try BundleBuilder(store: trusted.origin).build(
            kind: "opencl", version: version, wireRevisions: 1...1,
            files: [
                BundleBuilder.Ingredient(
                    source: trusted.directory + "/client.so", path: try #require(BundlePath("lib/client.so")),
                    role: .clientLibrary),
                BundleBuilder.Ingredient(source: source, path: try #require(BundlePath("worker")), role: .worker),
            ])
        _ = try trusted.repository.publish([bundle.version], from: trusted.origin)
        return bundle.version
    }

    var repository: String { trusted.repository.directory }
    var rootFile: String { repository + "/metadata/1.root.json" }

    /// Runs `body` with a host of this name. Without a change to its configuration it has the right root, and the
    /// repository's folder for a mirror.
    func host<Result>(
        _ name: String = "host", _ change: (inout HostInterfacesConfiguration) -> Void = { _ in },
        clock: MetadataTime? = nil, _ body: (HostInterfaces) async throws -> Result
    ) async throws -> Result {
        var configuration = HostInterfacesConfiguration()
        configuration.root = rootFile
        configuration.mirrors = [repository]
        change(&configuration)
        return try await HostInterfaces.with(
            configuration, store: store(name), trust: "\(trusted.directory)/\(name)/trust", logger: quiet,
            now: { clock ?? .now }, body)
    }

    func store(_ name: String = "host") -> LocalInterfaceStore {
        LocalInterfaceStore(directory: "\(trusted.directory)/\(name)/interfaces")
    }

    /// Serves the repository as a manager does.
    func manager(
        _ answer: @escaping @Sendable (String, Request) async throws -> Response? = { _, _ in nil }
    ) -> Router<BasicRequestContext> {
        let fixture = trusted
        let router = Router()
        router.get("repository/**") { request, _ in
            let path = String(request.uri.path.dropFirst("/repository/".count))
            if let response = try await answer(path, request) { return response }
            guard let bytes = try? fixture.file(path) else { throw HTTPError(.notFound) }
            return answering(bytes, to: request)
        }
        return router
    }
}

/// What a test's daemon would log.
let quiet: Logger = {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    return logger
}()

/// Nothing but what the manager and its peers give.
func onlyManager(_ configuration: inout HostInterfacesConfiguration) { configuration.mirrors = [] }
