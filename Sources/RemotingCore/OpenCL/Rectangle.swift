/// Where a rectangle lies in linear memory, as the `Rect` calls of OpenCL 1.1 describe it (specification, 5.2.2).
package struct RectangleLayout: Hashable, Sendable {
    /// Bytes within a row, rows within a slice, slices.
    package var origin: SIMD3<UInt64>
    /// Bytes from a row to the next.
    package var rowPitch: UInt64
    /// Bytes from a slice to the next.
    package var slicePitch: UInt64

    package init(origin: SIMD3<UInt64> = .zero, rowPitch: UInt64, slicePitch: UInt64) {
        self.origin = origin
        self.rowPitch = rowPitch
        self.slicePitch = slicePitch
    }

    /// The offset of the first byte, nil where it is no 63-bit number.
    package var start: UInt64? { offset(of: .zero) }

    /// The bytes that a rectangle of `region` touches, from its first to its last; nil for an empty one, where the
    /// pitches are less than the region, and where an end is no 63-bit number.
    package func extent(of region: SIMD3<UInt64>) -> Range<UInt64>? {
        guard region.x > 0, region.y > 0, region.z > 0, rowPitch >= region.x else { return nil }
        let (slice, overflows) = rowPitch.multipliedReportingOverflow(by: region.y)
        guard !overflows, slicePitch >= slice || region.z == 1, let start else { return nil }
        guard let last = offset(of: SIMD3(region.x - 1, region.y - 1, region.z - 1)), last < UInt64(Int.max) else {
            return nil
        }
        return start..<last + 1
    }

    /// The layout of a part of the rectangle that begins at `corner` of it. Their sum is a valid origin.
    package func moved(by corner: SIMD3<UInt64>) -> RectangleLayout {
        RectangleLayout(origin: origin &+ corner, rowPitch: rowPitch, slicePitch: slicePitch)
    }

    package func hasPitches(of other: RectangleLayout) -> Bool {
        rowPitch == other.rowPitch && slicePitch == other.slicePitch
    }

    /// Whether a rectangle of `region` here and one there share a byte, both in one memory and with the same pitches.
    /// Both have an ``extent(of:)``. O(1): like rows of like slices repeat, so that the distances within a row and within
    /// a slice decide (OpenCL 3.0, appendix D, "Checking for Memory Copy Overlap").
    ///
    /// - Parameter shift: bytes by which `other` begins later in the memory than its layout says, of a part of a buffer;
    ///   likewise `ownShift` for this.
    package func overlaps(
        _ other: RectangleLayout, _ region: SIMD3<UInt64>, ownShift: UInt64 = 0, shift: UInt64 = 0
    ) -> Bool {
        guard let own = start, let theirs = other.start, let length = extent(of: region)?.count else { return false }
        let (first, second) = (own + ownShift, theirs + shift)
        guard max(first, second) - min(first, second) < UInt64(length) else { return false }
        /// Whether runs of `run` bytes, one in each `pitch`, never meet.
        func areApart(_ run: UInt64, _ pitch: UInt64) -> Bool {
            let (one, two) = (first % pitch, second % pitch)
            let gap = max(one, two) - min(one, two)
            return gap >= run && gap + run <= pitch
        }
        let sliceRun = (region.y - 1) * rowPitch + region.x
        if region.z == 1 { return !areApart(region.x, rowPitch) }
        let rowsRepeat = slicePitch.isMultiple(of: rowPitch)
        return !(rowsRepeat && areApart(region.x, rowPitch)) && !areApart(sliceRun, slicePitch)
    }

    private func offset(of corner: SIMD3<UInt64>) -> UInt64? {
        let pitches = SIMD3<UInt64>(1, rowPitch, slicePitch)
        var sum: UInt64 = 0
        for index in 0..<3 {
            let (place, placeOverflows) = origin[index].addingReportingOverflow(corner[index])
            let (bytes, bytesOverflow) = place.multipliedReportingOverflow(by: pitches[index])
            let (next, sumOverflows) = sum.addingReportingOverflow(bytes)
            guard !placeOverflows, !bytesOverflow, !sumOverflows, next <= UInt64(Int.max) else { return nil }
            sum = next
        }
        return sum
    }
}

/// Cuts a region into parts of at most `limit` bytes, in the order of the bytes: whole slices where one fits, else whole
/// rows, else pieces of rows. O(1) each.
package struct RectangleParts: Sequence, IteratorProtocol {
    package struct Part: Hashable, Sendable {
        /// From the region's own corner.
        package var corner: SIMD3<UInt64>
        package var region: SIMD3<UInt64>
    }

    private let region: SIMD3<UInt64>
    /// The greatest part.
    private let step: SIMD3<UInt64>
    private var next3 = SIMD3<UInt64>.zero

    /// No side of `region` is 0, its bytes together are a 64-bit number, and `limit` is greater than 0.
    package init(_ region: SIMD3<UInt64>, limit: UInt64) {
        self.region = region
        let slice = region.x &* region.y
        step =
            if slice <= limit {
                SIMD3(region.x, region.y, Swift.min(region.z, Swift.max(1, limit / Swift.max(slice, 1))))
            } else if region.x <= limit {
                SIMD3(region.x, Swift.max(1, limit / region.x), 1)
            } else {
                SIMD3(limit, 1, 1)
            }
    }

    package mutating func next() -> Part? {
        guard next3.z < region.z else { return nil }
        let size = pointwiseMin(step, region &- next3)
        let part = Part(corner: next3, region: size)
        next3.x += size.x
        if next3.x == region.x {
            next3.x = 0
            next3.y += size.y
        }
        if next3.y == region.y {
            next3.y = 0
            next3.z += size.z
        }
        return part
    }
}

/// A command on a rectangle of a buffer. Its data is the rectangle's bytes without gaps.
package struct RectangleCommand: Hashable, Sendable {
    package var queue: ObjectID
    package var buffer: ObjectID
    package var layout: RectangleLayout
    /// Bytes, rows, slices.
    package var region: SIMD3<UInt64>
    package var order: CommandOrder

    package init(
        queue: ObjectID, buffer: ObjectID, layout: RectangleLayout, region: SIMD3<UInt64>,
        order: CommandOrder = CommandOrder()
    ) {
        self.queue = queue
        self.buffer = buffer
        self.layout = layout
        self.region = region
        self.order = order
    }

    /// The bytes of the rectangle, nil where they are no 63-bit number.
    package var size: UInt64? {
        let (slice, sliceOverflows) = region.x.multipliedReportingOverflow(by: region.y)
        let (size, overflows) = slice.multipliedReportingOverflow(by: region.z)
        return sliceOverflows || overflows || size > UInt64(Int.max) ? nil : size
    }
}

/// A copy of a rectangle from one buffer to another, or within one.
package struct RectangleCopy: Hashable, Sendable {
    package var queue: ObjectID
    package var source: ObjectID
    package var destination: ObjectID
    package var sourceLayout: RectangleLayout
    package var destinationLayout: RectangleLayout
    /// Bytes, rows, slices.
    package var region: SIMD3<UInt64>
    package var order: CommandOrder

    package init(
        queue: ObjectID, source: ObjectID, destination: ObjectID, sourceLayout: RectangleLayout,
        destinationLayout: RectangleLayout, region: SIMD3<UInt64>, order: CommandOrder = CommandOrder()
    ) {
        self.queue = queue
        self.source = source
        self.destination = destination
        self.sourceLayout = sourceLayout
        self.destinationLayout = destinationLayout
        self.region = region
        self.order = order
    }
}

extension ByteWriter {
    mutating func write(_ layout: RectangleLayout) {
        writeSides(layout.origin)
        write(layout.rowPitch)
        write(layout.slicePitch)
    }

    mutating func writeSides(_ sides: SIMD3<UInt64>) {
        for index in 0..<3 { write(sides[index]) }
    }

    mutating func write(_ command: RectangleCommand) {
        write(command.queue)
        write(command.buffer)
        write(command.layout)
        writeSides(command.region)
        write(command.order)
    }

    mutating func write(_ copy: RectangleCopy) {
        write(copy.queue)
        write(copy.source)
        write(copy.destination)
        write(copy.sourceLayout)
        write(copy.destinationLayout)
        writeSides(copy.region)
        write(copy.order)
    }
}

extension ByteReader {
    mutating func readSides() throws(RemotingError) -> SIMD3<UInt64> {
        SIMD3(try read(), try read(), try read())
    }

    mutating func readLayout() throws(RemotingError) -> RectangleLayout {
        RectangleLayout(origin: try readSides(), rowPitch: try read(), slicePitch: try read())
    }

    mutating func readRectangleCommand() throws(RemotingError) -> RectangleCommand {
        RectangleCommand(
            queue: try readID(), buffer: try readID(), layout: try readLayout(), region: try readSides(),
            order: try readOrder())
    }

    mutating func readRectangleCopy() throws(RemotingError) -> RectangleCopy {
        RectangleCopy(
            queue: try readID(), source: try readID(), destination: try readID(), sourceLayout: try readLayout(),
            destinationLayout: try readLayout(), region: try readSides(), order: try readOrder())
    }
}
