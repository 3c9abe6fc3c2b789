import Crypto
import FleetModel
import Glibc

/// A regular file that is read from front to back.
final class StoredFile {
    private static let pieceSize = 256 << 10

    private let descriptor: Int32
    private let path: String
    /// In bytes, as of opening: no more are read.
    let size: Int64

    /// Refuses symbolic links, and what has no size, such as a pipe.
    init(_ path: String) throws {
        let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ELOOP { throw StoreError(.tampered, "\(path) is a symbolic link") }
            throw StoreError.system("open \(path)")
        }
        let end = lseek(descriptor, 0, SEEK_END)
        guard end >= 0, lseek(descriptor, 0, SEEK_SET) == 0 else {
            close(descriptor)
            throw StoreError(.system, "\(path) is not a regular file")
        }
        self.descriptor = descriptor
        self.path = path
        size = Int64(end)
    }

    deinit { close(descriptor) }

    /// Whether it may be run.
    var isExecutable: Bool { access(path, X_OK) == 0 }

    /// Hands over the content in pieces of at most 256 KiB, once. Throws where the file has grown meanwhile, and
    /// whatever `receive` throws.
    func read(_ receive: (UnsafeRawBufferPointer) throws -> Void) throws {
        var total: Int64 = 0
        try withUnsafeTemporaryAllocation(byteCount: Self.pieceSize, alignment: 16) { buffer in
            while true {
                try Task.checkCancellation()
                let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
                if count < 0 {
                    if errno == EINTR { continue }
                    throw StoreError.system("read \(path)")
                }
                guard count > 0 else { return }
                total += Int64(count)
                guard total <= size else { throw StoreError(.tampered, "\(path) grows while it is read") }
                try receive(UnsafeRawBufferPointer(rebasing: buffer.prefix(count)))
            }
        }
    }

    /// The content, where it has at most `maximum` bytes.
    func contents(maximum: Int) throws -> [UInt8] {
        guard size <= maximum else { throw StoreError(.tooLarge, "\(path) has more than \(maximum) bytes") }
        var bytes: [UInt8] = []
        try read { bytes += $0 }
        return bytes
    }

    func digest() throws -> ContentDigest {
        var hash = SHA256()
        try read { hash.update(bufferPointer: $0) }
        return ContentDigest(hash.finalize())
    }
}
