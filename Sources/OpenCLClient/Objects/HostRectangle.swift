import RemotingCore

/// A rectangle in memory of the program.
struct HostRectangle {
    let memory: UnsafeMutableRawPointer
    let layout: RectangleLayout
    /// No side is 0, and the rectangle's extent is known to be one.
    let region: SIMD3<UInt64>

    /// Bytes of the rectangle, without gaps.
    var count: Int { Int(region.x * region.y * region.z) }

    /// Calls `body` with each run of the program's bytes that makes up `part` of the rectangle without gaps.
    func forEachRun(_ part: Range<Int>, _ body: (UnsafeMutableRawBufferPointer) -> Void) {
        let (width, height) = (Int(region.x), Int(region.y))
        var position = part.lowerBound
        while position < part.upperBound {
            let (row, column) = position.quotientAndRemainder(dividingBy: width)
            let count = min(width - column, part.upperBound - position)
            let corner = SIMD3<UInt64>(UInt64(column), UInt64(row % height), UInt64(row / height))
            let start = Int(layout.moved(by: corner).start ?? 0)
            body(UnsafeMutableRawBufferPointer(start: memory + start, count: count))
            position += count
        }
    }
}
