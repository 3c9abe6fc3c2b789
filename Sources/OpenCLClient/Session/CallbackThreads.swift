import COpenCL
import Glibc

/// Runs the program's callbacks on a thread of its own, without the library's lock, one after the other; and waits on
/// another thread, one for each device, for the events that have some. None is started before it is needed. Guarded by
/// the library's lock.
///
/// Another, because who waits for an event reads from the session's socket, and could not be woken by a callback that
/// is ready for another reason; nor by what comes from another device's session.
final class CallbackThreads {
    private struct Job {
        var run: () -> Void
        /// What the callback is about: it lives until that has returned.
        var object: ClientObject?
    }

    private let lock: LibraryLock
    private var jobs: [Job] = []
    private var hasRunner = false
    /// For each device.
    private var watchers: [Watcher]

    private struct Watcher {
        var isRunning = false
        var events: [ClientEvent] = []
    }

    init(lock: LibraryLock, devices: Int) {
        self.lock = lock
        watchers = Array(repeating: Watcher(), count: devices)
    }

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
        let device = event.context.device.index
        watchers[device].events.append(event)
        if !watchers[device].isRunning {
            watchers[device].isRunning = LibraryThread.start(with: UnsafeMutableRawPointer(bitPattern: device)) {
                device in
                Library.shared.callbacks.watchEvents(of: Int(bitPattern: device))
                return nil
            }
        }
        lock.wakeAll()
    }

    /// In a child of the program's process, which has none of the threads.
    func abandonAfterFork() {
        jobs = []
        hasRunner = false
        watchers = watchers.map { _ in Watcher() }
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

    private func watchEvents(of device: Int) {
        lock.acquire()
        while true {
            let ended = watchers[device].events.filter(\.hasEnded)
            watchers[device].events.removeAll(where: \.hasEnded)
            for event in ended { event.callBack() }
            if let session = watchers[device].events.first?.session {
                // A session that is lost ends its events, which the next turn finds.
                try? session.wait { [self] in watchers[device].events.contains(where: \.hasEnded) }
            } else {
                lock.wait()
            }
        }
    }
}
