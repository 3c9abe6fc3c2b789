package import InterfaceCore
import Foundation

/// What a check of a whole repository found.
package struct RepositoryReport: Hashable, Sendable {
    package var versions: [RoleName: Int64] = [:]
    package var expires: [RoleName: MetadataTime] = [:]
    /// Files, and their bytes in all.
    package var targets = 0
    package var bytes: Int64 = 0
    /// What is wrong, a sentence each; empty where all is well.
    package var problems: [String] = []
}

extension TrustRepository {
    /// The files that a published bundle has beside its manifest.
    package func files(of bundle: PublishedBundle) throws(TrustError) -> [TargetFile] {
        try mapErrors {
            let metadata = try TargetsMetadata(SignedMetadata(files.documents().targets.bytes, of: .targets))
            let prefix = bundle.path.text.dropLast("manifest".count)
            return metadata.targets.values.filter { $0.path.text.hasPrefix(prefix) }.sorted { $0.path < $1.path }
        }
    }

    /// Walks through the repository as a client that knows nothing but a first root, and digests every target.
    ///
    /// - Parameter root: the trusted root's file; the repository's own first root where nil.
    package func verify(trusting root: String? = nil) async throws -> RepositoryReport {
        let folder = FileManager.default.temporaryDirectory.appending(path: "presync-verify-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let first = try mapErrors {
            try StoredFile(root ?? "\(files.metadata)/1.root.json").contents(maximum: TrustLimits().root)
        }
        let initial = try TrustClient.initialise(folder: folder, root: first)
        var report = RepositoryReport(versions: [.root: initial.header.version])
        let mirror = RepositoryMirror(metadata: files.metadata, targets: files.targets)
        do {
            let repository = try await TrustClient.with(folder: folder, mirrors: [mirror]) { try await $0.refresh() }
            report.versions = repository.versions
            report.expires = repository.expiries
            for target in (repository.targets?.targets.values.sorted { $0.path < $1.path }) ?? [] {
                report.targets += 1
                report.bytes += target.length
                if let problem = problem(of: target) { report.problems.append(problem) }
            }
        } catch let error as TrustError {
            report.problems.append(error.message)
        }
        return report
    }

    private func problem(of target: TargetFile) -> String? {
        do {
            let place = try files.place(target.path, digest: target)
            var digests = TargetDigests(target)
            try StoredFile("\(place.folder)/\(place.name)").read { digests.update($0) }
            return digests.match ? nil : "\(target.path): the file's bytes are not those that are signed"
        } catch {
            return "\(target.path): \(error)"
        }
    }
}
