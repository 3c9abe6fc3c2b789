import Glibc

/// Locks of open files (flock(2)).
package enum FileLock {
    /// Frees a lock, and closes its file. Closing alone would free it late where a child has been forked meanwhile: that
    /// has the same open file until it runs its program.
    package static func release(_ descriptor: Int32) {
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }
}
