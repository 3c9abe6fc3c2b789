import FleetModel
import RemotingCore

/// The commands that a device has taken and that have not been accounted for, oldest first; at most ``capacity``.
struct RunningCommands<Device: ComputeDevice> {
    private struct Command {
        var event: Device.Event
        var queue: ObjectID
        var request: UInt16
    }

    static var capacity: Int { 4_096 }

    private let account: SliceAccount
    private var commands: [Command] = []
    /// Of `commands`, those before it are accounted for.
    private var first = 0
    /// The numbers of the requests that they are of.
    private var numbers = OldestNumber()

    init(account: SliceAccount) { self.account = account }

    /// Commands that were taken in, ever.
    private(set) var taken = 0

    var isEmpty: Bool { first == commands.count }
    var count: Int { commands.count - first }
    /// The lowest number of a request of which a command is not accounted for; nil where there is none.
    var oldestRequest: UInt64? { numbers.least }

    /// Takes a command of the client's request `number`, of kind `request`, in. Waits for the oldest when there are too
    /// many, and returns the errors of those that ended.
    mutating func add(
        _ event: Device.Event, queue: ObjectID, request: UInt16, number: UInt64
    ) -> [DeferredError] {
        let errors = commands.count - first < Self.capacity ? [] : drain(Self.capacity / 4)
        commands.append(Command(event: event, queue: queue, request: request))
        numbers.append(number)
        taken += 1
        return errors
    }

    /// Waits until all have ended; the errors of those that failed.
    mutating func drain() -> [DeferredError] { drain(commands.count - first) }

    /// Accounts for those that have ended, without waiting.
    mutating func reap() -> [DeferredError] {
        account(for: commands.count - first, waits: false)
    }

    private mutating func drain(_ count: Int) -> [DeferredError] {
        // They end in their order: when the last has, the others have, and need not be waited for one by one.
        if count > 0 { _ = commands[first + count - 1].event.wait() }
        return account(for: count, waits: true)
    }

    /// Accounts for the oldest `count`, or for those before the first that has not ended.
    private mutating func account(for count: Int, waits: Bool) -> [DeferredError] {
        var errors: [DeferredError] = []
        var busy: UInt64 = 0
        var ended = 0
        for command in commands[first..<first + count] {
            var ending = command.event.ending()
            if ending == nil, waits { ending = CommandEnding(code: command.event.wait(), busyNanoseconds: 0) }
            guard let ending else { break }
            if ending.code < 0 {
                errors.append(DeferredError(request: command.request, object: command.queue, code: ending.code))
            }
            busy += ending.busyNanoseconds
            ended += 1
        }
        if busy > 0 { account.addBusy(.nanoseconds(Int64(clamping: busy))) }
        first += ended
        numbers.removeFirst(ended)
        if first == commands.count || first >= Self.capacity {
            commands.removeFirst(first)
            first = 0
        }
        return errors
    }
}
