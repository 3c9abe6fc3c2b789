package import FleetModel

/// Which interface version a session runs in.
package enum SharedVersion {
    /// The newest version that both ends have and the repository publishes.
    ///
    /// - Parameters:
    ///   - kind: the interface asked for; versions of other kinds are passed over.
    ///   - repository: what is published, newest last: an operator's order, which need not be that of the numbers.
    /// - Throws: ``NoSharedVersion``, which names what each side has.
    package static func select(
        kind: String, agent: [InterfaceVersion], server: [InterfaceVersion], repository: [InterfaceVersion]
    ) throws(NoSharedVersion) -> InterfaceVersion {
        let newest = repository.last { $0.kind == kind && agent.contains($0) && server.contains($0) }
        guard let newest else {
            throw NoSharedVersion(
                kind: kind, agent: agent.filter { $0.kind == kind }, server: server.filter { $0.kind == kind },
                repository: repository.filter { $0.kind == kind })
        }
        return newest
    }

    /// Whether a client library and a worker may share a session: they are of one bundle, or the worker's, which is the
    /// newer, names the client's as one that it was tested with, and they have a wire revision in common.
    package static func isShared(client: InstalledManifest, worker: InstalledManifest) -> Bool {
        if client.digest == worker.digest { return client.manifest == worker.manifest }
        return client.manifest.kind == worker.manifest.kind
            && worker.manifest.testedWith.contains(client.digest)
            && client.manifest.wireRevisions.overlaps(worker.manifest.wireRevisions)
    }
}

/// A manifest together with the digest of its canonical bytes.
package struct InstalledManifest: Hashable, Sendable {
    package let manifest: BundleManifest
    package let digest: ContentDigest

    package init(manifest: BundleManifest, digest: ContentDigest) {
        self.manifest = manifest
        self.digest = digest
    }

    package var version: InterfaceVersion {
        InterfaceVersion(kind: manifest.kind, version: manifest.version, digest: digest)
    }
}

/// Two ends without a version in common. Each list is in the order in which its side gave it.
package struct NoSharedVersion: Error, Hashable, CustomStringConvertible {
    package var kind: String
    package var agent: [InterfaceVersion]
    package var server: [InterfaceVersion]
    package var repository: [InterfaceVersion]

    package init(
        kind: String, agent: [InterfaceVersion], server: [InterfaceVersion], repository: [InterfaceVersion]
    ) {
        self.kind = kind
        self.agent = agent
        self.server = server
        self.repository = repository
    }

    package var description: String {
        "no shared version of \(kind): the agent has \(Self.list(agent)), the GPU server has \(Self.list(server)), "
            + "the repository publishes \(Self.list(repository))"
    }

    private static func list(_ versions: [InterfaceVersion]) -> String {
        versions.isEmpty ? "none" : versions.map(\.description).joined(separator: ", ")
    }
}
