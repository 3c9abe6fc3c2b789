import COpenCL
import DeviceDrivers
import FleetModel
import RemotingCore

/// Carries out the requests of one session on a device, and trusts nothing in them: ids are looked up, sizes and
/// offsets checked, and memory taken from the session's slice before the device hears of it.
///
/// An error of a creation stays with its id; an error of a command stays with its event, and with its queue until the
/// queue's next answer (``OpenCLRequest``). The client's queues all run on the device's one queue, in order, so that
/// wait lists need only be checked, not waited for.
struct SessionInterpreter<Device: ComputeDevice> {
    typealias Slot<Value> = Result<Value, OpenCLFailure>

    /// A piece of an answer: a message, or a message whose bulk data follows it.
    typealias Send = (_ head: [UInt8], _ bulk: UnsafeRawBufferPointer) throws(SessionEnd) -> Void

    let device: Device
    let account: SliceAccount
    var contexts = ObjectTable<Slot<Void>>(capacity: 256)
    var queues = ObjectTable<Slot<Void>>(capacity: 1_024)
    var buffers = ObjectTable<Slot<HeldBuffer<Device>>>(capacity: OpenCLInterface.objectsPerKind)
    var programs = ObjectTable<Slot<HeldProgram<Device>>>(capacity: 4_096)
    var kernels = ObjectTable<Slot<HeldKernel<Device>>>(capacity: OpenCLInterface.objectsPerKind)
    var events = ObjectTable<Slot<Device.Event>>(capacity: OpenCLInterface.objectsPerKind)
    var errors = DeferredErrors()
    var running: RunningCommands<Device>
    var sourceBytes = 0
    private var nextSerial: UInt64 = 0

    init(device: Device, account: SliceAccount) {
        self.device = device
        self.account = account
        running = RunningCommands(account: account)
    }

    /// Carries out one request and sends its answers. Throws when the connection ends meanwhile.
    mutating func execute(_ request: OpenCLRequest, send: Send) throws(SessionEnd) {
        switch request {
        case .createContext, .createQueue, .createBuffer, .createProgram, .appendSource, .createKernel, .setArgument,
            .release:
            change(request)
        case .writeBuffer, .copyBuffer, .fillBuffer, .launchKernel, .marker, .flush:
            enqueue(request)
        case .buildProgram(let call, let program, let options):
            try answer(.programBuilt(call, build(program, options: Array(options))), send)
        case .readBuffer(let call, let command):
            try read(call, command, send)
        case .finish(let call, let queue):
            try answer(.completed(call, finish(queue)), send)
        case .waitForEvents(let call, let ids):
            try answer(.completed(call, wait(for: ids)), send)
        case .queryEvent(let call, let id):
            try answer(.eventStatus(call, status(of: id)), send)
        case .queryObject(let call, let kind, let id, let parameter):
            try answer(query(call, kind, id, parameter), send)
        }
    }

    /// Called when nothing more has arrived: lets commands begin and accounts for those that have ended. Returns
    /// whether any is still running.
    mutating func settle() -> Bool {
        device.flush()
        errors.add(running.reap())
        return !running.isEmpty
    }

    func answer(_ response: OpenCLResponse, _ send: Send) throws(SessionEnd) {
        try send(response.encoded(), UnsafeRawBufferPointer(start: nil, count: 0))
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

    init(_ buffer: Device.Buffer, flags: UInt64, size: Int, serial: UInt64) {
        device = buffer
        self.flags = flags
        self.size = size
        self.serial = serial
    }

    /// Whether `size` bytes from `offset` lie within the buffer.
    func contains(offset: UInt64, size: UInt64) -> Bool {
        let (end, overflow) = offset.addingReportingOverflow(size)
        return !overflow && end <= UInt64(self.size)
    }
}

final class HeldProgram<Device: ComputeDevice> {
    var source: [UInt8] = []
    /// Nil before the first build that succeeds.
    var built: Device.Program?
    var hasBeenBuilt = false
}

final class HeldKernel<Device: ComputeDevice> {
    enum Argument {
        case set
        /// The buffer's id and serial: it must be the same one at the launch.
        case buffer(ObjectID, serial: UInt64)
        case failed(OpenCLFailure)
    }
    let device: Device.Kernel
    var arguments: [UInt32: Argument] = [:]

    init(_ kernel: Device.Kernel) { device = kernel }
}
