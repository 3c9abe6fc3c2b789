import COpenCL
import RemotingCore

func enqueueReadBufferRect(
    _ queue: cl_command_queue?, _ buffer: cl_mem?, _ blocking: cl_bool, _ bufferOrigin: UnsafePointer<Int>?,
    _ hostOrigin: UnsafePointer<Int>?, _ region: UnsafePointer<Int>?, _ bufferRowPitch: Int, _ bufferSlicePitch: Int,
    _ hostRowPitch: Int, _ hostSlicePitch: Int, _ target: UnsafeMutableRawPointer?, _ waitCount: cl_uint,
    _ waitList: UnsafePointer<cl_event?>?, _ event: UnsafeMutablePointer<cl_event?>?
) -> cl_int {
    perform { library throws(OpenCLError) in
        let arguments = try CommandArguments(library, queue, waitCount, waitList, event)
        let sides = try sides(region)
        let rectangle = try RectangleArguments(
            library, arguments.queue, buffer, sides, bufferOrigin, bufferRowPitch, bufferSlicePitch)
        let host = try hostRectangle(target, sides, hostOrigin, hostRowPitch, hostSlicePitch)
        try rectangle.buffer.requireHostAccess(reads: true)
        let session = arguments.queue.session
        let call = try session.begin(queue: arguments.queue, rectangle: host) {
            .readRectangle($0, rectangle.command(arguments))
        }
        arguments.giveEvent(library, type: CL_COMMAND_READ_BUFFER_RECT, call: call)
        guard blocking != 0 else { return }
        try session.wait(for: call)
        try arguments.queue.reportError()
        try require(call.code == CL_SUCCESS, or: call.code)
    }
}

/// The data is copied before this returns, so that blocking and not blocking are the same.
func enqueueWriteBufferRect(
    _ queue: cl_command_queue?, _ buffer: cl_mem?, _ blocking: cl_bool, _ bufferOrigin: UnsafePointer<Int>?,
    _ hostOrigin: UnsafePointer<Int>?, _ region: UnsafePointer<Int>?, _ bufferRowPitch: Int, _ bufferSlicePitch: Int,
    _ hostRowPitch: Int, _ hostSlicePitch: Int, _ source: UnsafeRawPointer?, _ waitCount: cl_uint,
    _ waitList: UnsafePointer<cl_event?>?, _ event: UnsafeMutablePointer<cl_event?>?
) -> cl_int {
    perform { library throws(OpenCLError) in
        let arguments = try CommandArguments(library, queue, waitCount, waitList, event)
        let sides = try sides(region)
        let rectangle = try RectangleArguments(
            library, arguments.queue, buffer, sides, bufferOrigin, bufferRowPitch, bufferSlicePitch)
        let host = try hostRectangle(
            UnsafeMutableRawPointer(mutating: source), sides, hostOrigin, hostRowPitch, hostSlicePitch)
        try rectangle.buffer.requireHostAccess(writes: true)
        try arguments.checkWaitList(isBlocking: blocking)
        try arguments.queue.session.write(host, rectangle.command(arguments))
        arguments.giveEvent(library, type: CL_COMMAND_WRITE_BUFFER_RECT)
    }
}

func enqueueCopyBufferRect(
    _ queue: cl_command_queue?, _ source: cl_mem?, _ destination: cl_mem?, _ sourceOrigin: UnsafePointer<Int>?,
    _ destinationOrigin: UnsafePointer<Int>?, _ region: UnsafePointer<Int>?, _ sourceRowPitch: Int,
    _ sourceSlicePitch: Int, _ destinationRowPitch: Int, _ destinationSlicePitch: Int, _ waitCount: cl_uint,
    _ waitList: UnsafePointer<cl_event?>?, _ event: UnsafeMutablePointer<cl_event?>?
) -> cl_int {
    perform { library throws(OpenCLError) in
        let arguments = try CommandArguments(library, queue, waitCount, waitList, event)
        let sides = try sides(region)
        let from = try RectangleArguments(
            library, arguments.queue, source, sides, sourceOrigin, sourceRowPitch, sourceSlicePitch)
        let to = try RectangleArguments(
            library, arguments.queue, destination, sides, destinationOrigin, destinationRowPitch,
            destinationSlicePitch)
        if from.buffer === to.buffer {
            try require(
                from.layout.hasPitches(of: to.layout), or: CL_INVALID_VALUE)
        }
        if from.buffer.owner === to.buffer.owner, from.layout.hasPitches(of: to.layout) {
            let overlaps = from.layout.overlaps(
                to.layout, sides, ownShift: UInt64(from.buffer.origin), shift: UInt64(to.buffer.origin))
            try require(!overlaps, or: CL_MEM_COPY_OVERLAP)
        }
        try arguments.queue.session.send(
            .copyRectangle(
                RectangleCopy(
                    queue: arguments.queue.id, source: from.buffer.id, destination: to.buffer.id,
                    sourceLayout: from.layout, destinationLayout: to.layout, region: sides, order: arguments.order)))
        arguments.giveEvent(library, type: CL_COMMAND_COPY_BUFFER_RECT)
    }
}

/// A rectangle of a buffer as a command names it, checked.
private struct RectangleArguments {
    let buffer: ClientBuffer
    let layout: RectangleLayout
    private let region: SIMD3<UInt64>

    init(
        _ library: Library, _ queue: ClientQueue, _ buffer: cl_mem?, _ region: SIMD3<UInt64>,
        _ origin: UnsafePointer<Int>?, _ rowPitch: Int, _ slicePitch: Int
    ) throws(OpenCLError) {
        self.buffer = try library.object(buffer, or: CL_INVALID_MEM_OBJECT)
        try require(self.buffer.image == nil, or: CL_INVALID_MEM_OBJECT)
        try require(self.buffer.context === queue.context, or: CL_INVALID_CONTEXT)
        layout = try OpenCLClient.layout(region, origin, rowPitch, slicePitch)
        self.region = region
        let end = layout.extent(of: region)?.upperBound
        try require(end.map { $0 <= UInt64(self.buffer.size) } ?? false, or: CL_INVALID_VALUE)
    }

    func command(_ arguments: CommandArguments) -> RectangleCommand {
        RectangleCommand(
            queue: arguments.queue.id, buffer: buffer.id, layout: layout, region: region, order: arguments.order)
    }
}

private func sides(_ region: UnsafePointer<Int>?) throws(OpenCLError) -> SIMD3<UInt64> {
    guard let region else { throw OpenCLError(CL_INVALID_VALUE) }
    let sides = vector(region)
    try require(sides.x > 0 && sides.y > 0 && sides.z > 0, or: CL_INVALID_VALUE)
    return sides
}

/// The layout that a call's arguments describe: a pitch of 0 is the least that the region allows.
private func layout(
    _ region: SIMD3<UInt64>, _ origin: UnsafePointer<Int>?, _ rowPitch: Int, _ slicePitch: Int
) throws(OpenCLError) -> RectangleLayout {
    guard let origin else { throw OpenCLError(CL_INVALID_VALUE) }
    let row = rowPitch == 0 ? region.x : UInt64(UInt(bitPattern: rowPitch))
    let (least, overflows) = row.multipliedReportingOverflow(by: region.y)
    let slice = slicePitch == 0 ? least : UInt64(UInt(bitPattern: slicePitch))
    try require(row >= region.x && !overflows, or: CL_INVALID_VALUE)
    try require(slice >= least && slice.isMultiple(of: row), or: CL_INVALID_VALUE)
    return RectangleLayout(origin: vector(origin), rowPitch: row, slicePitch: slice)
}

private func hostRectangle(
    _ memory: UnsafeMutableRawPointer?, _ region: SIMD3<UInt64>, _ origin: UnsafePointer<Int>?, _ rowPitch: Int,
    _ slicePitch: Int
) throws(OpenCLError) -> HostRectangle {
    guard let memory else { throw OpenCLError(CL_INVALID_VALUE) }
    let layout = try layout(region, origin, rowPitch, slicePitch)
    guard layout.extent(of: region) != nil else { throw OpenCLError(CL_INVALID_VALUE) }
    return HostRectangle(memory: memory, layout: layout, region: region)
}
