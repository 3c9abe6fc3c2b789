package import FleetModel
import Foundation
import Glibc
import InterfaceCore

/// What was removed from a store, and what it holds since.
package struct GarbageReport: Hashable, Sendable {
    package var removed: [InterfaceVersion] = []
    /// Bytes of files and manifests that are left.
    package var size: Int64 = 0
    /// Whether nothing could be removed because a version was being installed.
    package var wasBusy = false
}

extension LocalInterfaceStore {
    /// Removes the versions that were put in force longest ago until the store has at most `quota` bytes, all that
    /// `unwanted` names, and what belongs to no version. What `kept` names, and what is in force, stays, even above the
    /// quota. Programs and workers that have a removed file open keep it.
    ///
    /// A crash leaves each version whole or not installed. O(files of all versions)
    package func collectGarbage(
        quota: Int64, keeping kept: Set<ContentDigest>, unwanted: Set<ContentDigest> = []
    ) throws -> GarbageReport {
        try prepareFolders()
        let descriptor = Disk.create(layout.installing, O_RDWR, mode: 0o644)
        guard descriptor >= 0 else { throw StoreError.system("open \(layout.installing)") }
        defer { FileLock.release(descriptor) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { return GarbageReport(wasBusy: true) }
        return try whileLocked {
            var bundles = try storedBundles()
            var report = GarbageReport(size: Self.size(of: bundles))
            let inForce = try digestsInForce()
            let removable = bundles.filter { !kept.contains($0.digest) && !inForce.contains($0.digest) }
            for bundle in removable.sorted(by: { $0.used < $1.used }) {
                guard report.size > quota || unwanted.contains(bundle.digest) || bundle.manifest == nil else {
                    continue
                }
                try remove(bundle.digest)
                bundles.removeAll { $0.digest == bundle.digest }
                report.size = Self.size(of: bundles)
                if let manifest = bundle.manifest {
                    report.removed.append(
                        InterfaceVersion(kind: manifest.kind, version: manifest.version, digest: bundle.digest))
                }
            }
            try removeBlobs(but: Set(bundles.flatMap { $0.manifest?.files.map(\.digest) ?? [] }))
            try removeOldPartials()
            return report
        }
    }

    private struct StoredBundle {
        var digest: ContentDigest
        /// Nil where it cannot be read: it is not installed.
        var manifest: BundleManifest?
        /// When it was put in force.
        var used: Date
    }

    private func storedBundles() throws -> [StoredBundle] {
        try Folder.names(in: layout.bundles).compactMap { name in
            StoreLayout.digest(named: name).map { digest in
                StoredBundle(
                    digest: digest, manifest: try? manifest(of: digest).manifest,
                    used: Self.modified(layout.manifest(digest)))
            }
        }
    }

    private func digestsInForce() throws -> Set<ContentDigest> {
        Set(try Folder.names(in: layout.activeFolder).compactMap { try? active(kind: $0)?.digest })
    }

    /// Bytes of manifests and of distinct files.
    private static func size(of bundles: [StoredBundle]) -> Int64 {
        var files: [ContentDigest: Int64] = [:]
        var manifests: Int64 = 0
        for manifest in bundles.compactMap(\.manifest) {
            manifests += Int64(manifest.encoded().count)
            for file in manifest.files { files[file.digest] = file.size }
        }
        return files.values.reduce(manifests, +)
    }

    /// The manifest goes first: from then on the version is not installed, whatever else is left of it.
    private func remove(_ digest: ContentDigest) throws {
        Disk.unlink(layout.manifest(digest))
        try Folder.sync(layout.bundle(digest))
        Folder.remove(layout.bundle(digest))
        try Folder.sync(layout.bundles)
    }

    private func removeBlobs(but referenced: Set<ContentDigest>) throws {
        for name in try Folder.names(in: layout.blobs) {
            if let digest = StoreLayout.digest(named: name), referenced.contains(digest) { continue }
            Disk.unlink("\(layout.blobs)/\(name)")
        }
    }

    /// What nobody has gone on with for a day.
    private func removeOldPartials() throws {
        for name in try Folder.names(in: layout.partial) {
            let age = Date.now.timeIntervalSince(Self.modified("\(layout.partial)/\(name)"))
            if age > 86_400 { Disk.unlink("\(layout.partial)/\(name)") }
        }
    }

    private static func modified(_ path: String) -> Date {
        (try? FileManager.default.attributesOfItem(atPath: path))?[.modificationDate] as? Date ?? .distantPast
    }
}

extension Folder {
    /// Removes a folder with all that is in it; what cannot be removed stays.
    static func remove(_ path: String) {
        for name in (try? names(in: path)) ?? [] where Disk.unlink("\(path)/\(name)") != 0 { remove("\(path)/\(name)") }
        Disk.removeFolder(path)
    }
}
