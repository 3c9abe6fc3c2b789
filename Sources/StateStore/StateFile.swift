import Glibc

/// A file of a daemon's state that is small enough to be replaced whole.
package enum StateFile {
    /// What could not be done, with the file and the operating system's reason.
    package struct Failure: Error, Hashable, Sendable, CustomStringConvertible {
        package let description: String

        package init(description: String) { self.description = description }
    }

    /// The first `count` bytes of the file; nil where there is none.
    /// - Throws: also where it is no regular file: a pipe would keep the reader waiting.
    package static func read(_ path: String, atMost count: Int) throws(Failure) -> [UInt8]? {
        let file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            throw failure("open \(path)")
        }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw failure("look at \(path)") }
        guard status.st_mode & S_IFMT == S_IFREG else { throw Failure(description: "\(path) is not a regular file") }
        var bytes = [UInt8](repeating: 0, count: min(count, Int(status.st_size)))
        var length = 0
        while length < bytes.count {
            let more = bytes[length...].withUnsafeMutableBytes { Glibc.read(file, $0.baseAddress, $0.count) }
            if more < 0, errno == EINTR { continue }
            guard more >= 0 else { throw failure("read \(path)") }
            guard more > 0 else { break }
            length += more
        }
        return Array(bytes.prefix(length))
    }

    /// Replaces the file's content, for its owner alone to read; durable when this returns. Whoever reads, and after a
    /// crash at any moment, sees either the former content or the new one, whole.
    ///
    /// It is first written beside the file, to its name with `.new`, which does not stay. Costs two or three flushes of
    /// the disk.
    package static func replace(_ path: String, with bytes: [UInt8]) throws(Failure) {
        let draft = path + ".new"
        do throws(Failure) {
            try write(bytes, to: draft)
            guard rename(draft, path) == 0 else { throw failure("rename \(draft)") }
        } catch {
            // What is left of it may be what fills the disk.
            unlink(draft)
            throw error
        }
        try flushFolder(of: path)
    }

    private static func write(_ bytes: [UInt8], to path: String) throws(Failure) {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw failure("create \(path)") }
        defer { close(file) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure("write \(path)") }
            rest = rest.dropFirst(count)
        }
        guard fsync(file) == 0 else { throw failure("write \(path)") }
    }

    /// Makes the names in the folder durable.
    private static func flushFolder(of path: String) throws(Failure) {
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("open \(folder)") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure("flush \(folder)") }
    }

    /// Call it at once: it reads `errno`.
    private static func failure(_ attempt: @autoclosure () -> String) -> Failure {
        let reason = String(cString: strerror(errno))
        return Failure(description: "cannot \(attempt()): \(reason)")
    }
}
