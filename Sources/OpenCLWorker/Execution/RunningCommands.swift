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

    init(account: SliceAccount) { self.account = account }

    var isEmpty: Bool { first == commands.count }

    /// Takes a command in. Waits for the oldest when there are too many, and returns the errors of those that ended.
    mutating func add(_ event: Device.Event, queue: ObjectID, request: UInt16) -> [DeferredError] {
        let errors = commands.count - first < Self.capacity ? [] : drain(Self.capacity / 4)
        commands.append(Command(event: event, queue: queue, request: request))
        return errors
    }

    /// Waits until all have ended; the errors of those that failed.
    mutating func drain() -> [DeferredError] { drain(commands.count - first) }

    /// Accounts for those that have ended, without waiting.
    mutating func reap() -> [DeferredError] {
        var ended = 0
        while first + ended < commands.count, commands[first + ended].event.status().status <= 0 { ended += 1 }
        return drain(ended)
    }

    private mutating func drain(_ count: Int) -> [DeferredError] {
        var errors: [DeferredError] = []
        for command in commands[first..<first + count] {
            let code = command.event.wait()
            if code < 0 { errors.append(DeferredError(request: command.request, object: command.queue, code: code)) }
            let status = command.event.status()
            if status.ended > status.started {
                account.addBusy(.nanoseconds(Int64(clamping: status.ended - status.started)))
            }
        }
        first += count
        if first == commands.count || first >= Self.capacity {
            commands.removeFirst(first)
            first = 0
        }
        return errors
    }
}
