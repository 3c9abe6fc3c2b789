import DeviceDrivers
import FleetModel
import Glibc
import RemotingCore
import Synchronization
import WorkerControl

/// The connection of the worker's session as its two threads see it: the main thread, which notices that it has ended and
/// hears who comes back, and the session's own, which goes on over the new one as soon as its commands let it. `state` is
/// the lock.
final class SessionLine: Sendable {
    /// A client that has proven to be the session's.
    struct Return {
        var connection: Descriptor
        var hello: ResumeHello
    }

    /// What is to be done about a client that comes back.
    enum Judgement: Hashable {
        /// It was told so, and the session's thread of it.
        case accepted
        case refused(SessionRefusal)
        /// It may have offered to come back by what the session's thread has not read yet: ask again.
        case undecided
    }

    private struct State {
        var connection: Descriptor
        /// Nil until the client has offered to come back.
        var watch: ResumptionGuard?
        /// Whether somebody came back before that.
        var isAwaited = false
        /// The client that has come back and that the session has not gone on with.
        var returning: Return?
        /// Since when there is no connection.
        var brokenSince: MonotonicTime?
        var isClosed = false
    }

    /// How long the session waits for its client; 0 where it does not.
    let grace: Duration
    private let state: Mutex<State>
    private let wakeup: Wakeup

    /// How long the session's thread has to find out for itself why the connection ended, where it is not idle.
    private static let patience = Duration.milliseconds(100)
    /// The same where somebody waits for it.
    private static let awaitedPatience = SessionDoor.patience

    /// `wakeup` is the session's thread's.
    init(_ connection: Descriptor, grace: Duration, wakeup: Wakeup) {
        self.grace = grace
        self.wakeup = wakeup
        state = Mutex(State(connection: connection))
    }

    // MARK: The session's thread

    /// The client will prove that it has this secret. Returns for how many milliseconds it is waited for.
    func offer(_ key: ResumptionKey, grant: UInt64) -> UInt32 {
        guard grace > .zero else { return 0 }
        state.withLock { $0.watch = ResumptionGuard(grant: grant, key: key) }
        return UInt32(clamping: grace.nanoseconds / 1_000_000)
    }

    /// Whether a broken connection may be followed by another.
    var canComeBack: Bool { state.withLock { $0.watch != nil && !$0.isClosed } }

    /// The client that has come back, if it has; what it came over is the session's connection from here on.
    func takeReturn() -> Return? {
        state.withLock { state in
            guard let returning = state.returning else { return nil }
            state.returning = nil
            state.connection = returning.connection
            return returning
        }
    }

    var isClosed: Bool { state.withLock { $0.isClosed } }

    // MARK: The main thread

    /// What to look for the end of; nil while there is nothing that could end.
    var watched: Descriptor? {
        state.withLock { state in
            state.brokenSince == nil ? state.returning?.connection ?? state.connection : nil
        }
    }

    /// The connection has ended.
    func noteEnd(of connection: Descriptor, now: MonotonicTime) {
        state.withLock { state in
            if state.returning?.connection === connection { state.returning = nil }
            if state.returning == nil, state.brokenSince == nil { state.brokenSince = now }
        }
    }

    /// When the session is given up; nil while it has a connection.
    var deadline: MonotonicTime? {
        state.withLock { state in
            guard let brokenSince = state.brokenSince else { return nil }
            if state.watch != nil { return brokenSince + max(grace, Self.patience) }
            return brokenSince + (state.isAwaited ? Self.awaitedPatience : Self.patience)
        }
    }

    /// Whether a client is let back in. One that is, is told `pending`.
    func judge(_ hello: ResumeHello, from connection: Descriptor, saying pending: [UInt8]) -> Judgement {
        let judgement: Judgement = state.withLock { state in
            guard grace > .zero, !state.isClosed else {
                return .refused(SessionRefusal(.ticketInvalid, "the worker's session cannot be come back to"))
            }
            guard var watch = state.watch else {
                state.isAwaited = true
                return .undecided
            }
            if let refusal = watch.judge(hello) { return .refused(refusal) }
            state.watch = watch
            // Before the session's thread can say more. It is far smaller than a fresh connection's send buffer.
            _ = pending.withUnsafeBytes { connection.send($0) }
            state.returning = Return(connection: connection, hello: hello)
            state.brokenSince = nil
            return .accepted
        }
        if judgement == .accepted { wakeup.signal() }
        return judgement
    }

    /// Ends the connection under the session's thread.
    func close() {
        let connection = state.withLock { state in
            state.isClosed = true
            return state.connection
        }
        shutdown(connection.number, Int32(SHUT_RDWR))
        wakeup.signal()
    }
}
