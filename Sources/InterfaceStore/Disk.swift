import Glibc
import Synchronization

/// Every operation by which this module changes a disk, under the name and with the answer that the system has for it.
///
/// They are in one place so that a test can end the process's life, so to say, before any one of them: from then on
/// nothing has an effect, clean-up included, and what is on the disk is what a kill would have left there.
enum Disk {
    /// The life that a test has limited; nil in operation.
    @TaskLocal static var life: DiskLife?

    static func create(_ path: String, _ flags: Int32, mode: mode_t) -> Int32 {
        isAlive("create") ? open(path, flags | O_CREAT | O_CLOEXEC, mode) : refused
    }

    static func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
        if isAlive("write") { return Glibc.write(descriptor, bytes.baseAddress, bytes.count) }
        // The last write of a life is cut off in its middle.
        if life?.takesLastBreath() == true { _ = Glibc.write(descriptor, bytes.baseAddress, bytes.count / 2) }
        return Int(refused)
    }

    static func truncate(_ descriptor: Int32) -> Int32 { isAlive("truncate") ? ftruncate(descriptor, 0) : refused }

    static func setMode(_ descriptor: Int32, _ mode: mode_t) -> Int32 {
        isAlive("chmod") ? fchmod(descriptor, mode) : refused
    }

    static func sync(_ descriptor: Int32) -> Int32 { isAlive("fsync") ? fsync(descriptor) : refused }

    static func rename(_ old: String, _ new: String) -> Int32 {
        isAlive("rename") ? Glibc.rename(old, new) : refused
    }

    static func link(_ old: String, _ new: String) -> Int32 { isAlive("link") ? Glibc.link(old, new) : refused }

    static func symlink(_ target: String, _ path: String) -> Int32 {
        isAlive("symlink") ? Glibc.symlink(target, path) : refused
    }

    @discardableResult
    static func unlink(_ path: String) -> Int32 { isAlive("unlink") ? Glibc.unlink(path) : refused }

    static func makeFolder(_ path: String) -> Int32 { isAlive("mkdir") ? mkdir(path, 0o755) : refused }

    @discardableResult
    static func removeFolder(_ path: String) -> Int32 { isAlive("rmdir") ? rmdir(path) : refused }

    /// Notes in a file's times that it is in use now.
    static func touch(_ path: String) -> Int32 { isAlive("touch") ? utimensat(AT_FDCWD, path, nil, 0) : refused }

    private static var refused: Int32 {
        errno = EIO
        return -1
    }

    private static func isAlive(_ operation: StaticString) -> Bool { life?.goesOn(operation) ?? true }
}

/// A life of so many operations on the disk.
final class DiskLife: Sendable {
    private struct State {
        var left: Int
        var isLastBreath = false
        var operations: [String] = []
    }

    private let state: Mutex<State>

    /// A life that ends before the operation after `operations`.
    init(operations: Int) { state = Mutex(State(left: operations)) }

    /// The operations that were carried out.
    var operations: [String] { state.withLock { $0.operations } }

    fileprivate func goesOn(_ operation: StaticString) -> Bool {
        state.withLock { state in
            state.isLastBreath = state.left == 0
            state.left -= 1
            guard state.left >= 0 else { return false }
            state.operations.append("\(operation)")
            return true
        }
    }

    fileprivate func takesLastBreath() -> Bool { state.withLock { $0.isLastBreath } }
}
