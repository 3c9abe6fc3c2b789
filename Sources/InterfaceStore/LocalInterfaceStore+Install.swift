import AsyncHTTPClient
package import FleetModel
import Glibc
import InterfaceCore

extension LocalInterfaceStore {
    /// Fetches what is missing of a version, checks it, and makes it durable. What is there and whole is not fetched
    /// again; what is damaged is replaced. The manifest is written last: a version is installed whole or not at all.
    ///
    /// - Parameter source: the base URL of a server (`http://…`, `https://…`) or the path of a folder, laid out as
    ///   ``StoreLayout`` says.
    /// - Throws: ``StoreError``; ``StoreError/Code/timedOut`` after ``installationLimit``.
    package func install(_ version: InterfaceVersion, from source: String) async throws -> InstalledBundle {
        try await withinLimit(version, source) { try await fetch(version, from: source) }
    }

    /// As above, from a source of any kind.
    func install(_ version: InterfaceVersion, from source: some BundleSource) async throws -> InstalledBundle {
        try await withinLimit(version, "the source") {
            try prepareFolders()
            if let bundle = try? verifiedBundle(version) { return bundle }
            return try await fetch(version, from: source)
        }
    }

    private func withinLimit(
        _ version: InterfaceVersion, _ source: String, _ body: @escaping @Sendable () async throws -> InstalledBundle
    ) async throws -> InstalledBundle {
        try await withThrowingTaskGroup(of: InstalledBundle?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                try await Task.sleep(for: installationLimit)
                return nil
            }
            defer { group.cancelAll() }
            guard let bundle = try await group.next() ?? nil else {
                throw StoreError(.timedOut, "\(source) took longer than \(installationLimit) for \(version)")
            }
            return bundle
        }
    }

    private func fetch(_ version: InterfaceVersion, from source: String) async throws -> InstalledBundle {
        try prepareFolders()
        if let bundle = try? verifiedBundle(version) { return bundle }
        let base = source.last == "/" ? String(source.dropLast()) : source
        if base.hasPrefix("http://") || base.hasPrefix("https://") {
            return try await HTTPClient.withHTTPClient(configuration: HTTPSource.configuration) { client in
                try await fetch(version, from: HTTPSource(client: client, base: base))
            }
        }
        guard source.hasPrefix("/") else {
            throw StoreError(.malformed, "\(source.debugDescription) is neither a URL nor the full path of a folder")
        }
        return try await fetch(version, from: FolderSource(folder: base))
    }

    private func fetch(_ version: InterfaceVersion, from source: some BundleSource) async throws -> InstalledBundle {
        var bytes: [UInt8] = []
        try await source.read(
            StoreLayout.manifestPath(version.digest), maximum: Int64(BundleManifest.maximumEncodedSize)
        ) { bytes += $0 }
        let manifest = try Self.manifest(bytes, named: version.digest).manifest
        try Self.check(manifest, is: version)
        for file in manifest.files { try await fetch(file, from: source) }
        try store(bytes, of: version.digest)
        return InstalledBundle(version: version, manifest: manifest)
    }

    private func fetch(_ file: BundleFile, from source: some BundleSource) async throws {
        if try fault(of: file) == nil { return }
        let incoming = try IncomingFile(in: layout.incoming)
        try await source.read(StoreLayout.blobPath(file.digest), maximum: file.size) { try incoming.write($0) }
        guard incoming.size == file.size else {
            throw StoreError(.tampered, "\(file.path) came with \(incoming.size) bytes instead of \(file.size)")
        }
        let digest = incoming.digest
        guard digest == file.digest else {
            throw StoreError(.tampered, "\(file.path) came with the digest \(digest) instead of \(file.digest)")
        }
        try keep(incoming, executable: file.isExecutable)
    }

    // MARK: Writing

    /// Creates the store's folders, and removes what crashed installers left half written.
    func prepareFolders() throws {
        for folder in [layout.blobs, layout.bundles, layout.activeFolder, layout.incoming] {
            try Folder.create(folder)
        }
        try IncomingFile.removeLeftovers(in: layout.incoming)
    }

    /// Gives a file that is whole its place. The same content may be a program in one bundle and not in another: a
    /// program it stays.
    func keep(_ incoming: IncomingFile, executable: Bool) throws {
        let digest = incoming.digest
        let isProgram = (try? StoredFile(layout.blob(digest)))?.isExecutable ?? false
        try incoming.commit(to: digest.description, in: layout.blobs, executable: executable || isProgram)
    }

    /// The last step of an installation: from here on the bundle is there.
    func store(_ manifest: [UInt8], of digest: ContentDigest) throws {
        let incoming = try IncomingFile(in: layout.incoming)
        try manifest.withUnsafeBytes { try incoming.write($0) }
        try Folder.create(layout.bundle(digest))
        try incoming.commit(to: "manifest", in: layout.bundle(digest), executable: false)
        try Folder.sync(layout.bundles)
    }
}
