import Crypto
package import FleetModel
import Glibc

/// A file that is being written. It gets its name only when it is whole and on disk, by one rename; what is given up
/// or interrupted never has it.
///
/// Its temporary file is locked while it is written, so that ``removeLeftovers(in:)`` of another installer can tell it
/// from one that a crash left behind.
final class IncomingFile {
    private let descriptor: Int32
    private let path: String
    private var hash = SHA256()
    private(set) var size: Int64 = 0
    private var isCommitted = false

    init(in folder: String) throws {
        // Another installer's clean-up may remove the file between its creation and its lock; then there is another.
        for _ in 0..<8 {
            let path = "\(folder)/\(String(UInt64.random(in: 0 ... .max), radix: 36))"
            let descriptor = Disk.create(path, O_WRONLY | O_EXCL, mode: 0o600)
            guard descriptor >= 0 else { throw StoreError.system("create \(path)") }
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0, access(path, F_OK) == 0 {
                self.descriptor = descriptor
                self.path = path
                return
            }
            close(descriptor)
        }
        throw StoreError(.system, "no temporary file in \(folder) is left alone")
    }

    deinit {
        if !isCommitted { Disk.unlink(path) }
        close(descriptor)
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        hash.update(bufferPointer: bytes)
        size += Int64(bytes.count)
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = UnsafeRawBufferPointer(rebasing: rest)
            let count = Disk.write(descriptor, piece)
            if count < 0 {
                if errno == EINTR { continue }
                throw StoreError.system("write \(path)")
            }
            rest = rest.dropFirst(count)
        }
    }

    /// The digest of what was written so far.
    var digest: ContentDigest { ContentDigest(hash.finalize()) }

    /// Makes the content durable and gives it its name, in place of what had it before.
    func commit(to name: String, in folder: String, executable: Bool) throws {
        let destination = "\(folder)/\(name)"
        guard Disk.setMode(descriptor, executable ? 0o555 : 0o444) == 0, Disk.sync(descriptor) == 0 else {
            throw StoreError.system("store \(destination)")
        }
        guard Disk.rename(path, destination) == 0 else { throw StoreError.system("name \(destination)") }
        isCommitted = true
        try Folder.sync(folder)
    }

    /// Removes files that no living installer writes. O(files)
    static func removeLeftovers(in folder: String) throws {
        for name in try Folder.names(in: folder) {
            let path = "\(folder)/\(name)"
            let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
            guard descriptor >= 0 else { continue }
            defer { close(descriptor) }
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { Disk.unlink(path) }
        }
    }
}

/// What a store does with folders.
enum Folder {
    /// Creates a folder and those that lead to it, where they are not there.
    static func create(_ path: String) throws {
        // What is there already is no operation: most folders are.
        if access(path + "/.", F_OK) == 0 { return }
        if Disk.makeFolder(path) == 0 || errno == EEXIST { return }
        guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
            throw StoreError.system("create the folder \(path)")
        }
        try create(String(path[..<slash]))
        guard Disk.makeFolder(path) == 0 || errno == EEXIST else {
            throw StoreError.system("create the folder \(path)")
        }
    }

    /// Makes the names in a folder durable.
    static func sync(_ path: String) throws {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw StoreError.system("open the folder \(path)") }
        defer { close(descriptor) }
        guard Disk.sync(descriptor) == 0 else { throw StoreError.system("sync the folder \(path)") }
    }

    /// The names in a folder, ascending; none where the folder is not there.
    static func names(in path: String) throws -> [String] {
        guard let folder = opendir(path) else {
            if errno == ENOENT { return [] }
            throw StoreError.system("list the folder \(path)")
        }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }
}

extension StoreError {
    /// The operating system's refusal of what was tried, with its reason. Call it at once: it reads `errno` first.
    static func system(_ attempt: @autoclosure () -> String) -> StoreError {
        let reason = errno
        return StoreError(
            reason == ENOENT ? .notFound : .system, "cannot \(attempt()): \(String(cString: strerror(reason)))")
    }
}

extension ContentDigest {
    /// A finished hash.
    init(_ hash: SHA256.Digest) {
        guard let digest = hash.withUnsafeBytes({ ContentDigest(bytes: $0) }) else {
            preconditionFailure("SHA-256 gives 32 bytes")
        }
        self = digest
    }

    /// The SHA-256 digest of `bytes`.
    package static func sha256(_ bytes: [UInt8]) -> ContentDigest {
        var hash = SHA256()
        bytes.withUnsafeBytes { hash.update(bufferPointer: $0) }
        return ContentDigest(hash.finalize())
    }
}
