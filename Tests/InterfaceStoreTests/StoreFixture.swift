import FleetModel
import Glibc
import Hummingbird
import InterfaceCore
import InterfaceStore
import Logging
import Testing

/// A folder of its own for one test, removed at the end; with a published bundle in `published`.
final class StoreFixture: Sendable {
    let directory: String
    let repository: LocalInterfaceStore
    let published: InstalledBundle
    static let workerContents: [UInt8] = Array("#!/bin/sh\nexit 0\n".utf8)
    static let clientContents: [UInt8] = (0..<700_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }

    init(version: SemanticVersion = SemanticVersion(1, 0, 0)) throws {
        var template = Array("/tmp/presync-store-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw StoreError(.system, "no temporary folder") }
        let directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        self.directory = directory
        repository = LocalInterfaceStore(directory: directory + "/repository")
        try Self.write(Self.clientContents, to: directory + "/client.so")
        try Self.write(Self.workerContents, to: directory + "/worker")
        published = try BundleBuilder(store: repository).build(
            kind: "opencl", version: version, wireRevisions: 1...1,
            files: [
                BundleBuilder.Ingredient(
                    source: directory + "/client.so", path: try #require(BundlePath("lib/client.so")),
                    role: .clientLibrary),
                BundleBuilder.Ingredient(
                    source: directory + "/worker", path: try #require(BundlePath("worker")), role: .worker),
            ])
    }

    deinit { Self.remove(directory) }

    /// Another store in this folder, empty.
    func emptyStore(_ name: String = "local", limit: Duration = .seconds(60)) -> LocalInterfaceStore {
        LocalInterfaceStore(directory: "\(directory)/\(name)", installationLimit: limit)
    }

    /// A store in this folder that has the published bundle.
    func installedStore(_ name: String = "local") async throws -> LocalInterfaceStore {
        let store = emptyStore(name)
        _ = try await store.install(published.version, from: repository.layout.directory)
        return store
    }

    /// The path of a file's stored content.
    func blob(_ role: BundleFile.Role, in store: LocalInterfaceStore) throws -> String {
        store.layout.blob(try #require(published.manifest.file(of: role)).digest)
    }

    // MARK: Files

    /// Replaces a file's content, whatever its permissions.
    static func write(_ bytes: [UInt8], to path: String, mode: mode_t = 0o644) throws {
        unlink(path)
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0, Glibc.write(descriptor, bytes, bytes.count) == bytes.count else {
            throw StoreError(.system, "cannot write \(path)")
        }
        close(descriptor)
    }

    static func read(_ path: String) throws -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw StoreError(.notFound, "cannot read \(path)") }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        return Array(bytes.prefix(max(count, 0)))
    }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    static func names(in path: String) -> [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    private static func remove(_ path: String) {
        for name in names(in: path) {
            if unlink("\(path)/\(name)") != 0 { remove("\(path)/\(name)") }
        }
        rmdir(path)
    }
}

/// Runs a web server on a port of the system's choice for as long as `body` does, which is given its base URL.
func withServer<Result: Sendable>(
    _ router: Router<BasicRequestContext>, _ body: @escaping @Sendable (String) async throws -> Result
) async throws -> Result {
    let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let application = Application(
        router: router, configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)),
        onServerRunning: { continuation.yield($0.localAddress?.port ?? 0) }, logger: logger)
    return try await withThrowingTaskGroup(of: Result?.self) { group in
        group.addTask {
            // Ended by cancellation, once the body has its result.
            try await application.run()
            return nil
        }
        group.addTask {
            var port = ports.makeAsyncIterator()
            return try await body("http://127.0.0.1:\(await port.next() ?? 0)")
        }
        defer { group.cancelAll() }
        while let result = try await group.next() {
            if let result { return result }
        }
        throw StoreError(.unreachable, "the server ended before the test did")
    }
}
