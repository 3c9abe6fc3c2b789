package import FleetModel
import Glibc
package import InterfaceCore

/// The interface versions on this machine's disk.
///
/// Files are named by their content and never changed, so any number of installers, in any number of processes, may
/// use one store at once, and a crash at any point leaves either what was there before or what was to come. Rule: a
/// digest is checked before a name is given, and again at each activation.
package struct LocalInterfaceStore: Sendable {
    package let layout: StoreLayout
    /// How long an installation may take, whatever the source does.
    package let installationLimit: Duration

    /// The folder and what is in it are created by the first installation.
    package init(directory: String, installationLimit: Duration = .seconds(120)) {
        layout = StoreLayout(directory: directory)
        self.installationLimit = installationLimit
    }

    /// The versions of which every file is there in its size: by kind, then oldest version first. What is damaged is
    /// left out; the content of files is checked by ``activate(_:)``. O(files)
    package func installed() throws -> [InterfaceVersion] {
        let versions = try Folder.names(in: layout.bundles).compactMap { name -> InterfaceVersion? in
            guard let digest = StoreLayout.digest(named: name), let bundle = try? manifest(of: digest) else {
                return nil
            }
            let isWhole = bundle.manifest.files.allSatisfy { file in
                (try? StoredFile(layout.blob(file.digest)))?.size == file.size
            }
            return isWhole ? bundle.version : nil
        }
        return versions.sorted { one, other in
            if one.kind != other.kind { return one.kind < other.kind }
            return one.version == other.version ? one.digest < other.digest : one.version < other.version
        }
    }

    /// An installed bundle's manifest, its bytes checked against the digest.
    package func manifest(of digest: ContentDigest) throws -> InstalledManifest {
        let bytes = try StoredFile(layout.manifest(digest)).contents(maximum: BundleManifest.maximumEncodedSize)
        return try Self.manifest(bytes, named: digest)
    }

    /// Checks every file of an installed version, and makes it the one in force for its kind. Sessions that run in
    /// another version keep theirs: the paths returned are the bundle's own.
    package func activate(_ version: InterfaceVersion) throws -> ActiveBundle {
        let bundle = try verifiedBundle(version)
        let opened = try active(bundle)
        try Folder.create(layout.activeFolder)
        return try whileLocked {
            for file in bundle.manifest.files { try linkByName(file, of: version.digest) }
            // The names first, then the link that leads to them.
            for folder in Self.folders(of: bundle.manifest) {
                try Folder.sync(layout.files(version.digest) + folder)
            }
            try Folder.sync(layout.bundle(version.digest))
            try point(layout.active(version.kind), to: version.digest)
            // Only an order in which versions make room for others: its failure is none.
            _ = Disk.touch(layout.manifest(version.digest))
            return opened
        }
    }

    /// An installed version with every file checked, and the paths of its two ends; what is in force stays so.
    package func openVerified(_ version: InterfaceVersion) throws -> ActiveBundle {
        let bundle = try verifiedBundle(version)
        return try whileLocked {
            for file in bundle.manifest.files { try linkByName(file, of: version.digest) }
            return try active(bundle)
        }
    }

    private func active(_ bundle: InstalledBundle) throws -> ActiveBundle {
        guard let client = bundle.manifest.file(of: .clientLibrary), let worker = bundle.manifest.file(of: .worker)
        else { throw StoreError(.malformed, "\(bundle.version) has no client library or no worker") }
        let files = layout.files(bundle.version.digest)
        return ActiveBundle(
            bundle: bundle, clientLibrary: "\(files)/\(client.path)", worker: "\(files)/\(worker.path)")
    }

    /// The version in force for a kind; nil where none was activated.
    package func active(kind: String) throws -> InterfaceVersion? {
        guard BundleManifest.isKind(kind) else { return nil }
        var buffer = [UInt8](repeating: 0, count: 512)
        let count = readlink(layout.active(kind), &buffer, buffer.count)
        guard count >= 0 else {
            if errno == ENOENT { return nil }
            throw StoreError.system("read \(layout.active(kind))")
        }
        let target = String(decoding: buffer.prefix(count), as: UTF8.self)
        guard let name = target.split(separator: "/").last, let digest = StoreLayout.digest(named: String(name)) else {
            throw StoreError(.tampered, "\(layout.active(kind)) leads to \(target)")
        }
        return try manifest(of: digest).version
    }

    // MARK: Checking

    /// The bundle, where each of its files has the size, digest and permission that the manifest says.
    func verifiedBundle(_ version: InterfaceVersion) throws -> InstalledBundle {
        let installed = try manifest(of: version.digest)
        try Self.check(installed.manifest, is: version)
        for file in installed.manifest.files {
            if let fault = try fault(of: file) { throw StoreError(.tampered, "\(version): \(file.path) \(fault)") }
        }
        return InstalledBundle(version: version, manifest: installed.manifest)
    }

    /// What is wrong with the stored content of a file; nil where nothing is.
    func fault(of file: BundleFile) throws -> String? {
        let stored: StoredFile
        do {
            stored = try StoredFile(layout.blob(file.digest))
        } catch let error as StoreError where error.code == .notFound {
            return "is missing"
        } catch let error as StoreError where error.code == .tampered {
            return "is a symbolic link"
        }
        guard stored.size == file.size else { return "has \(stored.size) bytes instead of \(file.size)" }
        guard try stored.digest() == file.digest else { return "has other content than the manifest says" }
        return file.isExecutable && !stored.isExecutable ? "is not executable" : nil
    }

    static func manifest(_ bytes: [UInt8], named digest: ContentDigest) throws -> InstalledManifest {
        let actual = ContentDigest.sha256(bytes)
        guard actual == digest else {
            throw StoreError(.tampered, "the manifest of bundle \(digest) has the digest \(actual)")
        }
        do {
            return InstalledManifest(manifest: try BundleManifest(decoding: bytes), digest: digest)
        } catch {
            throw StoreError(.malformed, "bundle \(digest): \(error)")
        }
    }

    static func check(_ manifest: BundleManifest, is version: InterfaceVersion) throws {
        guard manifest.kind == version.kind, manifest.version == version.version else {
            throw StoreError(.malformed, "the manifest of \(version) is of \(manifest.kind) \(manifest.version)")
        }
        guard manifest.platform == .current else {
            throw StoreError(
                .malformed, "\(version) is for \(manifest.platform), this machine is \(BundlePlatform.current)")
        }
    }

    // MARK: Activating

    /// Gives a checked blob its name in the bundle, in place of whatever had it, by one rename.
    private func linkByName(_ file: BundleFile, of bundle: ContentDigest) throws {
        let name = "\(layout.files(bundle))/\(file.path)"
        try Folder.create(String(name[..<(name.lastIndex(of: "/") ?? name.startIndex)]))
        let half = "\(layout.bundle(bundle))/next"
        Disk.unlink(half)
        guard Disk.link(layout.blob(file.digest), half) == 0, Disk.rename(half, name) == 0 else {
            throw StoreError.system("link \(name)")
        }
        // Where both were the same file already, a rename does nothing at all.
        Disk.unlink(half)
    }

    /// The folders that the bundle's files are in, below that of the bundle: `""`, `"/lib"`.
    private static func folders(of manifest: BundleManifest) -> [String] {
        Set([""] + manifest.files.flatMap(\.path.ancestors).map { "/\($0)" }).sorted()
    }

    /// Switches a symbolic link, by one rename. A half-made one of an earlier crash is in the way of nobody: the lock
    /// is held.
    private func point(_ path: String, to bundle: ContentDigest) throws {
        let half = "\(path).next"
        Disk.unlink(half)
        guard Disk.symlink("../bundles/\(bundle)", half) == 0, Disk.rename(half, path) == 0 else {
            throw StoreError.system("point \(path) to \(bundle)")
        }
        try Folder.sync(layout.activeFolder)
    }

    /// Runs `body` while no other process activates in this store. A crash frees the lock.
    func whileLocked<Result>(_ body: () throws -> Result) throws -> Result {
        let descriptor = open(layout.lock, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw StoreError.system("open \(layout.lock)") }
        defer { FileLock.release(descriptor) }
        while flock(descriptor, LOCK_EX) != 0 {
            guard errno == EINTR else { throw StoreError.system("lock \(layout.lock)") }
        }
        return try body()
    }
}

/// A bundle of which every file was checked.
package struct InstalledBundle: Hashable, Sendable {
    package let version: InterfaceVersion
    package let manifest: BundleManifest
}

/// A bundle in force, with the paths of its two ends.
package struct ActiveBundle: Hashable, Sendable {
    package let bundle: InstalledBundle
    /// The library that applications load.
    package let clientLibrary: String
    /// The program that runs a session.
    package let worker: String

    package var version: InterfaceVersion { bundle.version }
}
