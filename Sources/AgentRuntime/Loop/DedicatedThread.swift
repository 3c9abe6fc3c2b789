import Glibc
import Synchronization

/// A thread of its own for work that must not wait for the cooperative pool, or must not make it wait.
final class DedicatedThread: Sendable {
    private final class Work: Sendable {
        let name: String
        let body: @Sendable () -> Void

        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    private let thread: pthread_t

    /// Starts `body` on a new thread, whose name is cut after 15 bytes; nil when the system has no thread left.
    init?(name: String, _ body: @escaping @Sendable () -> Void) {
        let work = Unmanaged.passRetained(Work(name: name, body: body))
        var thread = pthread_t()
        let status = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                let work = Unmanaged<Work>.fromOpaque(argument).takeRetainedValue()
                DedicatedThread.nameCurrent(work.name)
                work.body()
                return nil
            }, work.toOpaque())
        guard status == 0 else {
            work.release()
            return nil
        }
        self.thread = thread
    }

    /// Gives the calling thread its name as `ps` and debuggers show it (proc_pid_comm(5)).
    private static func nameCurrent(_ name: String) {
        let file = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { return }
        let bytes = Array(name.utf8.prefix(15))
        write(file, bytes, bytes.count)
        close(file)
    }

    /// Waits for the thread's end. To be called once.
    func join() { pthread_join(thread, nil) }
}
