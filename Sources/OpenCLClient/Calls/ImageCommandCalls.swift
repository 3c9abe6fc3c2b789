import COpenCL
import RemotingCore

/// A region of an image as a command names it, checked.
private struct ImageArguments {
    let image: ClientBuffer
    let details: ImageDetails
    let origin: SIMD3<UInt64>
    let region: SIMD3<UInt64>

    init(
        _ library: Library, _ queue: ClientQueue, _ image: cl_mem?, _ origin: UnsafePointer<Int>?,
        _ region: UnsafePointer<Int>?
    ) throws(OpenCLError) {
        self.image = try library.object(image, or: CL_INVALID_MEM_OBJECT)
        guard let details = self.image.image else { throw OpenCLError(CL_INVALID_MEM_OBJECT) }
        try require(self.image.context === queue.context, or: CL_INVALID_CONTEXT)
        guard let origin, let region else { throw OpenCLError(CL_INVALID_VALUE) }
        self.details = details
        self.origin = vector(origin)
        self.region = vector(region)
        try require(details.description.contains(self.origin, self.region), or: CL_INVALID_VALUE)
    }

    func command(_ arguments: CommandArguments) -> ImageCommand {
        ImageCommand(
            queue: arguments.queue.id, image: image.id, origin: origin, region: region, order: arguments.order)
    }

    /// Bytes of the region.
    var size: Int { Int(region.x * region.y * region.z) * details.elementSize }
}

/// Three sizes as a call names them, of a corner or a region.
func vector(_ values: UnsafePointer<Int>) -> SIMD3<UInt64> {
    SIMD3(
        UInt64(UInt(bitPattern: values[0])), UInt64(UInt(bitPattern: values[1])), UInt64(UInt(bitPattern: values[2])))
}

func enqueueReadImage(
    _ queue: cl_command_queue?, _ image: cl_mem?, _ blocking: cl_bool, _ origin: UnsafePointer<Int>?,
    _ region: UnsafePointer<Int>?, _ rowPitch: Int, _ slicePitch: Int, _ target: UnsafeMutableRawPointer?,
    _ waitCount: cl_uint, _ waitList: UnsafePointer<cl_event?>?, _ event: UnsafeMutablePointer<cl_event?>?
) -> cl_int {
    perform { library throws(OpenCLError) in
        let arguments = try CommandArguments(library, queue, waitCount, waitList, event)
        let image = try ImageArguments(library, arguments.queue, image, origin, region)
        guard let target else { throw OpenCLError(CL_INVALID_VALUE) }
        try image.image.requireHostAccess(reads: true)
        let host = try image.details.hostRegion(target, image.region, rowPitch: rowPitch, slicePitch: slicePitch)
        let session = arguments.queue.session
        let call = try session.begin(queue: arguments.queue, rectangle: host) {
            .readImage($0, image.command(arguments))
        }
        arguments.giveEvent(library, type: CL_COMMAND_READ_IMAGE, call: call)
        guard blocking != 0 else { return }
        try session.wait(for: call)
        try arguments.queue.reportError()
        try require(call.code == CL_SUCCESS, or: call.code)
    }
}

/// The data is copied before this returns, so that blocking and not blocking are the same.
func enqueueWriteImage(
    _ queue: cl_command_queue?, _ image: cl_mem?, _ blocking: cl_bool, _ origin: UnsafePointer<Int>?,
    _ region: UnsafePointer<Int>?, _ rowPitch: Int, _ slicePitch: Int, _ source: UnsafeRawPointer?,
    _ waitCount: cl_uint, _ waitList: UnsafePointer<cl_event?>?, _ event: UnsafeMutablePointer<cl_event?>?
) -> cl_int {
    perform { library throws(OpenCLError) in
        let arguments = try CommandArguments(library, queue, waitCount, waitList, event)
        let image = try ImageArguments(library, arguments.queue, image, origin, region)
        guard let source else { throw OpenCLError(CL_INVALID_VALUE) }
        try image.image.requireHostAccess(writes: true)
        try arguments.checkWaitList(isBlocking: blocking)
        let host = try image.details.hostRegion(
            UnsafeMutableRawPointer(mutating: source), image.region, rowPitch: rowPitch, slicePitch: slicePitch)
        try arguments.queue.session.write(
            host, elementSize: image.details.elementSize, image.command(arguments))
        arguments.giveEvent(library, type: CL_COMMAND_WRITE_IMAGE)
    }
}

func enqueueCopyImage(
    _ queue: cl_command_queue?, _ source: cl_mem?, _ destination: cl_mem?, _ sourceOrigin: UnsafePointer<Int>?,
    _ destinationOrigin: UnsafePointer<Int>?, _ region: UnsafePointer<Int>?, _ waitCount: cl_uint,
    _ waitList: UnsafePointer<cl_event?>?, _ event: UnsafeMutablePointer<cl_event?>?
) -> cl_int {
    perform { library throws(OpenCLError) in
        let arguments = try CommandArguments(library, queue, waitCount, waitList, event)
        let from = try ImageArguments(library, arguments.queue, source, sourceOrigin, region)
        let to = try ImageArguments(library, arguments.queue, destination, destinationOrigin, region)
        try require(
            from.details.description.format == to.details.description.format, or: CL_IMAGE_FORMAT_MISMATCH)
        if from.image === to.image {
            let overlaps = (0..<3).allSatisfy { axis in
                let (one, other) = (from.origin[axis], to.origin[axis])
                return max(one, other) - min(one, other) < from.region[axis]
            }
            try require(!overlaps, or: CL_MEM_COPY_OVERLAP)
        }
        try arguments.queue.session.send(
            .copyImage(from.command(arguments), .toImage(to.image.id, origin: to.origin)))
        arguments.giveEvent(library, type: CL_COMMAND_COPY_IMAGE)
    }
}

func enqueueCopyImageToBuffer(
    _ queue: cl_command_queue?, _ source: cl_mem?, _ destination: cl_mem?, _ origin: UnsafePointer<Int>?,
    _ region: UnsafePointer<Int>?, _ offset: Int, _ waitCount: cl_uint, _ waitList: UnsafePointer<cl_event?>?,
    _ event: UnsafeMutablePointer<cl_event?>?
) -> cl_int {
    perform { library throws(OpenCLError) in
        let arguments = try CommandArguments(library, queue, waitCount, waitList, event)
        let image = try ImageArguments(library, arguments.queue, source, origin, region)
        let buffer = try RegionArguments(library, arguments.queue, destination, offset: offset, size: image.size)
        try arguments.queue.session.send(
            .copyImage(image.command(arguments), .toBuffer(buffer.buffer.id, offset: UInt64(offset))))
        arguments.giveEvent(library, type: CL_COMMAND_COPY_IMAGE_TO_BUFFER)
    }
}

func enqueueCopyBufferToImage(
    _ queue: cl_command_queue?, _ source: cl_mem?, _ destination: cl_mem?, _ offset: Int,
    _ origin: UnsafePointer<Int>?, _ region: UnsafePointer<Int>?, _ waitCount: cl_uint,
    _ waitList: UnsafePointer<cl_event?>?, _ event: UnsafeMutablePointer<cl_event?>?
) -> cl_int {
    perform { library throws(OpenCLError) in
        let arguments = try CommandArguments(library, queue, waitCount, waitList, event)
        let image = try ImageArguments(library, arguments.queue, destination, origin, region)
        let buffer = try RegionArguments(library, arguments.queue, source, offset: offset, size: image.size)
        try arguments.queue.session.send(
            .copyImage(image.command(arguments), .fromBuffer(buffer.buffer.id, offset: UInt64(offset))))
        arguments.giveEvent(library, type: CL_COMMAND_COPY_BUFFER_TO_IMAGE)
    }
}

func enqueueFillImage(
    _ queue: cl_command_queue?, _ image: cl_mem?, _ color: UnsafeRawPointer?, _ origin: UnsafePointer<Int>?,
    _ region: UnsafePointer<Int>?, _ waitCount: cl_uint, _ waitList: UnsafePointer<cl_event?>?,
    _ event: UnsafeMutablePointer<cl_event?>?
) -> cl_int {
    perform { library throws(OpenCLError) in
        let arguments = try CommandArguments(library, queue, waitCount, waitList, event)
        let image = try ImageArguments(library, arguments.queue, image, origin, region)
        guard let color else { throw OpenCLError(CL_INVALID_VALUE) }
        let bytes = Array(UnsafeRawBufferPointer(start: color, count: OpenCLInterface.imageColor))
        try arguments.queue.session.send(.fillImage(image.command(arguments), color: bytes[...]))
        arguments.giveEvent(library, type: CL_COMMAND_FILL_IMAGE)
    }
}

func enqueueMapImage(
    _ queue: cl_command_queue?, _ image: cl_mem?, _ blocking: cl_bool, _ flags: cl_map_flags,
    _ origin: UnsafePointer<Int>?, _ region: UnsafePointer<Int>?, _ rowPitch: UnsafeMutablePointer<Int>?,
    _ slicePitch: UnsafeMutablePointer<Int>?, _ waitCount: cl_uint, _ waitList: UnsafePointer<cl_event?>?,
    _ event: UnsafeMutablePointer<cl_event?>?, _ code: UnsafeMutablePointer<cl_int>?
) -> UnsafeMutableRawPointer? {
    var pointer: UnsafeMutableRawPointer?
    let result = perform { library throws(OpenCLError) in
        let arguments = try CommandArguments(library, queue, waitCount, waitList, event)
        let region = try ImageArguments(library, arguments.queue, image, origin, region)
        let details = region.details
        let hasSlices = [.volume, .planes, .lines].contains(details.description.kind)
        guard let rowPitch, slicePitch != nil || !hasSlices else { throw OpenCLError(CL_INVALID_VALUE) }
        pointer = try library.map(
            region.image, MapAccess(flags), arguments, isBlocking: blocking != 0,
            offset: details.offset(of: region.origin),
            region: .image(region.command(arguments)))
        rowPitch.pointee = details.rowPitch
        slicePitch?.pointee = hasSlices ? details.slicePitch : 0
    }
    code?.pointee = result
    return result == CL_SUCCESS ? pointer : nil
}
