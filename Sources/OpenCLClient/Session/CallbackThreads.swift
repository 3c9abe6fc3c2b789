import COpenCL
import Glibc

/// Runs the program's callbacks on a thread of its own, without the library's lock, one after the other; and waits on a
/// second thread for the events that have some. Neither is started before it is needed. Guarded by the library's lock.
///
/// Two, because who waits for an event reads from the session's socket, and could not be woken by a callback that is
/// ready for another reason.
final class CallbackThreads {
    private struct Job {
        var run: () -> Void
        /// What the callback is about: it lives until that has returned.
        var object: ClientObject?
    }

    private let lock: LibraryLock
    private var jobs: [Job] = []
    private var watched: [ClientEvent] = []
    private var hasRunner = false
    private var hasWatcher = false

    init(lock: LibraryLock) { self.lock = lock }

    func post(about object: ClientObject? = nil, _ run: @escaping () -> Void) {
        jobs.append(Job(run: run, object: object))
        if !hasRunner {
            hasRunner = LibraryThread.start {
                _ in
                Library.shared.callbacks.runJobs()
                return nil
            }
        }
        lock.wakeAll()
    }

    /// Calls the event's callbacks once it has ended.
    func watch(_ event: ClientEvent) {
        watched.append(event)
        if !hasWatcher {
            hasWatcher = LibraryThread.start {
                _ in
                Library.shared.callbacks.watchEvents()
                return nil
            }
        }
        lock.wakeAll()
    }

    /// In a child of the program's process, which has neither thread.
    func abandonAfterFork() {
        (jobs, watched) = ([], [])
        (hasRunner, hasWatcher) = (false, false)
    }

    private func runJobs() {
        lock.acquire()
        while true {
            guard !jobs.isEmpty else {
                lock.wait()
                continue
            }
            let job = jobs.removeFirst()
            lock.release()
            job.run()
            lock.acquire()
            // The last reference to an object goes under the lock.
            withExtendedLifetime(job.object) {}
        }
    }

    private func watchEvents() {
        lock.acquire()
        while true {
            let ended = watched.filter(\.hasEnded)
            watched.removeAll(where: \.hasEnded)
            for event in ended { event.callBack() }
            if let session = watched.first?.session {
                // A session that is lost ends its events, which the next turn finds.
                try? session.wait { [self] in watched.contains(where: \.hasEnded) }
            } else {
                lock.wait()
            }
        }
    }
}
