import Glibc

/// A file of `/proc` or of a cgroup that is read again and again through one descriptor.
///
/// A descriptor of a process's file stays with that process: after its end a read fails, even when the number has
/// gone to another process.
final class KernelFile {
    private let descriptor: Int32

    /// Opens `path` for reading; nil when that is not possible.
    init?(_ path: String) {
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
    }

    deinit { close(descriptor) }

    /// The file's present content, from its beginning: at most the size of `buffer`, whose storage holds the result
    /// until the next use. Nil when what the file describes is gone.
    func read(into buffer: inout [UInt8]) -> ArraySlice<UInt8>? {
        let count = buffer.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
        return count >= 0 ? buffer[..<count] : nil
    }

    /// The content of a file that is read once; nil when it cannot be read.
    static func contents(of path: String, into buffer: inout [UInt8]) -> ArraySlice<UInt8>? {
        KernelFile(path)?.read(into: &buffer)
    }
}

/// The identity of a file: device and inode number.
struct FileIdentity: Hashable {
    var device: UInt64
    var inode: UInt64

    /// What `path` leads to; nil when nothing is there.
    init?(path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
    }
}

/// The names in a directory, those that begin with a dot left out.
enum DirectoryNames {
    /// DT_DIR of readdir(3).
    private static let directoryType: UInt8 = 4

    /// A name, and the descriptor of the directory that it stands in, both valid during the visit only.
    struct Entry {
        var directory: Int32
        var name: UnsafePointer<CChar>
        var isDirectory: Bool
    }

    /// Calls `body` with each entry, until it returns false or `limit` were given.
    static func visit(_ path: String, limit: Int, _ body: (Entry) -> Bool) {
        guard let directory = opendir(path) else { return }
        defer { closedir(directory) }
        let descriptor = dirfd(directory)
        var given = 0
        while given < limit, let entry = readdir(directory) {
            let offset = MemoryLayout<dirent>.offset(of: \.d_name) ?? 0
            let name = UnsafeRawPointer(entry).advanced(by: offset).assumingMemoryBound(to: CChar.self)
            if name.pointee == CChar(bitPattern: UInt8(ascii: ".")) { continue }
            given += 1
            let isDirectory = entry.pointee.d_type == directoryType
            guard body(Entry(directory: descriptor, name: name, isDirectory: isDirectory)) else { return }
        }
    }
}
