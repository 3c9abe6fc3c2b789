import COpenCL
import RemotingCore

/// What a command was called with beside its own arguments: the queue, what it waits for, where its event goes.
struct CommandArguments {
    let queue: ClientQueue
    private let waitFor: [ObjectID]
    private let waitsForFailed: Bool
    private let eventHandle: UnsafeMutablePointer<cl_event?>?
    let order: CommandOrder

    init(
        _ library: Library, _ queue: cl_command_queue?, _ count: cl_uint, _ list: UnsafePointer<cl_event?>?,
        _ event: UnsafeMutablePointer<cl_event?>?
    ) throws(OpenCLError) {
        self.queue = try library.object(queue, or: CL_INVALID_COMMAND_QUEUE)
        (waitFor, waitsForFailed) = try Self.waitList(library, self.queue, count, list)
        eventHandle = event
        order = CommandOrder(waitFor: waitFor, event: event == nil ? .none : self.queue.session.newID())
    }

    /// Makes the command's event, now that the command is on its way.
    func giveEvent(_ library: Library, type: cl_int, call: PendingCall? = nil) {
        guard let eventHandle else { return }
        eventHandle.pointee = library.add(
            ClientEvent(order.event, queue: queue, commandType: cl_command_type(type), call: call))
    }

    /// Throws what a blocking command does that waits for one which is known to have failed.
    func checkWaitList(isBlocking: cl_bool) throws(OpenCLError) {
        try require(isBlocking == 0 || !waitsForFailed, or: CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST)
    }

    /// The events to wait for, without those that are known to be complete, and whether one is known to have failed.
    private static func waitList(
        _ library: Library, _ queue: ClientQueue, _ count: cl_uint, _ list: UnsafePointer<cl_event?>?
    ) throws(OpenCLError) -> ([ObjectID], Bool) {
        try require((count == 0) == (list == nil), or: CL_INVALID_EVENT_WAIT_LIST)
        var ids: [ObjectID] = []
        var hasFailed = false
        for index in 0..<Int(count) {
            let event: ClientEvent = try library.object(list?[index], or: CL_INVALID_EVENT_WAIT_LIST)
            try require(event.context === queue.context, or: CL_INVALID_CONTEXT)
            let status = event.finalStatus
            if status != CL_COMPLETE { ids.append(event.id) }
            if let status, status < 0 { hasFailed = true }
        }
        try require(ids.count <= OpenCLInterface.waitList, or: CL_OUT_OF_RESOURCES)
        return (ids, hasFailed)
    }
}

/// A region of a buffer as a command names it, checked.
struct RegionArguments {
    let buffer: ClientBuffer
    let offset: Int
    let size: Int

    init(
        _ library: Library, _ queue: ClientQueue, _ buffer: cl_mem?, offset: Int, size: Int
    ) throws(OpenCLError) {
        self.buffer = try library.object(buffer, or: CL_INVALID_MEM_OBJECT)
        self.offset = offset
        self.size = size
        try require(self.buffer.image == nil, or: CL_INVALID_MEM_OBJECT)
        try require(self.buffer.context === queue.context, or: CL_INVALID_CONTEXT)
        try require(
            offset >= 0 && size > 0 && size <= self.buffer.size && offset <= self.buffer.size - size,
            or: CL_INVALID_VALUE)
    }

    func command(_ arguments: CommandArguments) -> BufferCommand {
        BufferCommand(
            queue: arguments.queue.id, buffer: buffer.id, offset: UInt64(offset), size: UInt64(size),
            order: arguments.order)
    }
}

func enqueueReadBuffer(
    _ queue: cl_command_queue?, _ buffer: cl_mem?, _ blocking: cl_bool, _ offset: Int, _ size: Int,
    _ target: UnsafeMutableRawPointer?, _ waitCount: cl_uint, _ waitList: UnsafePointer<cl_event?>?,
    _ event: UnsafeMutablePointer<cl_event?>?
) -> cl_int {
    perform { library throws(OpenCLError) in
        let arguments = try CommandArguments(library, queue, waitCount, waitList, event)
        let region = try RegionArguments(library, arguments.queue, buffer, offset: offset, size: size)
        try require(target != nil, or: CL_INVALID_VALUE)
        try region.buffer.requireHostAccess(reads: true)
        let session = arguments.queue.session
        let call = try session.begin(
            queue: arguments.queue, destination: UnsafeMutableRawBufferPointer(start: target, count: size)
        ) { .readBuffer($0, region.command(arguments)) }
        arguments.giveEvent(library, type: CL_COMMAND_READ_BUFFER, call: call)
        guard blocking != 0 else { return }
        try session.wait(for: call)
        try arguments.queue.reportError()
        try require(call.code == CL_SUCCESS, or: call.code)
    }
}

/// The data is copied before this returns, so that blocking and not blocking are the same.
func enqueueWriteBuffer(
    _ queue: cl_command_queue?, _ buffer: cl_mem?, _ blocking: cl_bool, _ offset: Int, _ size: Int,
    _ source: UnsafeRawPointer?, _ waitCount: cl_uint, _ waitList: UnsafePointer<cl_event?>?,
    _ event: UnsafeMutablePointer<cl_event?>?
) -> cl_int {
    perform { library throws(OpenCLError) in
        let arguments = try CommandArguments(library, queue, waitCount, waitList, event)
        let region = try RegionArguments(library, arguments.queue, buffer, offset: offset, size: size)
        try require(source != nil, or: CL_INVALID_VALUE)
        try region.buffer.requireHostAccess(writes: true)
        try arguments.checkWaitList(isBlocking: blocking)
        try arguments.queue.session.write(
            UnsafeRawBufferPointer(start: source, count: size), region.command(arguments))
        arguments.giveEvent(library, type: CL_COMMAND_WRITE_BUFFER)
    }
}

func enqueueCopyBuffer(
    _ queue: cl_command_queue?, _ source: cl_mem?, _ destination: cl_mem?, _ sourceOffset: Int,
    _ destinationOffset: Int, _ size: Int, _ waitCount: cl_uint, _ waitList: UnsafePointer<cl_event?>?,
    _ event: UnsafeMutablePointer<cl_event?>?
) -> cl_int {
    perform { library throws(OpenCLError) in
        let arguments = try CommandArguments(library, queue, waitCount, waitList, event)
        let from = try RegionArguments(library, arguments.queue, source, offset: sourceOffset, size: size)
        let to = try RegionArguments(library, arguments.queue, destination, offset: destinationOffset, size: size)
        let distance = from.buffer.origin + sourceOffset - to.buffer.origin - destinationOffset
        let overlaps = from.buffer.owner === to.buffer.owner && abs(distance) < size
        try require(!overlaps, or: CL_MEM_COPY_OVERLAP)
        try arguments.queue.session.send(
            .copyBuffer(
                BufferCopy(
                    queue: arguments.queue.id, source: from.buffer.id, destination: to.buffer.id,
                    sourceOffset: UInt64(sourceOffset), destinationOffset: UInt64(destinationOffset),
                    size: UInt64(size), order: arguments.order)))
        arguments.giveEvent(library, type: CL_COMMAND_COPY_BUFFER)
    }
}

func enqueueFillBuffer(
    _ queue: cl_command_queue?, _ buffer: cl_mem?, _ pattern: UnsafeRawPointer?, _ patternSize: Int, _ offset: Int,
    _ size: Int, _ waitCount: cl_uint, _ waitList: UnsafePointer<cl_event?>?,
    _ event: UnsafeMutablePointer<cl_event?>?
) -> cl_int {
    perform { library throws(OpenCLError) in
        let arguments = try CommandArguments(library, queue, waitCount, waitList, event)
        let region = try RegionArguments(library, arguments.queue, buffer, offset: offset, size: size)
        guard let pattern, (1...OpenCLInterface.fillPattern).contains(patternSize), patternSize.nonzeroBitCount == 1,
            offset % patternSize == 0, size % patternSize == 0
        else { throw OpenCLError(CL_INVALID_VALUE) }
        let bytes = Array(UnsafeRawBufferPointer(start: pattern, count: patternSize))
        try arguments.queue.session.send(.fillBuffer(region.command(arguments), pattern: bytes[...]))
        arguments.giveEvent(library, type: CL_COMMAND_FILL_BUFFER)
    }
}
