import Foundation

/// For processes that another process started and that must not outlive it, however it ends: kill -9 included. Their
/// standard input is a pipe that it holds the other end of.
enum ParentWatch {
    /// Ends this process at once when standard input does. What is started with a pipe of this process ends with it.
    static func endWithInput() {
        // A thread of its own: reading blocks, and cannot be cancelled. It ends with the process.
        Thread.detachNewThread {
            while readLine(strippingNewline: false) != nil {}
            _exit(ExitStatus.failure.rawValue)
        }
    }
}
