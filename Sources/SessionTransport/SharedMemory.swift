import Glibc
package import RemotingCore
package import Synchronization

/// Memory that the two ends of a session on one host share, mapped: a page of numbers and two rings of bytes
/// (``SharedMemoryLayout``). Each ring is mapped twice in a row, so that what wraps around lies in one piece.
///
/// Sendable without a lock: the mapping never changes, and what lies in it is the two ends' to order.
package final class SharedMemory: @unchecked Sendable {
    private let base: UnsafeMutableRawPointer

    /// Seals of memfd_create(2) and fcntl(2), which Swift's Glibc module does not show.
    private static let (allowSealing, closeOnExec): (UInt32, UInt32) = (0x2, 0x1)
    private static let (addSeals, getSeals): (CInt, CInt) = (1_033, 1_034)
    /// No more seals, no shrinking, no growing: an end that is mapped here cannot lose what it may touch.
    private static let seals: CInt = 0x1 | 0x2 | 0x4

    private static let mappedLength = SharedMemoryLayout.headerLength + 4 * SharedMemoryLayout.ringCapacity

    /// New memory, all 0 and of no size that anyone can change; nil where the system has none. It takes room only where
    /// it is touched.
    package static func make() -> CInt? {
        typealias Create = @convention(c) (UnsafePointer<CChar>, UInt32) -> CInt
        guard let symbol = dlsym(nil, "memfd_create") else { return nil }
        let create = unsafeBitCast(symbol, to: Create.self)
        let descriptor = create("presync-session", allowSealing | closeOnExec)
        guard descriptor >= 0 else { return nil }
        guard ftruncate(descriptor, off_t(SharedMemoryLayout.length)) == 0, fcntl(descriptor, addSeals, seals) == 0
        else {
            close(descriptor)
            return nil
        }
        return descriptor
    }

    /// Maps what an end got from the other. Nil unless it is sealed memory of the right size. The descriptor may be
    /// closed afterwards.
    package init?(mapping descriptor: CInt) {
        var status = stat()
        let held = fcntl(descriptor, Self.getSeals, 0)
        guard held >= 0, held & Self.seals == Self.seals, fstat(descriptor, &status) == 0,
            status.st_size == SharedMemoryLayout.length,
            let base = mmap(nil, Self.mappedLength, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), base != MAP_FAILED
        else { return nil }
        self.base = base
        let ring = SharedMemoryLayout.ringCapacity
        var target = 0
        func map(_ offset: Int, _ length: Int) -> Bool {
            defer { target += length }
            let place = mmap(
                base + target, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, descriptor, off_t(offset))
            return place != MAP_FAILED
        }
        let isMapped =
            map(0, SharedMemoryLayout.headerLength)
            && [SharedMemoryLayout.toWorker, SharedMemoryLayout.toClient].allSatisfy {
                map($0.bytes, ring) && map($0.bytes, ring)
            }
        // Whoever fails here is unmapped by deinit.
        guard isMapped else { return nil }
    }

    deinit { munmap(base, Self.mappedLength) }

    /// Twice the ring's capacity of bytes, the second half being the first.
    package func bytes(_ direction: SharedMemoryLayout.Direction) -> UnsafeMutableRawPointer {
        let ring = SharedMemoryLayout.ringCapacity
        return base + SharedMemoryLayout.headerLength + (direction == SharedMemoryLayout.toWorker ? 0 : 2 * ring)
    }

    /// One of the numbers of the first page.
    package func number(_ offset: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
        (base + offset).assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    /// What an end sleeps for.
    package func sleep(_ offset: Int) -> UnsafeMutablePointer<Atomic<UInt32>> {
        (base + offset).assumingMemoryBound(to: Atomic<UInt32>.self)
    }
}
