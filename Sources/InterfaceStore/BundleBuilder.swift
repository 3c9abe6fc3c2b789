package import FleetModel
import Glibc
package import InterfaceCore

/// Makes bundles out of files on this machine and puts them into a store.
package struct BundleBuilder: Sendable {
    /// A file to be taken in.
    package struct Ingredient: Hashable, Sendable {
        /// Where the file is now.
        package var source: String
        /// Where it is in the bundle.
        package var path: BundlePath
        package var role: BundleFile.Role

        package init(source: String, path: BundlePath, role: BundleFile.Role) {
            self.source = source
            self.path = path
            self.role = role
        }
    }

    package let store: LocalInterfaceStore

    package init(store: LocalInterfaceStore) { self.store = store }

    /// Copies the files into the store and writes the manifest that names them. Equal files give an equal bundle.
    package func build(
        kind: String, version: SemanticVersion, wireRevisions: ClosedRange<UInt32>,
        requiredCapabilities: [String] = [], capabilities: [String] = [], testedWith: [ContentDigest] = [],
        deviceNeeds: DeviceNeeds = .none, files: [Ingredient]
    ) throws -> InstalledBundle {
        try store.prepareFolders()
        let needs = try files.compactMap { try ELFNeeds.leastLibc(of: $0.source) }
        let manifest = try BundleManifest(
            kind: kind, version: version, platform: .current, wireRevisions: wireRevisions,
            requiredCapabilities: requiredCapabilities, files: try files.map(takeIn), testedWith: testedWith,
            leastLibcVersion: needs.max()?.description ?? "", capabilities: capabilities, deviceNeeds: deviceNeeds)
        let bytes = manifest.encoded()
        let name = manifest.interfaceVersion(hashedBy: ContentDigest.sha256)
        try store.store(bytes, of: name.digest)
        return InstalledBundle(version: name, manifest: manifest)
    }

    /// A bundle of a client library and a worker, under the names that every bundle has for them.
    ///
    /// - Parameters:
    ///   - clientLibrary: the full path of the library's file.
    ///   - worker: the full path of the worker's file.
    ///   - wireRevisions: the revisions of the session protocol that both speak.
    package func build(
        kind: String = "opencl", version: SemanticVersion, wireRevisions: ClosedRange<UInt32>, clientLibrary: String,
        worker: String, capabilities: [String] = [], testedWith: [ContentDigest] = [],
        deviceNeeds: DeviceNeeds = .none
    ) throws -> InstalledBundle {
        let sources = [
            ("libPresyncOpenCL.so", BundleFile.Role.clientLibrary, clientLibrary), ("presync-worker", .worker, worker),
        ]
        let files = try sources.map { name, role, source in
            guard let path = BundlePath(name) else { throw StoreError(.malformed, "the path \(name)") }
            return Ingredient(source: source, path: path, role: role)
        }
        return try build(
            kind: kind, version: version, wireRevisions: wireRevisions, capabilities: capabilities,
            testedWith: testedWith, deviceNeeds: deviceNeeds, files: files)
    }

    private func takeIn(_ ingredient: Ingredient) throws -> BundleFile {
        let incoming = try IncomingFile(in: store.layout.incoming)
        try StoredFile(ingredient.source).read { piece in
            try incoming.write(piece)
            guard incoming.size <= BundleManifest.maximumTotalSize else {
                throw StoreError(.tooLarge, "\(ingredient.source) is too large for a bundle")
            }
        }
        let file = BundleFile(
            path: ingredient.path, role: ingredient.role, size: incoming.size, digest: incoming.digest)
        try store.keep(incoming, executable: file.isExecutable)
        return file
    }

    /// The folder in which the running program lies, and beside it the others of its build.
    package static func folderOfThisProgram() throws -> String {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        guard count > 0 else { throw StoreError.system("read where this program lies") }
        let path = String(decoding: buffer.prefix(count), as: UTF8.self)
        guard let slash = path.lastIndex(of: "/") else { throw StoreError(.notFound, "\(path) has no folder") }
        return String(path[..<slash])
    }
}
