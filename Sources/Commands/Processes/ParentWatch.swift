import Foundation

/// For processes that another process started and that must not outlive it, however it ends: kill -9 included. Their
/// standard input is a pipe that it holds the other end of.
enum ParentWatch {
    /// Ends this process at once when standard input does. What is started with a pipe of this process ends with it.
    static func endWithInput() {
        // A thread of its own: reading blocks, and cannot be cancelled. It ends with the process.
        Thread.detachNewThread {
            discardInput()
            _exit(ExitStatus.failure.rawValue)
        }
    }

    /// Blocks until standard input has ended.
    ///
    /// Not by the C library's streams: whoever waits in one holds its lock, and `exit` waits for every stream's lock
    /// since glibc 2.38 (bug 15142), so that the process would never end by itself.
    static func discardInput() {
        withUnsafeTemporaryAllocation(byteCount: 256, alignment: 1) { space in
            while true {
                let count = read(STDIN_FILENO, space.baseAddress, space.count)
                guard count > 0 || (count < 0 && errno == EINTR) else { return }
            }
        }
    }
}
