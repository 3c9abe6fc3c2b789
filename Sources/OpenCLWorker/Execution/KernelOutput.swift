import DeviceDrivers
import Glibc
import WorkerControl

/// What kernels print: drivers write it to the process's standard output, which is a file without a name from here on.
///
/// A file, because a driver that waits for room in a pipe would never come to the end that the session waits for.
final class KernelOutput {
    private let file: Descriptor
    private var position: off_t = 0

    /// Files are not longer than this here: more of what kernels print is lost.
    private static let greatest: rlim_t = 256 << 20

    /// Takes a descriptor of the process. `path` is where the file is made, and removed again.
    init(path: String, taking descriptor: CInt = STDOUT_FILENO) throws(SystemError) {
        let number = open(path, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0o600)
        guard number >= 0 else { throw SystemError("open \(path)") }
        file = Descriptor(owning: number)
        unlink(path)
        guard dup2(number, descriptor) >= 0 else { throw SystemError("dup2") }
    }

    /// Bounds every file of the process, so that no kernel fills the disk.
    static func limitFiles() {
        signal(SIGXFSZ, SIG_IGN)
        var limit = rlimit(rlim_cur: Self.greatest, rlim_max: Self.greatest)
        setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
    }

    /// At most `count` bytes of what was printed and not taken; empty when there is nothing more.
    func take(_ count: Int) -> [UInt8] {
        fflush(nil)
        var status = stat()
        guard fstat(file.number, &status) == 0, status.st_size > position else { return [] }
        var bytes = [UInt8](repeating: 0, count: min(count, Int(status.st_size - position)))
        let got = bytes.withUnsafeMutableBytes { pread(file.number, $0.baseAddress, $0.count, position) }
        bytes.removeLast(bytes.count - max(got, 0))
        position += off_t(bytes.count)
        return bytes
    }

    /// Makes room. Call it when no kernel runs and everything was taken: what is printed meanwhile is lost.
    func clear() {
        guard position > 1 << 20 else { return }
        if ftruncate(file.number, 0) == 0 { position = 0 }
    }
}
