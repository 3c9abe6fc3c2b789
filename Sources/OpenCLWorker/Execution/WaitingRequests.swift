import COpenCL
import RemotingCore

/// An event of a session.
enum SessionEvent<Event: DeviceEvent> {
    /// Of a command that the device has.
    case taken(Event)
    /// Of a command that waits for a user event, and that the device has not got yet.
    case waiting
    /// The client's own: `CL_SUBMITTED` until the client says how it ended.
    case user(status: Int32)

    /// Whether only the client can bring its end nearer.
    var isOpen: Bool {
        switch self {
        case .taken: false
        case .waiting: true
        case .user(let status): status > CL_COMPLETE
        }
    }

    var status: EventStatus {
        switch self {
        case .taken(let event): event.status()
        case .waiting: EventStatus(status: CL_QUEUED)
        case .user(let status): EventStatus(status: status)
        }
    }

    /// Waits for the end of a command that the device has. Returns 0 or the negative error.
    func wait() -> Int32 {
        switch self {
        case .taken(let event): event.wait()
        case .waiting: CL_COMPLETE
        case .user(let status): min(status, CL_COMPLETE)
        }
    }
}

/// Requests that wait for user events, in the order in which they came; at most ``capacity``, with at most
/// ``greatestBytes`` of data, wait lists and arguments.
struct WaitingRequests {
    struct Entry {
        var request: OpenCLRequest
        /// The request's number.
        var number: UInt64 = 0
        /// The arguments that the kernel had, where the request launches one.
        var arguments: [UInt32: KernelArgument]?

        /// Bytes that the entry keeps in memory: whatever of its size the client chooses.
        fileprivate var cost: Int {
            let waitList = (request.command?.order.waitFor.count ?? 0) * MemoryLayout<ObjectID>.stride
            let values = arguments?.values.reduce(0) { sum, value in
                if case .value(let bytes) = value {
                    sum + Self.leastArgument + bytes.count
                } else {
                    sum + Self.leastArgument
                }
            }
            return request.bulk + waitList + (values ?? 0)
        }

        /// What an argument takes beside the bytes of its value.
        private static let leastArgument = 64
    }

    static let capacity = 16_384
    static let greatestBytes = 256 << 20

    private(set) var entries: [Entry] = []
    private var bytes = 0
    private var commands: [ObjectID: Int] = [:]
    private var barriers: [ObjectID: Int] = [:]

    var isEmpty: Bool { entries.isEmpty }
    /// The number of the one that came first; nil where none waits.
    var oldestRequest: UInt64? { entries.first?.number }

    /// False when there is no room.
    mutating func append(_ entry: Entry) -> Bool {
        let cost = entry.cost
        guard entries.count < Self.capacity, bytes + cost <= Self.greatestBytes else { return false }
        entries.append(entry)
        bytes += cost
        if let (queue, _) = entry.request.command {
            commands[queue, default: 0] += 1
            if case .marker(_, _, isBarrier: true) = entry.request { barriers[queue, default: 0] += 1 }
        }
        return true
    }

    func hasCommands(of queue: ObjectID) -> Bool { commands[queue] != nil }
    func hasBarriers(of queue: ObjectID) -> Bool { barriers[queue] != nil }
}

extension OpenCLRequest {
    /// The queue and the order of a request that enqueues a command; nil for others.
    var command: (queue: ObjectID, order: CommandOrder)? {
        switch self {
        case .writeBuffer(let command, _), .readBuffer(_, let command), .fillBuffer(let command, _):
            (command.queue, command.order)
        case .copyBuffer(let copy): (copy.queue, copy.order)
        case .writeRectangle(let command, _), .readRectangle(_, let command): (command.queue, command.order)
        case .copyRectangle(let copy): (copy.queue, copy.order)
        case .writeImage(let command, _), .readImage(_, let command), .copyImage(let command, _),
            .fillImage(let command, _):
            (command.queue, command.order)
        case .launchKernel(let launch): (launch.queue, launch.order)
        case .marker(let queue, let order, _): (queue, order)
        default: nil
        }
    }

    /// Bytes of data that the request carries.
    fileprivate var bulk: Int {
        switch self {
        case .writeBuffer(_, let data), .writeRectangle(_, let data), .writeImage(_, let data): data.count
        default: 0
        }
    }
}
