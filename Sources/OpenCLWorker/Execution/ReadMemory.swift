import Synchronization

/// Memory into which a piece of a read is put, and which lives as long as anyone may still have to send it.
///
/// A few pieces of ``pooledSize`` are kept for the next: malloc gives memory of that size back to the kernel and takes it anew,
/// which costs a page fault for every 4 KiB of a long read. A process has one tenant, and a piece is written whole
/// before it is sent.
final class ReadMemory {
    /// The size of most pieces: those of long reads.
    static let pooledSize = 1 << 20
    /// Two of a read are under way at a time, and some are kept until the client has said that they arrived.
    private static let mostKept = 8
    private static let kept = Mutex<[UInt]>([])

    let bytes: UnsafeMutableRawBufferPointer

    init(count: Int) {
        let address = count == Self.pooledSize ? Self.kept.withLock { $0.popLast() } : nil
        let start = address.flatMap { UnsafeMutableRawPointer(bitPattern: $0) }
        bytes =
            start.map { UnsafeMutableRawBufferPointer(start: $0, count: count) }
            ?? UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 64)
    }

    deinit {
        if bytes.count == Self.pooledSize, let start = bytes.baseAddress {
            let address = UInt(bitPattern: start)
            let isKept = Self.kept.withLock { kept in
                guard kept.count < Self.mostKept else { return false }
                kept.append(address)
                return true
            }
            if isKept { return }
        }
        bytes.deallocate()
    }
}
