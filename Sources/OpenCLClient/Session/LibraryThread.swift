import Glibc

/// Threads of this library in a program that knows nothing of them.
enum LibraryThread {
    /// Starts a thread that nobody waits for, with what `body` is given; false where the system has none.
    static func start(
        with argument: UnsafeMutableRawPointer? = nil,
        _ body: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer?
    ) -> Bool {
        // Signals are for the program's own threads.
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        var thread = pthread_t()
        guard pthread_create(&thread, nil, body, argument) == 0 else { return false }
        pthread_detach(thread)
        return true
    }
}
