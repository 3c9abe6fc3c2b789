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
        pointer = try library.map(region, MapAccess(flags), arguments, isBlocking: blocking != 0)
    }
    code?.pointee = result
    return result == CL_SUCCESS ? pointer : nil
}

/// What the program will do with a mapped region.
private struct MapAccess {
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
    fileprivate func map(
        _ region: RegionArguments, _ access: MapAccess, _ arguments: CommandArguments, isBlocking: Bool
    ) throws(OpenCLError) -> UnsafeMutableRawPointer {
        let buffer = region.buffer
        try buffer.requireHostAccess(reads: access.reads, writes: access.writes)
        let shadow = buffer.hostPointer == nil ? buffer.hostShadow() : nil
        guard let start = buffer.hostPointer ?? shadow.map({ $0.start + buffer.origin }) else {
            throw OpenCLError(CL_MAP_FAILURE)
        }
        let (pointer, session) = (start + region.offset, arguments.queue.session)
        var call: PendingCall?
        if access.invalidates {
            try session.send(.marker(queue: arguments.queue.id, arguments.order, isBarrier: false))
        } else {
            call = try session.begin(
                queue: arguments.queue,
                destination: UnsafeMutableRawBufferPointer(start: pointer, count: region.size), keeping: shadow
            ) { .readBuffer($0, region.command(arguments)) }
        }
        buffer.mappings.append(
            ClientBuffer.Mapping(
                pointer: pointer, offset: region.offset, size: region.size, isWritten: access.writes, call: call,
                shadow: shadow))
        arguments.giveEvent(self, type: CL_COMMAND_MAP_BUFFER, call: call)
        if isBlocking { try wait(for: call, of: buffer, on: arguments.queue) }
        return pointer
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
            try session.write(
                UnsafeRawBufferPointer(start: mapping.pointer, count: mapping.size),
                BufferCommand(
                    queue: arguments.queue.id, buffer: buffer.id, offset: UInt64(mapping.offset),
                    size: UInt64(mapping.size), order: arguments.order))
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
