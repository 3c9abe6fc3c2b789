import AsyncHTTPClient
package import FleetModel
import Glibc
import InterfaceCore

extension LocalInterfaceStore {
    /// Fetches what is missing of a version from another store, checks it, and makes it durable. Whoever needs to know
    /// that its owners vouch for a version installs it through ``VerifiedRepository/install(_:into:peers:)``.
    ///
    /// - Parameter source: the base URL of a server (`http://…`, `https://…`) or the path of a folder, laid out as
    ///   ``StoreLayout`` says.
    /// - Throws: ``StoreError``; ``StoreError/Code/timedOut`` after ``installationLimit``.
    package func install(_ version: InterfaceVersion, from source: String) async throws -> InstalledBundle {
        let base = source.last == "/" ? String(source.dropLast()) : source
        if base.hasPrefix("http://") || base.hasPrefix("https://") {
            let limits = TransferLimits()
            return try await HTTPClient.withHTTPClient(configuration: RepositoryServer.configuration(limits)) { http in
                let server = RepositoryServer(client: http, base: base, limits: limits)
                return try await install(version, from: [SupplyPlace(store: base, server)])
            }
        }
        guard source.hasPrefix("/") else {
            throw StoreError(.malformed, "\(source.debugDescription) is neither a URL nor the full path of a folder")
        }
        return try await install(version, from: [SupplyPlace(store: base, RepositoryFolder(folder: base))])
    }

    /// Fetches what is missing of a version, checks it, and makes it durable. What is there and whole is not fetched
    /// again, what is damaged is replaced, and what came of a file before a download broke off is gone on with. The
    /// manifest is written last: a version is installed whole or not at all.
    func install(_ version: InterfaceVersion, from places: [SupplyPlace]) async throws -> InstalledBundle {
        try await withinLimit(version) {
            try prepareFolders()
            if let bundle = try? verifiedBundle(version) { return bundle }
            return try await whileInstalling { try await fetch(version, from: SupplyPlaces(places)) }
        }
    }

    private func withinLimit(
        _ version: InterfaceVersion, _ body: @escaping @Sendable () async throws -> InstalledBundle
    ) async throws -> InstalledBundle {
        try await withThrowingTaskGroup(of: InstalledBundle?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                try await Task.sleep(for: installationLimit)
                return nil
            }
            defer { group.cancelAll() }
            guard let bundle = try await group.next() ?? nil else {
                throw StoreError(.timedOut, "the installation of \(version) took longer than \(installationLimit)")
            }
            return bundle
        }
    }

    private func fetch(_ version: InterfaceVersion, from places: SupplyPlaces) async throws -> InstalledBundle {
        var places = places
        let bytes = try await manifestBytes(of: version, from: &places)
        let manifest = try Self.manifest(bytes, named: version.digest).manifest
        try Self.check(manifest, is: version)
        for file in manifest.files where try fault(of: file) != nil { try await fetch(file, from: &places) }
        try store(bytes, of: version.digest)
        return InstalledBundle(version: version, manifest: manifest)
    }

    private func manifestBytes(of version: InterfaceVersion, from places: inout SupplyPlaces) async throws -> [UInt8] {
        var failure = StoreError(.unreachable, "no place is named from which \(version) could be had")
        for place in places.places {
            do {
                var bytes: [UInt8] = []
                try await place.source.read(
                    place.path(.manifest(version.digest)), from: 0,
                    maximum: Int64(BundleManifest.maximumEncodedSize)
                ) { if case .bytes(let some) = $0 { bytes += some } }
                _ = try Self.manifest(bytes, named: version.digest)
                return bytes
            } catch let error as TrustError {
                failure = StoreError(error)
            } catch let error as StoreError {
                failure = error
            }
            places.failed(place.name)
        }
        throw failure
    }

    /// Fetches a file from the first place that has it, going on where another broke off.
    private func fetch(_ file: BundleFile, from places: inout SupplyPlaces) async throws {
        let partial = try PartialFile(try Self.target(file), in: layout.partial)
        var failure = StoreError(.unreachable, "no place is named from which \(file.path) could be had")
        for place in places.places {
            // What an earlier download left may be what is wrong: then once more from the front.
            for _ in 0..<(partial.size == 0 ? 1 : 2) where !partial.isWhole {
                do {
                    try await Self.fetch(file, from: place, into: partial)
                    if partial.isWhole { break }
                    failure = StoreError(.tampered, "\(file.path) came from \(place.name) with other bytes than named")
                    try partial.restart()
                } catch let error as TrustError {
                    failure = StoreError(error)
                    if error.code == .tooLarge { try partial.restart() }
                    break
                }
            }
            if partial.isWhole { return try keep(partial, file) }
            places.failed(place.name)
        }
        throw failure
    }

    private static func fetch(_ file: BundleFile, from place: SupplyPlace, into partial: PartialFile) async throws {
        try await place.source.read(place.path(.file(file)), from: partial.size, maximum: file.size) { piece in
            switch piece {
            case .start(let offset):
                if offset == 0, partial.size > 0 { try partial.restart() }
            case .bytes(let bytes):
                try partial.write(bytes)
            }
        }
    }

    private static func target(_ file: BundleFile) throws -> TargetFile {
        try TargetFile(
            path: ExactText(file.path.text),
            metadata: .object([
                "length": .integer(file.size), "hashes": .object(["sha256": .text(file.digest.description)]),
            ]))
    }

    // MARK: Writing

    /// Creates the store's folders, and removes what crashed installers left half written.
    func prepareFolders() throws {
        for folder in [layout.blobs, layout.bundles, layout.activeFolder, layout.incoming, layout.partial] {
            try Folder.create(folder)
        }
        try IncomingFile.removeLeftovers(in: layout.incoming)
    }

    /// Runs `body` while nobody removes bundles from this store. A crash frees the lock.
    private func whileInstalling<Result>(_ body: () async throws -> Result) async throws -> Result {
        let descriptor = Disk.create(layout.installing, O_RDWR, mode: 0o644)
        guard descriptor >= 0 else { throw StoreError.system("open \(layout.installing)") }
        defer { FileLock.release(descriptor) }
        while flock(descriptor, LOCK_SH | LOCK_NB) != 0 { try await Task.sleep(for: .milliseconds(20)) }
        return try await body()
    }

    /// Gives a file that is whole its place. The same content may be a program in one bundle and not in another: a
    /// program it stays.
    func keep(_ incoming: IncomingFile, executable: Bool) throws {
        let digest = incoming.digest
        let isProgram = (try? StoredFile(layout.blob(digest)))?.isExecutable ?? false
        try incoming.commit(to: digest.description, in: layout.blobs, executable: executable || isProgram)
    }

    private func keep(_ partial: PartialFile, _ file: BundleFile) throws {
        let isProgram = (try? StoredFile(layout.blob(file.digest)))?.isExecutable ?? false
        try partial.commit(
            to: file.digest.description, in: layout.blobs, executable: file.isExecutable || isProgram)
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
