import Glibc
import InterfaceCore

/// The metadata that a client trusts, a file a role under its name without a version: `root.json`, `timestamp.json`.
///
/// Files are replaced by a rename when they are whole and on disk. One process at a time refreshes.
struct MetadataFolder: Sendable {
    let path: String
    /// The most bytes that a file is read with.
    let maximum: Int

    private func name(_ role: RoleName) -> String { "\(role.encoded).json" }

    /// Nil where there is none, or what is there cannot be read as a file of a possible size: the client then does as if
    /// it had none.
    func read(_ role: RoleName) throws -> [UInt8]? {
        do {
            return try StoredFile("\(path)/\(name(role))").contents(maximum: maximum)
        } catch let error as StoreError {
            if error.code == .notFound || error.code == .tooLarge || error.code == .tampered { return nil }
            throw TrustError(.storage, error.message)
        }
    }

    func write(_ bytes: [UInt8], _ role: RoleName) throws {
        do {
            let file = try IncomingFile(in: path)
            try bytes.withUnsafeBytes { try file.write($0) }
            try file.commit(to: name(role), in: path, executable: false)
        } catch let error as StoreError {
            throw TrustError(.storage, error.message)
        }
    }

    /// Creates the folder where it is not there.
    func create() throws {
        do {
            try Folder.create(path)
        } catch let error as StoreError {
            throw TrustError(.storage, error.message)
        }
    }

    /// Lets no other process refresh meanwhile: two would take turns in putting older files in the place of newer ones.
    func whileLocked<Result>(
        within limit: Duration, _ body: () async throws -> Result
    ) async throws -> Result {
        let descriptor = open("\(path)/.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            let reason = errno
            throw TrustError(
                reason == ENOENT ? .notInitialised : .storage,
                "cannot use the folder \(path): \(String(cString: strerror(reason)))")
        }
        defer { FileLock.release(descriptor) }
        let end = ContinuousClock.now + limit
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            guard ContinuousClock.now < end else {
                throw TrustError(.storage, "another process has been refreshing \(path) for \(limit)")
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        return try await body()
    }
}
