import FleetModel
import Glibc
import InterfaceCore

/// A repository's files: `metadata` and `targets` under one folder, with file names that hold versions and digests, so
/// that nothing that was published ever changes but `timestamp.json`. Any web server, object store or CDN can serve them.
struct RepositoryFiles: Sendable {
    let directory: String

    var metadata: String { "\(directory)/metadata" }
    var targets: String { "\(directory)/targets" }
    private var pendingRoot: String { "\(directory)/pending/root.json" }

    /// The documents in force.
    func documents() throws -> RepositoryDocuments {
        let rootVersion = try newestRoot()
        let timestamp = try document(.timestamp, version: nil)
        let snapshotVersion = try TimestampMetadata(SignedMetadata(timestamp.bytes, of: .timestamp)).snapshot.version
        let snapshot = try document(.snapshot, version: snapshotVersion)
        let targetsVersion = try SnapshotMetadata(SignedMetadata(snapshot.bytes, of: .snapshot)).reference(.targets)
        return RepositoryDocuments(
            root: try document(.root, version: rootVersion),
            targets: try document(.targets, version: targetsVersion.version), snapshot: snapshot, timestamp: timestamp)
    }

    /// The newest root's version.
    func newestRoot() throws -> Int64 {
        let versions = try Folder.names(in: metadata).compactMap { name -> Int64? in
            name.hasSuffix(".root.json") ? Int64(name.dropLast(".root.json".count)) : nil
        }
        guard let newest = versions.max() else {
            throw TrustError(.notInitialised, "\(directory) holds no repository: there is no root in \(metadata)")
        }
        return newest
    }

    func document(_ role: RoleName, version: Int64?) throws -> RoleDocument {
        try RoleDocument(role, try bytes(role, version: version))
    }

    func bytes(_ role: RoleName, version: Int64?) throws -> [UInt8] {
        let limits = TrustLimits()
        return try StoredFile("\(metadata)/\(role.fileName(version: version))").contents(maximum: limits.targets)
    }

    /// The root that still lacks signatures, if there is one.
    func pending() throws -> RoleDocument? {
        do {
            return try RoleDocument(.root, try StoredFile(pendingRoot).contents(maximum: TrustLimits().root))
        } catch let error as StoreError where error.code == .notFound {
            return nil
        }
    }

    func writePending(_ root: RoleDocument?) throws {
        guard let root else {
            guard unlink(pendingRoot) == 0 || errno == ENOENT else { throw StoreError.system("remove \(pendingRoot)") }
            return
        }
        try write(root.bytes, "root.json", in: "\(directory)/pending")
    }

    func write(_ document: RoleDocument) throws {
        let version = document.role == .timestamp ? nil : document.version
        try write(document.bytes, document.role.fileName(version: version), in: metadata)
    }

    private func write(_ bytes: [UInt8], _ name: String, in folder: String) throws {
        try Folder.create(folder)
        let file = try IncomingFile(in: folder)
        try bytes.withUnsafeBytes { try file.write($0) }
        try file.commit(to: name, in: folder, executable: false)
    }

    /// Puts a file in its place among the targets, under its digest, unless it is there.
    func addTarget(_ path: ExactText, from source: String, expecting target: TargetFile) throws {
        let (folder, name) = try place(path, digest: target)
        if (try? StoredFile("\(folder)/\(name)"))?.size == target.length { return }
        try Folder.create(folder)
        let file = try IncomingFile(in: folder)
        try StoredFile(source).read { try file.write($0) }
        guard file.size == target.length, file.digest.bytes == target.hashes.sha256 else {
            throw TrustError(.mismatch, "\(source) is not the file that its bundle names")
        }
        try file.commit(to: name, in: folder, executable: false)
    }

    /// The folder and the name of a target's file.
    func place(_ path: ExactText, digest target: TargetFile) throws -> (folder: String, name: String) {
        var parts = path.text.split(separator: "/").map(String.init)
        guard let name = parts.popLast(), let digest = target.hashes.fileName else {
            throw TrustError(.malformed, "the target \(path)")
        }
        return (([targets] + parts).joined(separator: "/"), "\(digest).\(name)")
    }
}
