import COpenCL
import RemotingCore

func enqueueMapBuffer(
    _ queue: cl_command_queue?, _ buffer: cl_mem?, _ blocking: cl_bool, _ flags: cl_map_flags, _ offset: Int,
    _ size: Int, _ waitCount: cl_uint, _ waitList: UnsafePointer<cl_event?>?,
    _ event: UnsafeMutablePointer<cl_event?>?, _ code: UnsafeMutablePointer<cl_int>?
) -> UnsafeMutableRawPointer? {
    var pointer: UnsafeMutableRawPointer?
    let result = perform { library throws(OpenCLError) in
        let arguments = try CommandArguments(library, queue, waitCount, waitList, event)
        let region = try RegionArguments(library, arguments.queue, buffer, offset: offset, size: size)
        pointer = try library.map(
            region.buffer, MapAccess(flags), arguments, isBlocking: blocking != 0, offset: offset,
            region: .bytes(offset: offset, size: size))
    }
    code?.pointee = result
    return result == CL_SUCCESS ? pointer : nil
}

/// What the program will do with a mapped region.
struct MapAccess {
    let reads: Bool
    let writes: Bool
    /// The contents before do not count.
    let invalidates: Bool

    init(_ flags: cl_map_flags) throws(OpenCLError) {
        let (read, write) = (cl_map_flags(CL_MAP_READ), cl_map_flags(CL_MAP_WRITE))
        let invalidate = cl_map_flags(CL_MAP_WRITE_INVALIDATE_REGION)
        try require(flags & ~(read | write | invalidate) == 0, or: CL_INVALID_VALUE)
        invalidates = flags & invalidate != 0
        try require(!invalidates || flags == invalidate, or: CL_INVALID_VALUE)
        reads = flags & read != 0
        writes = flags & (write | invalidate) != 0
    }
}

extension Library {
    /// Maps a region whose first byte is at `offset` of the object's host memory.
    func map(
        _ buffer: ClientBuffer, _ access: MapAccess, _ arguments: CommandArguments, isBlocking: Bool, offset: Int,
        region: MappedRegion
    ) throws(OpenCLError) -> UnsafeMutableRawPointer {
        try buffer.requireHostAccess(reads: access.reads, writes: access.writes)
        let shadow = buffer.hostPointer == nil ? buffer.hostShadow() : nil
        guard let start = buffer.hostPointer ?? shadow.map({ $0.start + buffer.origin }) else {
            throw OpenCLError(CL_MAP_FAILURE)
        }
        let (pointer, session) = (start + offset, arguments.queue.session)
        var call: PendingCall?
        if access.invalidates {
            try session.send(.marker(queue: arguments.queue.id, arguments.order, isBarrier: false))
        } else {
            call = try fetch(region, of: buffer, to: pointer, arguments, keeping: shadow)
        }
        buffer.mappings.append(
            ClientBuffer.Mapping(
                pointer: pointer, region: region, isWritten: access.writes, call: call, shadow: shadow))
        let type = buffer.image == nil ? CL_COMMAND_MAP_BUFFER : CL_COMMAND_MAP_IMAGE
        arguments.giveEvent(self, type: type, call: call)
        if isBlocking { try wait(for: call, of: buffer, on: arguments.queue) }
        return pointer
    }

    private func fetch(
        _ region: MappedRegion, of buffer: ClientBuffer, to pointer: UnsafeMutableRawPointer,
        _ arguments: CommandArguments, keeping shadow: HostShadow?
    ) throws(OpenCLError) -> PendingCall {
        let session = arguments.queue.session
        switch region {
        case .bytes(let offset, let size):
            let command = BufferCommand(
                queue: arguments.queue.id, buffer: buffer.id, offset: UInt64(offset), size: UInt64(size),
                order: arguments.order)
            return try session.begin(
                queue: arguments.queue, destination: UnsafeMutableRawBufferPointer(start: pointer, count: size),
                keeping: shadow
            ) { .readBuffer($0, command) }
        case .image(let command):
            let host = try buffer.hostRegion(of: command, at: pointer)
            return try session.begin(queue: arguments.queue, rectangle: host, keeping: shadow) {
                .readImage($0, command)
            }
        }
    }

    /// Waits for a map; one that failed maps nothing.
    private func wait(for call: PendingCall?, of buffer: ClientBuffer, on queue: ClientQueue) throws(OpenCLError) {
        do throws(OpenCLError) {
            guard let call else {
                _ = try queue.session.call(queue: queue) { .finish($0, queue: queue.id) }
                return
            }
            try queue.session.wait(for: call)
            try require(call.code == CL_SUCCESS, or: call.code)
        } catch {
            buffer.mappings.removeAll { $0.call === call }
            throw error
        }
    }
}

/// Sends what the program wrote to the region. A map that has not ended to the program's knowledge gave it nothing to
/// write to.
func enqueueUnmapMemObject(
    _ queue: cl_command_queue?, _ buffer: cl_mem?, _ pointer: UnsafeMutableRawPointer?, _ waitCount: cl_uint,
    _ waitList: UnsafePointer<cl_event?>?, _ event: UnsafeMutablePointer<cl_event?>?
) -> cl_int {
    perform { library throws(OpenCLError) in
        let arguments = try CommandArguments(library, queue, waitCount, waitList, event)
        let buffer: ClientBuffer = try library.object(buffer, or: CL_INVALID_MEM_OBJECT)
        try require(buffer.context === arguments.queue.context, or: CL_INVALID_CONTEXT)
        guard let index = buffer.mappings.firstIndex(where: { $0.pointer == pointer }) else {
            throw OpenCLError(CL_INVALID_VALUE)
        }
        let session = arguments.queue.session
        try session.poll()
        let mapping = buffer.mappings[index]
        if mapping.isWritten, mapping.call.map({ $0.hasEnded && $0.code == CL_SUCCESS }) ?? true {
            switch mapping.region {
            case .bytes(let offset, let size):
                try session.write(
                    UnsafeRawBufferPointer(start: mapping.pointer, count: size),
                    BufferCommand(
                        queue: arguments.queue.id, buffer: buffer.id, offset: UInt64(offset), size: UInt64(size),
                        order: arguments.order))
            case .image(var command):
                command.queue = arguments.queue.id
                command.order = arguments.order
                try session.write(
                    buffer.hostRegion(of: command, at: mapping.pointer), elementSize: buffer.image?.elementSize ?? 1,
                    command)
            }
        } else {
            try session.send(.marker(queue: arguments.queue.id, arguments.order, isBarrier: false))
        }
        buffer.mappings.remove(at: index)
        arguments.giveEvent(library, type: CL_COMMAND_UNMAP_MEM_OBJECT)
    }
}

/// The virtual GPU is the one device of a context, so that buffers are where they are wanted.
func enqueueMigrateMemObjects(
    _ queue: cl_command_queue?, _ count: cl_uint, _ buffers: UnsafePointer<cl_mem?>?, _ flags: cl_mem_migration_flags,
    _ waitCount: cl_uint, _ waitList: UnsafePointer<cl_event?>?, _ event: UnsafeMutablePointer<cl_event?>?
) -> cl_int {
    perform { library throws(OpenCLError) in
        let arguments = try CommandArguments(library, queue, waitCount, waitList, event)
        guard count > 0, let buffers else { throw OpenCLError(CL_INVALID_VALUE) }
        let known = cl_mem_migration_flags(CL_MIGRATE_MEM_OBJECT_HOST | CL_MIGRATE_MEM_OBJECT_CONTENT_UNDEFINED)
        try require(flags & ~known == 0, or: CL_INVALID_VALUE)
        for index in 0..<Int(count) {
            let buffer: ClientBuffer = try library.object(buffers[index], or: CL_INVALID_MEM_OBJECT)
            try require(buffer.context === arguments.queue.context, or: CL_INVALID_CONTEXT)
        }
        try arguments.queue.session.send(
            .marker(queue: arguments.queue.id, arguments.order, isBarrier: false))
        arguments.giveEvent(library, type: CL_COMMAND_MIGRATE_MEM_OBJECTS)
    }
}

extension ClientBuffer {
    /// The image's region in host memory of the image's own pitches.
    fileprivate func hostRegion(
        of command: ImageCommand, at pointer: UnsafeMutableRawPointer
    ) throws(OpenCLError) -> HostRectangle {
        guard let image else { throw OpenCLError(CL_INVALID_MEM_OBJECT) }
        return try image.hostRegion(
            pointer, command.region, rowPitch: image.rowPitch, slicePitch: image.slicePitch)
    }
}
