import Glibc

/// The library's one lock, and a condition to wait for under it. POSIX, because this library brings no runtime of its
/// own into the programs that load it beyond the standard library.
///
/// Sendable without a lock: the pointers never change, and what they point to is made for several threads.
final class LibraryLock: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init() {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    func acquire() { pthread_mutex_lock(mutex) }

    /// False where another thread has it.
    func tryAcquire() -> Bool { pthread_mutex_trylock(mutex) == 0 }

    func release() { pthread_mutex_unlock(mutex) }

    /// Gives the lock up, waits for ``wakeAll()`` (or for nothing), and takes it again. The lock is held.
    func wait() { pthread_cond_wait(condition, mutex) }

    func wakeAll() { pthread_cond_broadcast(condition) }
}
