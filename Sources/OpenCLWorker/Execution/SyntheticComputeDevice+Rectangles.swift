import RemotingCore

extension SyntheticComputeDevice {
    func enqueueWrite(
        _ bytes: UnsafeRawBufferPointer, to buffer: Buffer, _ layout: RectangleLayout, _ region: SIMD3<UInt64>
    ) -> Event {
        var done = 0
        for row in Self.rows(layout, region) {
            buffer[row] = Array(bytes[done..<done + row.count])
            done += row.count
        }
        return Event()
    }

    func read(
        _ bytes: UnsafeMutableRawBufferPointer, from buffer: Buffer, _ layout: RectangleLayout,
        _ region: SIMD3<UInt64>
    ) -> Event {
        var done = 0
        for row in Self.rows(layout, region) {
            UnsafeMutableRawBufferPointer(rebasing: bytes[done..<done + row.count]).copyBytes(from: buffer[row])
            done += row.count
        }
        return Event()
    }

    func copy(_ rectangles: RectangleCopy, from source: Buffer, to destination: Buffer) -> Event {
        let from = Self.rows(rectangles.sourceLayout, rectangles.region)
        for (row, target) in zip(from, Self.rows(rectangles.destinationLayout, rectangles.region)) {
            destination[target] = source[row]
        }
        return Event()
    }

    /// The bytes of each row, in order.
    private static func rows(_ layout: RectangleLayout, _ region: SIMD3<UInt64>) -> [Range<Int>] {
        (0..<region.z).flatMap { slice in
            (0..<region.y).compactMap { row in
                layout.moved(by: SIMD3(0, row, slice)).start.map { Int($0)..<Int($0 + region.x) }
            }
        }
    }
}
