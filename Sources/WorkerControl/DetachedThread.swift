import DeviceDrivers
import Glibc

/// Threads without Foundation, for processes that start fast.
package enum DetachedThread {
    /// Runs `body` on a new thread that nobody waits for. What it uses belongs to that thread from then on, or has a lock.
    package static func start(_ body: @escaping () -> Void) throws(SystemError) {
        let work = Work(body)
        var thread = pthread_t()
        let status = pthread_create(&thread, nil, Work.perform, Unmanaged.passRetained(work).toOpaque())
        guard status == 0 else {
            Unmanaged.passUnretained(work).release()
            throw SystemError("pthread_create", code: status)
        }
        pthread_detach(thread)
    }

    /// What a new thread is to do, as C hands it over.
    private final class Work: @unchecked Sendable {
        private let body: () -> Void

        init(_ body: @escaping () -> Void) { self.body = body }

        static let perform: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { argument in
            if let argument { Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body() }
            return nil
        }
    }
}
