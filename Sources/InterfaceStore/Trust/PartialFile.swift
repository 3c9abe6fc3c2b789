import Crypto
import Glibc
import InterfaceCore

/// A target that is being downloaded. What has come stays when the download breaks off, under a name that its digest
/// gives, and the next download goes on from there; it gets its own name only when it is whole, checked and on disk.
///
/// It is locked while it is written. A second download of the same file at the same time takes a file of its own.
final class PartialFile {
    private let descriptor: Int32
    private let path: String
    private let target: TargetFile
    private var digests: TargetDigests
    private var isCommitted = false
    /// Whether it is worth keeping when it is not committed.
    private let isResumable: Bool

    init(_ target: TargetFile, in folder: String) throws {
        self.target = target
        digests = TargetDigests(target)
        let digest = target.hashes.fileName ?? "none"
        let shared = "\(folder)/\(digest)"
        let descriptor = Disk.create(shared, O_RDWR | O_NOFOLLOW, mode: 0o600)
        guard descriptor >= 0 else { throw StoreError.system("create \(shared)") }
        // The name may have gone to its owner between the opening and the lock.
        if flock(descriptor, LOCK_EX | LOCK_NB) == 0, access(shared, F_OK) == 0 {
            self.descriptor = descriptor
            path = shared
            isResumable = true
            try takeOver()
            return
        }
        close(descriptor)
        let own = "\(folder)/\(digest).\(String(UInt64.random(in: 0 ... .max), radix: 36))"
        let another = Disk.create(own, O_RDWR | O_EXCL, mode: 0o600)
        guard another >= 0 else { throw StoreError.system("create \(own)") }
        self.descriptor = another
        path = own
        isResumable = false
    }

    deinit {
        if !isCommitted, !isResumable || size == 0 { Disk.unlink(path) }
        FileLock.release(descriptor)
    }

    /// Digests what an earlier download left; what is longer than the target is none of it.
    private func takeOver() throws {
        try withUnsafeTemporaryAllocation(byteCount: 256 << 10, alignment: 16) { buffer in
            while true {
                let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
                guard count >= 0 else { throw StoreError.system("read \(path)") }
                guard count > 0 else { return }
                digests.update(UnsafeRawBufferPointer(rebasing: buffer.prefix(count)))
                if size > target.length { return try restart() }
            }
        }
    }

    /// Forgets everything that came.
    func restart() throws {
        guard Disk.truncate(descriptor) == 0, lseek(descriptor, 0, SEEK_SET) == 0 else {
            throw StoreError.system("empty \(path)")
        }
        digests = TargetDigests(target)
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        digests.update(bytes)
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

    /// In bytes, of what has come.
    var size: Int64 { digests.size }
    /// Whether all bytes have come and are those of the target.
    var isWhole: Bool { digests.match }

    /// Makes the content durable and gives it its name, in place of what had it before.
    func commit(to name: String, in folder: String, executable: Bool = false) throws {
        let destination = "\(folder)/\(name)"
        guard Disk.setMode(descriptor, executable ? 0o555 : 0o444) == 0, Disk.sync(descriptor) == 0 else {
            throw StoreError.system("store \(destination)")
        }
        guard Disk.rename(path, destination) == 0 else { throw StoreError.system("name \(destination)") }
        isCommitted = true
        try Folder.sync(folder)
    }
}

/// The digests that a target's metadata names, of bytes as they come.
struct TargetDigests {
    private let target: TargetFile
    private var hash256 = SHA256()
    private var hash512 = SHA512()
    /// In bytes.
    private(set) var size: Int64 = 0

    init(_ target: TargetFile) { self.target = target }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        if target.hashes.sha256 != nil { hash256.update(bufferPointer: bytes) }
        if target.hashes.sha512 != nil { hash512.update(bufferPointer: bytes) }
        size += Int64(bytes.count)
    }

    /// Whether the bytes so far are the target's.
    var match: Bool {
        size == target.length
            && target.hashes.match(sha256: { Array(hash256.finalize()) }, sha512: { Array(hash512.finalize()) })
    }
}
