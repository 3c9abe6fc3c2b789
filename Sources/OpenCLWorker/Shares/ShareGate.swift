import DeviceDrivers
import Glibc
import RemotingCore
import Synchronization
import WorkerControl

/// What commands of one kind took the last time, in nanoseconds of device time; 0 before the first has ended.
final class CommandEstimate: Sendable {
    private let last = Atomic<Int64>(0)

    var nanoseconds: Int64 { last.load(ordering: .relaxed) }
    func note(_ nanoseconds: Int64) { last.store(nanoseconds, ordering: .relaxed) }
}

/// Lets the session's commands through to the device when the worker has the turn (``SharePage``), and keeps what was
/// let through and has not ended below the limit of device time ahead.
///
/// While nobody else wants the device, a command costs some atomic operations here and asks nobody. Otherwise a thread
/// of the gate follows the commands to their end and tells the GPU server when none is left. Without a GPU server, which
/// may be starting anew, everything is let through.
///
/// The session's thread gives commands; the gate's own thread looks on. `state` is the lock of what both use.
final class ShareGate: Sendable {
    private struct Command {
        var event: any DeviceEvent
        var estimate: CommandEstimate
        /// What it was thought to take when it was let through.
        var expected: Int64
    }

    private struct State {
        /// Oldest first; of these, `first` have ended.
        var commands: [Command] = []
        var first = 0
        var expectedAhead: Int64 = 0
        /// How many that have not been seen to end make it worth a look.
        var looksAt = ShareGate.lookPeriod
        /// The longest that a command took so far: what an unknown one is expected to take.
        var longest: Int64 = ShareGate.leastExpected
        var connection: Descriptor?
    }

    private static let leastExpected: Int64 = 1_000_000
    /// Commands from one look at what has ended to the next: a look takes the driver's locks, which the thread that runs
    /// short commands wants too.
    private static let lookPeriod = 64
    /// How often it is looked whether the GPU server is there, in nanoseconds.
    private static let lookout: Int64 = 500_000_000

    private let page: SharePage
    private let state = Mutex(State())
    private let isDetached = Atomic(true)

    /// Begins to follow the page. Everything is let through until ``attach(_:)``.
    init(_ page: SharePage) throws(SystemError) {
        self.page = page
        try DetachedThread.start { [self] in follow() }
    }

    /// The GPU server's connection over which it gets the page and is told that this is worth a look. One before it is
    /// let go of.
    func attach(_ connection: Descriptor) {
        connection.stopBlocking()
        guard page.send(over: connection) else { return }
        state.withLock { $0.connection = connection }
        isDetached.store(false, ordering: .sequentiallyConsistent)
        page.noteActivity()
    }

    private var turn: SharePage.Turn { isDetached.load(ordering: .sequentiallyConsistent) ? .alone : page.turn }

    // MARK: The session's thread

    /// Waits until the worker may give the device a command such as `estimate` is of. Each call is followed by
    /// ``let(_:through:)`` or ``withdraw()``. `flush` lets the device begin with what it has.
    func enter(_ estimate: CommandEstimate, flush: () -> Void) {
        while true {
            let seen = page.activity
            page.addOutstanding()
            guard turn != .none else {
                withdraw()
                flush()
                awaitTurn(since: seen)
                continue
            }
            guard let oldest = reapAndFind(estimate) else { return }
            withdraw()
            flush()
            _ = oldest.wait()
        }
    }

    /// The command that ``enter(_:flush:)`` admitted is the device's.
    func `let`(_ event: any DeviceEvent, through estimate: CommandEstimate) {
        state.withLock { state in
            let expected = Self.expected(estimate, state)
            state.commands.append(Command(event: event, estimate: estimate, expected: expected))
            state.expectedAhead += expected
        }
        // The gate's thread follows it.
        if turn != .alone { page.noteActivity() }
    }

    /// The command that ``enter(_:flush:)`` admitted was not given after all.
    func withdraw() {
        if page.removeOutstanding(1) == 0, turn != .alone { tell() }
    }

    private func awaitTurn(since seen: UInt32) {
        page.setWaiting(true)
        tell()
        var known = seen
        while turn == .none {
            page.awaitActivity(since: known, nanoseconds: Self.lookout)
            known = page.activity
        }
        page.setWaiting(false)
    }

    /// Accounts for what has ended. Returns the command to wait for where a further one would be too much ahead.
    private func reapAndFind(_ estimate: CommandEstimate) -> (any DeviceEvent)? {
        state.withLock { state in
            func isTooMuch() -> Bool { state.expectedAhead + Self.expected(estimate, state) > page.aheadLimit }
            guard isTooMuch() || state.commands.count - state.first >= state.looksAt else { return nil }
            reap(&state)
            state.looksAt = state.commands.count - state.first + Self.lookPeriod
            guard state.first < state.commands.count, isTooMuch() else { return nil }
            return state.commands[state.first].event
        }
    }

    private static func expected(_ estimate: CommandEstimate, _ state: State) -> Int64 {
        let known = estimate.nanoseconds
        return known > 0 ? known : state.longest
    }

    /// The commands at the front that have ended.
    private func reap(_ state: inout State) {
        var ended = 0
        while state.first < state.commands.count {
            let command = state.commands[state.first]
            guard let ending = command.event.ending() else { break }
            let took = Int64(clamping: ending.busyNanoseconds)
            command.estimate.note(max(took, 1))
            state.longest = max(state.longest, took)
            state.expectedAhead -= command.expected
            page.addBusy(UInt64(took))
            state.first += 1
            ended += 1
        }
        if state.first == state.commands.count || state.first >= 1_024 {
            state.commands.removeFirst(state.first)
            state.first = 0
        }
        if ended > 0, page.removeOutstanding(ended) == 0, turn != .alone { tell(state.connection) }
    }

    // MARK: The gate's thread

    private func follow() {
        while true {
            let seen = page.activity
            let oldest =
                turn == .alone
                ? nil : state.withLock { $0.first < $0.commands.count ? $0.commands[$0.first].event : nil }
            if let oldest {
                _ = oldest.wait()
                state.withLock { reap(&$0) }
            } else {
                page.awaitActivity(since: seen, nanoseconds: Self.lookout)
                lookForServer()
            }
        }
    }

    /// Lets everything through when the GPU server has gone.
    private func lookForServer() {
        let connection = state.withLock { $0.connection }
        guard let connection else { return }
        var scratch: [UInt8] = [0]
        guard scratch.withUnsafeMutableBytes({ connection.read(into: $0) }) == .ended else { return }
        let isGone = state.withLock { state in
            guard state.connection === connection else { return false }
            state.connection = nil
            return true
        }
        if isGone {
            isDetached.store(true, ordering: .sequentiallyConsistent)
            page.noteActivity()
        }
    }

    private func tell() { tell(state.withLock { $0.connection }) }

    private func tell(_ connection: Descriptor?) {
        let mark: [UInt8] = [1]
        // No room means that the GPU server has something to wake to.
        if let connection { _ = mark.withUnsafeBytes { connection.send($0) } }
    }
}
