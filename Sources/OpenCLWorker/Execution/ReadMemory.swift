/// Memory into which a piece of a read is put, and which lives as long as anyone may still have to send it.
final class ReadMemory {
    let bytes: UnsafeMutableRawBufferPointer

    init(count: Int) { bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 64) }

    deinit { bytes.deallocate() }
}
