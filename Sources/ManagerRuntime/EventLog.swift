import ControlProtocol
import FleetModel
import Observability
import Synchronization

/// The newest events of the fleet, numbered, and those who watch for more.
final class EventLog: Sendable {
    private struct State {
        /// A ring: the event of sequence `s` lies at `(s - 1) % limit`.
        var kept: [RecordedEvent] = []
        var last: UInt64 = 0
        var watchers: [UInt64: BoundedMailbox<RecordedEvent>] = [:]
        var nextWatcher: UInt64 = 0
        var isFinished = false

        func events(from: UInt64, limit: Int) -> [RecordedEvent] {
            let oldest = last - UInt64(kept.count) + 1
            guard max(from, oldest) <= last else { return [] }
            return (max(from, oldest)...last).map { kept[Int(($0 - 1) % UInt64(limit))] }
        }
    }

    /// What a watcher gets: what is kept, then what comes.
    struct Watch: Sendable {
        var id: UInt64
        var kept: [RecordedEvent]
        var coming: BoundedMailbox<RecordedEvent>
    }

    private static let watcherQueueLimit = 1_024
    private static let watcherLimit = 64

    private let limit: Int
    private let state = Mutex(State())

    /// A log that keeps the newest `limit` events.
    init(limit: Int) { self.limit = max(1, limit) }

    func append(_ event: FleetEvent) {
        state.withLock { state in
            state.last += 1
            let recorded = RecordedEvent(
                sequence: state.last, recordedAtUnixMs: WallClock.unixMilliseconds(), event: event)
            if state.kept.count < limit {
                state.kept.append(recorded)
            } else {
                state.kept[Int((state.last - 1) % UInt64(limit))] = recorded
            }
            // A watcher without room loses the event, and sees the gap.
            for watcher in state.watchers.values { _ = watcher.offer(recorded) }
        }
    }

    /// The newest `count` of the events that are kept, from the sequence number `from` on, oldest first.
    func events(from: UInt64, newest count: Int = .max) -> [RecordedEvent] {
        state.withLock { $0.events(from: from, limit: limit).suffix(count) }
    }

    /// The events from `from` on that are kept, and a mailbox of those to come; nil when there are too many watchers.
    func watch(from: UInt64) -> Watch? {
        state.withLock { state -> Watch? in
            guard state.watchers.count < Self.watcherLimit, !state.isFinished else { return nil }
            state.nextWatcher += 1
            let mailbox = BoundedMailbox<RecordedEvent>(limit: Self.watcherQueueLimit)
            state.watchers[state.nextWatcher] = mailbox
            return Watch(id: state.nextWatcher, kept: state.events(from: from, limit: limit), coming: mailbox)
        }
    }

    func unwatch(_ id: UInt64) { state.withLock { $0.watchers[id] = nil } }

    /// Ends every watch.
    func finish() {
        let watchers = state.withLock { state in
            state.isFinished = true
            return Array(state.watchers.values)
        }
        for watcher in watchers { watcher.finish() }
    }
}
