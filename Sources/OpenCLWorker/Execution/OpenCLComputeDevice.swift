import COpenCL
import DeviceDrivers
import RemotingCore
import Synchronization
import WorkerControl

/// A device of an OpenCL platform, with the context and the queue of one session.
final class OpenCLComputeDevice: ComputeDevice {
    typealias Buffer = OpenCLObject<cl_mem>
    typealias Kernel = OpenCLKernel

    let functions: OpenCLFunctions
    private let eventFunctions: OpenCLEventFunctions
    let information: DeviceInformation
    let greatestBuffer: UInt64
    let localMemory: UInt64
    let handle: cl_device_id
    let context: cl_context
    let queue: cl_command_queue
    var output: KernelOutput?
    /// What compilations may take of the host's memory; nil where the process is not the session's own.
    var buildMemory: BuildMemory?
    /// Whether what the driver says of kernels' arguments is believed; tests are a driver that says nothing.
    var tellsArguments = true
    /// Where commands wait for the session's turn on the device; nil where nobody divides it.
    var gate: ShareGate?
    /// Whether new memory may hold what another process left in it, so that it is cleared.
    let clearsMemory: Bool
    let builds: BuildWatch
    /// Where sources are compiled before they are built here; nil where they are compiled here.
    var compiler: CompilerProcess?
    /// What the instance's programs have built; nil where nothing is remembered.
    var history: ProgramHistory?
    /// What is built before it is asked for.
    var ahead: ProgramsAhead<OpenCLObject<cl_program>>?
    /// What copies, fills and transfers take.
    private let transferEstimate = CommandEstimate()
    /// Host copies of what was written and has not run yet, and their bytes together; at most ``greatestStaged``.
    private var staged: [Staged] = []
    private var stagedBytes = 0

    /// Opens the device's context, which takes tens of milliseconds, so that no session has to.
    ///
    /// - Parameter clearsMemory: whether to clear what is allocated. As a rule that is where the device has memory of its
    ///   own: a driver for processors takes it from this process, which serves one session and got it from the kernel
    ///   empty.
    init(
        platform: Int, device: Int, clearsMemory: Bool? = nil, longestBuild: Duration = WorkerLimits().build
    ) throws(DeviceDriverError) {
        builds = BuildWatch(limit: longestBuild)
        let library = try OpenCLLibrary()
        let found = try library.device(platform: platform, device: device)
        functions = library.functions
        eventFunctions = OpenCLEventFunctions(library.functions)
        handle = found.handle
        information = DeviceInformation(found)
        let type = found.number(CL_DEVICE_TYPE) ?? 0
        self.clearsMemory = clearsMemory ?? (type & UInt64(CL_DEVICE_TYPE_CPU) == 0)
        greatestBuffer = found.number(CL_DEVICE_MAX_MEM_ALLOC_SIZE) ?? 0
        localMemory = found.number(CL_DEVICE_LOCAL_MEM_SIZE) ?? 0
        var status: cl_int = CL_SUCCESS
        var devices: [cl_device_id?] = [found.handle]
        guard let context = functions.createContext(nil, 1, &devices, nil, nil, &status) else {
            throw DeviceDriverError(.callFailed(status), "clCreateContext failed with OpenCL error \(status)")
        }
        let profiling = cl_command_queue_properties(CL_QUEUE_PROFILING_ENABLE)
        guard let queue = functions.createCommandQueue(context, found.handle, profiling, &status) else {
            throw DeviceDriverError(.callFailed(status), "clCreateCommandQueue failed with OpenCL error \(status)")
        }
        (self.context, self.queue) = (context, queue)
        issueFirstCommand()
    }

    /// The driver reads what is staged until its writes have run.
    deinit { releaseStaged(waitingDownTo: 0) }

    /// A device's first command takes longer than those after it, so it is one of the worker's own. That it fails is
    /// left for a session to find: it is told with the command that it gave.
    private func issueFirstCommand() {
        guard let buffer = try? makeBuffer(flags: 0, size: 4) else { return }
        _ = withUnsafeBytes(of: UInt32(0)) { try? write($0, to: buffer, at: 0) }
    }

    func makeBuffer(flags: UInt64, size: Int) throws(OpenCLFailure) -> Buffer {
        // Which side may read or write is the client library's to enforce; flags that name host memory are not for
        // here.
        let access = flags & UInt64(CL_MEM_READ_WRITE | CL_MEM_WRITE_ONLY | CL_MEM_READ_ONLY)
        var status: cl_int = CL_SUCCESS
        guard let buffer = functions.createBuffer(context, cl_mem_flags(access), size, nil, &status) else {
            throw OpenCLFailure(status)
        }
        let made: Buffer = OpenCLObject(buffer, releasedBy: functions.releaseMemObject)
        if clearsMemory { try clear(made, size: size) }
        return made
    }

    /// Commands of the session come after it in the one queue.
    private func clear(_ buffer: Buffer, size: Int) throws(OpenCLFailure) {
        // The widest pattern that the size is a multiple of: some drivers write no more than one at a time.
        let width = min(16, 1 << size.trailingZeroBitCount)
        _ = try fill(buffer, at: 0, size: size, pattern: [UInt8](repeating: 0, count: width)[...])
    }

    func write(_ bytes: UnsafeRawBufferPointer, to buffer: Buffer, at offset: Int) throws(OpenCLFailure) -> OpenCLEvent
    {
        try command { event in
            functions.enqueueWriteBuffer(
                queue, buffer.handle, cl_bool(CL_TRUE), offset, bytes.count, bytes.baseAddress, 0, nil, event)
        }
    }

    func enqueueWrite(
        _ bytes: ArraySlice<UInt8>, to buffer: Buffer, at offset: Int
    ) throws(OpenCLFailure) -> OpenCLEvent {
        let outcome = bytes.withUnsafeBytes { source in
            Result { () throws(OpenCLFailure) in
                guard source.count >= Self.keptWrite else {
                    return try stage(source) { copy, event in
                        functions.enqueueWriteBuffer(
                            queue, buffer.handle, cl_bool(CL_FALSE), offset, copy.count, copy.baseAddress, 0, nil, event
                        )
                    }
                }
                // Counted as the whole frame that it may keep in memory.
                releaseStaged(waitingDownTo: Self.greatestStaged - SessionLimits.framePayload)
                let event = try command { event in
                    functions.enqueueWriteBuffer(
                        queue, buffer.handle, cl_bool(CL_FALSE), offset, source.count, source.baseAddress, 0, nil, event
                    )
                }
                // An array's bytes stay where they are as long as someone holds it and nobody writes to it.
                staged.append(Staged(event: event, count: SessionLimits.framePayload, kept: bytes))
                stagedBytes += SessionLimits.framePayload
                return event
            }
        }
        return try outcome.get()
    }

    /// Bytes from which on a write is not copied but kept with its message.
    private static let keptWrite = 128 << 10

    /// The bytes of a write that has not run: a copy of them, or the message that they came in.
    private struct Staged {
        var event: OpenCLEvent
        var count: Int
        var copy: UnsafeMutableRawBufferPointer?
        var kept: ArraySlice<UInt8>?
    }

    /// Keeps a copy of `bytes` until the command that `enqueue` gives to the device has run.
    func stage(
        _ bytes: UnsafeRawBufferPointer,
        _ enqueue: (UnsafeMutableRawBufferPointer, UnsafeMutablePointer<cl_event?>) -> cl_int
    ) throws(OpenCLFailure) -> OpenCLEvent {
        releaseStaged(waitingDownTo: Self.greatestStaged - bytes.count)
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 64)
        copy.copyMemory(from: bytes)
        do {
            let event = try command { event in enqueue(copy, event) }
            staged.append(Staged(event: event, count: copy.count, copy: copy))
            stagedBytes += copy.count
            return event
        } catch {
            copy.deallocate()
            throw error
        }
    }

    private static let greatestStaged = 16 << 20

    /// Frees the copies whose writes have run, and waits for the oldest while more than `bytes` are held.
    private func releaseStaged(waitingDownTo bytes: Int) {
        var freed = 0
        for item in staged {
            if stagedBytes > bytes { _ = item.event.wait() } else if item.event.executionStatus > CL_COMPLETE { break }
            stagedBytes -= item.count
            item.copy?.deallocate()
            freed += 1
        }
        staged.removeFirst(freed)
    }

    func read(
        _ bytes: UnsafeMutableRawBufferPointer, from buffer: Buffer, at offset: Int
    ) throws(OpenCLFailure) -> OpenCLEvent {
        try command { event in
            functions.enqueueReadBuffer(
                queue, buffer.handle, cl_bool(CL_TRUE), offset, bytes.count, bytes.baseAddress, 0, nil, event)
        }
    }

    func enqueueRead(
        _ bytes: UnsafeMutableRawBufferPointer, from buffer: Buffer, at offset: Int
    ) throws(OpenCLFailure) -> OpenCLEvent {
        try command { event in
            functions.enqueueReadBuffer(
                queue, buffer.handle, cl_bool(CL_FALSE), offset, bytes.count, bytes.baseAddress, 0, nil, event)
        }
    }

    func copy(_ region: CopyRegion, from source: Buffer, to destination: Buffer) throws(OpenCLFailure) -> OpenCLEvent {
        try command { event in
            functions.enqueueCopyBuffer(
                queue, source.handle, destination.handle, region.sourceOffset, region.destinationOffset, region.size,
                0, nil, event)
        }
    }

    func fill(
        _ buffer: Buffer, at offset: Int, size: Int, pattern: ArraySlice<UInt8>
    ) throws(OpenCLFailure) -> OpenCLEvent {
        try command { event in
            pattern.withUnsafeBytes {
                functions.enqueueFillBuffer(
                    queue, buffer.handle, $0.baseAddress, $0.count, offset, size, 0, nil, event)
            }
        }
    }

    func launch(_ kernel: OpenCLKernel, _ launch: KernelLaunch) throws(OpenCLFailure) -> OpenCLEvent {
        guard Self.areSizes(launch.globalOffset), Self.areSizes(launch.globalSize), Self.areSizes(launch.localSize)
        else { throw OpenCLFailure(CL_INVALID_GLOBAL_WORK_SIZE) }
        // Three `size_t` in a row, as the API takes them.
        return try command(kernel.estimate) { event in
            withUnsafeTemporaryAllocation(of: Int.self, capacity: 9) { sizes in
                for (index, vector) in [launch.globalOffset, launch.globalSize, launch.localSize].enumerated() {
                    for side in 0..<3 { sizes[index * 3 + side] = Int(vector[side]) }
                }
                guard let start = sizes.baseAddress.map({ UnsafePointer($0) }) else { return CL_OUT_OF_HOST_MEMORY }
                return functions.enqueueNDRangeKernel(
                    queue, kernel.object.handle, cl_uint(launch.dimensions), start, start + 3,
                    launch.localSize == .zero ? nil : start + 6, 0, nil, event)
            }
        }
    }

    /// Whether the components are values of `size_t` here.
    private static func areSizes(_ vector: SIMD3<UInt64>) -> Bool {
        vector.max() <= UInt64(Int.max)
    }

    func marker() throws(OpenCLFailure) -> OpenCLEvent {
        try command { functions.enqueueMarkerWithWaitList(queue, 0, nil, $0) }
    }

    func flush() {
        _ = functions.flush(queue)
        if !staged.isEmpty { releaseStaged(waitingDownTo: Self.greatestStaged) }
    }

    func command(
        _ estimate: CommandEstimate? = nil, _ enqueue: (UnsafeMutablePointer<cl_event?>) -> cl_int
    ) throws(OpenCLFailure) -> OpenCLEvent {
        guard let gate else { return try make(enqueue) }
        let estimate = estimate ?? transferEstimate
        gate.enter(estimate) { _ = functions.flush(queue) }
        do {
            let event = try make(enqueue)
            gate.let(event, through: estimate)
            return event
        } catch {
            gate.withdraw()
            throw error
        }
    }

    private func make(_ enqueue: (UnsafeMutablePointer<cl_event?>) -> cl_int) throws(OpenCLFailure) -> OpenCLEvent {
        var event: cl_event?
        let status = enqueue(&event)
        guard status == CL_SUCCESS else { throw OpenCLFailure(status) }
        guard let event else { throw OpenCLFailure(CL_OUT_OF_RESOURCES) }
        return OpenCLEvent(event, eventFunctions)
    }
}

/// An object of the OpenCL API, released with its last owner.
class OpenCLObject<Handle> {
    let handle: Handle
    private let releaseHandle: (Handle) -> cl_int

    init(_ handle: Handle, releasedBy release: @escaping (Handle) -> cl_int) {
        self.handle = handle
        releaseHandle = release
    }

    deinit { _ = releaseHandle(handle) }
}

/// A command of an OpenCL queue.
///
/// Sendable because the API allows all of its calls on any thread (OpenCL 3.0, section 2.1), and what changes here is atomic.
final class OpenCLEvent: DeviceEvent, @unchecked Sendable {
    private let handle: cl_event
    private let functions: OpenCLEventFunctions
    /// The nanoseconds that a command which ended well took, and one; 0 before that is known. The gate and the account
    /// both ask.
    private let knownBusy = Atomic<UInt64>(0)

    init(_ handle: cl_event, _ functions: OpenCLEventFunctions) {
        self.handle = handle
        self.functions = functions
    }

    deinit { _ = functions.releaseEvent(handle) }

    func wait() -> Int32 {
        var handle: cl_event? = handle
        _ = functions.waitForEvents(1, &handle)
        return min(executionStatus, 0)
    }

    func ending() -> CommandEnding? {
        let known = knownBusy.load(ordering: .relaxed)
        if known > 0 { return CommandEnding(code: CL_SUCCESS, busyNanoseconds: known - 1) }
        // Times are there when a command has run to its end (OpenCL 3.0, section 5.14), so that most need no other call.
        var (started, ended): (cl_ulong, cl_ulong) = (0, 0)
        let size = MemoryLayout<cl_ulong>.size
        if functions.getEventProfilingInfo(handle, cl_profiling_info(CL_PROFILING_COMMAND_END), size, &ended, nil)
            == CL_SUCCESS,
            functions.getEventProfilingInfo(
                handle, cl_profiling_info(CL_PROFILING_COMMAND_START), size, &started, nil) == CL_SUCCESS
        {
            let busy = ended > started ? ended - started : 0
            knownBusy.store(busy &+ 1, ordering: .relaxed)
            return CommandEnding(code: CL_SUCCESS, busyNanoseconds: busy)
        }
        let status = executionStatus
        return status > CL_COMPLETE ? nil : CommandEnding(code: status, busyNanoseconds: 0)
    }

    /// `CL_QUEUED` and so on, or a negative error.
    var executionStatus: Int32 {
        var status: cl_int = 0
        let code = functions.getEventInfo(
            handle, cl_event_info(CL_EVENT_COMMAND_EXECUTION_STATUS), MemoryLayout<cl_int>.size, &status, nil)
        return code == CL_SUCCESS ? status : code
    }

    func status() -> EventStatus {
        var status = EventStatus(status: executionStatus)
        guard status.status == CL_COMPLETE else { return status }
        status.queued = time(CL_PROFILING_COMMAND_QUEUED)
        status.submitted = time(CL_PROFILING_COMMAND_SUBMIT)
        status.started = time(CL_PROFILING_COMMAND_START)
        status.ended = time(CL_PROFILING_COMMAND_END)
        return status
    }

    private func time(_ parameter: Int32) -> UInt64 {
        var time: cl_ulong = 0
        let code = functions.getEventProfilingInfo(
            handle, cl_profiling_info(parameter), MemoryLayout<cl_ulong>.size, &time, nil)
        return code == CL_SUCCESS ? UInt64(time) : 0
    }
}

/// The calls on events: one for all of a device's, so that an event is small.
final class OpenCLEventFunctions: Sendable {
    let waitForEvents: cl_api_clWaitForEvents
    let getEventInfo: cl_api_clGetEventInfo
    let getEventProfilingInfo: cl_api_clGetEventProfilingInfo
    let releaseEvent: cl_api_clReleaseEvent

    init(_ functions: OpenCLFunctions) {
        waitForEvents = functions.waitForEvents
        getEventInfo = functions.getEventInfo
        getEventProfilingInfo = functions.getEventProfilingInfo
        releaseEvent = functions.releaseEvent
    }
}
