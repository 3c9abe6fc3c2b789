import COpenCL
import DeviceDrivers
import FleetModel
import RemotingCore

/// Carries out the requests of one session on a device, and trusts nothing in them: ids are looked up, sizes and
/// offsets checked, and memory taken from the session's slice before the device hears of it.
///
/// An error of a creation stays with its id; an error of a command stays with its event, and with its queue until the
/// queue's next answer (``OpenCLRequest``). The client's queues all run on the device's one queue, in order, so that
/// wait lists need only be checked, not waited for. What waits for a user event is held back, with what must come
/// after it, until the client ends the event.
struct SessionInterpreter<Device: ComputeDevice> {
    typealias Slot<Value> = Result<Value, OpenCLFailure>

    /// A piece of an answer: a message, or a message whose bulk data follows it. Bulk with an owner stays as it is as long
    /// as that lives, so that it need not be copied.
    typealias Send = (_ head: [UInt8], _ bulk: UnsafeRawBufferPointer, _ owner: AnyObject?) throws(SessionEnd) -> Void

    let device: Device
    let account: SliceAccount
    var contexts = ObjectTable<Slot<Void>>(capacity: 256)
    var queues = ObjectTable<Slot<HeldQueue>>(capacity: 1_024)
    var buffers = ObjectTable<Slot<HeldBuffer<Device>>>(capacity: OpenCLInterface.objectsPerKind)
    var programs = ObjectTable<Slot<HeldProgram<Device>>>(capacity: 4_096)
    var kernels = ObjectTable<Slot<HeldKernel<Device>>>(capacity: OpenCLInterface.objectsPerKind)
    var events = ObjectTable<Slot<SessionEvent<Device.Event>>>(capacity: OpenCLInterface.objectsPerKind)
    var samplers = ObjectTable<Slot<Device.Sampler>>(capacity: 4_096)
    var errors = DeferredErrors()
    var running: RunningCommands<Device>
    /// What waits for user events, and how many of these the client has not ended.
    var waiting = WaitingRequests()
    var openUserEvents = 0
    var watches: [(call: CallID, event: ObjectID, number: UInt64)] = []
    var sourceBytes = 0
    /// Whether the client understands messages that answer no request of its own.
    var tellsOutput = true
    private var nextSerial: UInt64 = 0
    /// The requests that came: the number of the next.
    private var requests: UInt64 = 0
    /// The number of the request that is carried out.
    var current: UInt64 = 0
    private var lastCompleted: UInt64 = 0

    init(device: Device, account: SliceAccount) {
        self.device = device
        self.account = account
        running = RunningCommands(account: account)
    }

    /// Carries out one request and sends its answers. Throws when the connection ends meanwhile.
    mutating func execute(_ request: OpenCLRequest, send: Send) throws(SessionEnd) {
        current = requests
        requests += 1
        if mustWait(request) { try hold(request, send) } else { try perform(request, send) }
    }

    mutating func perform(_ request: OpenCLRequest, _ send: Send) throws(SessionEnd) {
        switch request {
        case .createContext, .createQueue, .createBuffer, .createSubBuffer, .createProgram, .appendSource,
            .appendBinary, .createKernel, .setArgument, .createUserEvent, .createImage, .createSampler, .release:
            change(request)
        case .writeBuffer, .copyBuffer, .fillBuffer, .writeRectangle, .copyRectangle, .writeImage, .copyImage,
            .fillImage,
            .launchKernel, .marker, .flush:
            enqueue(request)
        case .setUserEventStatus(let id, let status):
            try end(id, status: status, request, send)
        default:
            try reply(to: request, send)
        }
    }

    private mutating func reply(to request: OpenCLRequest, _ send: Send) throws(SessionEnd) {
        switch request {
        case .buildProgram(let call, let program, let options):
            try answer(.programBuilt(call, build(program, options: Array(options))), send)
        case .readBuffer(let call, let command):
            try read(call, command, send)
        case .finish(let call, let queue):
            let completion = finish(queue)
            try sendOutput(send)
            try answer(.completed(call, completion), send)
        case .waitForEvents(let call, let ids):
            let completion = wait(for: ids)
            try sendOutput(send)
            try answer(.completed(call, completion), send)
        case .queryEvent(let call, let id):
            try answer(.eventStatus(call, status(of: id)), send)
        case .queryObject(let call, let kind, let id, let parameter):
            try answer(query(call, kind, id, parameter), send)
        case .readRectangle(let call, let command):
            try read(call, command, send)
        case .readImage(let call, let command):
            try read(call, command, send)
        case .queryFormats(let call, let flags, let kind):
            try answer(formats(call, flags: flags, kind: kind), send)
        case .watchEvent(let call, let id):
            try watch(call, id, send)
        case .compileProgram(let call, let program, let options, let headers):
            try answer(.programBuilt(call, compile(program, options: Array(options), headers)), send)
        case .linkProgram(let call, let id, let context, let options, let inputs):
            try answer(.programBuilt(call, link(id, context, options: Array(options), inputs)), send)
        case .loadBinary(let call, let program):
            try answer(.completed(call, Completion(code: load(program))), send)
        case .readBinary(let call, let program):
            try readBinary(call, program, send)
        default:
            preconditionFailure("carried out elsewhere")
        }
    }

    /// Files the errors of commands that were accounted for; of a queue that the client has released it hears none.
    mutating func file(_ ended: [DeferredError]) {
        guard !ended.isEmpty else { return }
        errors.add(ended.filter { queues[$0.object] != nil })
    }

    /// Every request before this number has ended, and all that the client is to hear of them was sent, but for what was
    /// printed (``sendOutput(_:)``): the device has no command of theirs, none is held back, no event is watched, and no
    /// error waits for an answer to carry it. Commands are seen to have ended when they are accounted for, which this does
    /// not do. To be asked between two requests. O(1).
    mutating func completed() -> UInt64 {
        guard errors.isEmpty else { return lastCompleted }
        lastCompleted = min(
            running.oldestRequest ?? requests, waiting.oldestRequest ?? requests, watches.first?.number ?? requests)
        return lastCompleted
    }

    /// Called when nothing more has arrived: lets commands begin, accounts for those that have ended, and answers who
    /// watches their events. Returns the milliseconds after which to call it again; -1 for never.
    mutating func settle(_ send: Send) throws(SessionEnd) -> Int32 {
        device.flush()
        file(running.reap())
        try sendOutput(send)
        if !watches.isEmpty { try answerWatches(send) }
        guard !running.isEmpty else { return -1 }
        return watches.isEmpty ? Self.accountingPeriod : Self.watchPeriod
    }

    /// While commands run and none come, the account is brought up to date this often, in milliseconds.
    private static var accountingPeriod: Int32 { 100 }
    /// And this often where a client watches for an event.
    private static var watchPeriod: Int32 { 1 }

    func answer(_ response: OpenCLResponse, _ send: Send) throws(SessionEnd) {
        try send(response.encoded(), UnsafeRawBufferPointer(start: nil, count: 0), nil)
    }

    /// Sends what kernels have printed.
    func sendOutput(_ send: Send) throws(SessionEnd) {
        guard let output = device.output else { return }
        while case let bytes = output.take(OpenCLInterface.chunk), !bytes.isEmpty {
            // It needs that, whether its client can be told or not.
            account.noteUse(of: InterfaceCapability.kernelOutput)
            // A client of an older revision would take it for a fault.
            if tellsOutput { try answer(.output(bytes[...]), send) }
        }
        if running.isEmpty { output.clear() }
    }

    /// A number that no other buffer of the session has had.
    mutating func makeSerial() -> UInt64 {
        nextSerial += 1
        return nextSerial
    }

    /// What `id` names in `table`, or the failure that its creation came to; `missing` when it names nothing.
    func find<Value>(
        _ id: ObjectID, in table: ObjectTable<Slot<Value>>, orThrow missing: Int32
    ) throws(OpenCLFailure) -> Value {
        guard let slot = table[id] else { throw OpenCLFailure(missing) }
        return try slot.get()
    }
}

/// A buffer, and the memory that it takes of the session's slice while it exists.
final class HeldBuffer<Device: ComputeDevice> {
    let device: Device.Buffer
    let flags: UInt64
    let size: Int
    /// Tells this buffer from a later one that was given the same id.
    let serial: UInt64
    /// The buffer of which this is a part, and where in it this begins.
    let parent: HeldBuffer?
    let origin: Int
    /// What it is where it is no buffer.
    var image: ImageDescription?
    /// The parts of this that the client has.
    var parts = 0
    var isReleased = false

    init(
        _ buffer: Device.Buffer, flags: UInt64, size: Int, serial: UInt64, parent: HeldBuffer? = nil, origin: Int = 0
    ) {
        self.parent = parent
        self.origin = origin
        device = buffer
        self.flags = flags
        self.size = size
        self.serial = serial
    }

    /// The buffer whose memory this is.
    var owner: HeldBuffer { parent ?? self }

    /// Whether `size` bytes from `offset` lie within the buffer.
    func contains(offset: UInt64, size: UInt64) -> Bool {
        guard image == nil else { return false }
        let (end, overflow) = offset.addingReportingOverflow(size)
        return !overflow && end <= UInt64(self.size)
    }
}

struct HeldQueue {
    var isOutOfOrder: Bool
}

final class HeldProgram<Device: ComputeDevice> {
    var source: [UInt8] = []
    var binary: [UInt8] = []
    /// What the device made of the binary.
    var loaded: Device.Program?
    /// Nil before the first compilation that succeeds.
    var compiled: Device.Program?
    /// Nil before the first build that succeeds.
    var built: Device.Program?
    var hasBeenBuilt = false
}

final class HeldKernel<Device: ComputeDevice> {
    enum Argument {
        case set
        /// The buffer's id and serial: it must be the same one at the launch.
        case buffer(ObjectID, serial: UInt64)
        case sampler(ObjectID)
        case failed(OpenCLFailure)
    }
    let device: Device.Kernel
    var arguments: [UInt32: Argument] = [:]
    /// As the client gave them.
    var values: [UInt32: KernelArgument] = [:]

    init(_ kernel: Device.Kernel) { device = kernel }
}
