import ControlProtocol
import GRPCCore
import Synchronization

/// Why a stream ended.
enum StreamEnding: Error, Hashable, Sendable, CustomStringConvertible {
    /// The peer ended it.
    case left
    /// The machine wanted it ended.
    case closed(String)
    /// The peer sent what the protocol does not allow.
    case refused(ProtocolError)
    /// The peer was silent.
    case silent
    /// The peer did not read what it was sent.
    case slow
    /// The connection broke.
    case broken(String)

    var description: String {
        switch self {
        case .left: "the peer left"
        case .closed(let reason): reason
        case .refused(let error): error.description
        case .silent: "the peer is silent"
        case .slow: "the peer does not keep up"
        case .broken(let why): "the connection broke: \(why)"
        }
    }

    /// What the peer is told; nil where nothing is wrong.
    var error: RPCError? {
        switch self {
        case .left: nil
        case .closed(let reason): RPCError(code: .aborted, message: reason)
        case .refused(let error): RPCError(code: .invalidArgument, message: error.description)
        case .silent: RPCError(code: .deadlineExceeded, message: description)
        case .slow: RPCError(code: .resourceExhausted, message: description)
        case .broken: RPCError(code: .unavailable, message: description)
        }
    }
}

/// One stream from its opening to its end.
final class Peer<Role: LinkRole>: Sendable {
    private static var closingTime: Duration { .seconds(1) }

    private let outbox = BoundedMailbox<LinkFrame<Role.FromManager.Body>>(limit: linkQueueLimit)
    private let liveness = LinkLiveness()
    /// Why it is to end; the first reason counts.
    private let ending = Mutex<StreamEnding?>(nil)
    private let endingDecided = BoundedMailbox<Void>(limit: 1)

    /// Queues a message. A peer whose queue is full is cut off.
    func send(_ message: Role.FromManager.Body) {
        if outbox.offer(.message(message)) == .full { decide(.slow) }
    }

    /// Ends the stream after what is queued, or after a second if the peer does not read.
    func close(reason: String) {
        decide(.closed(reason))
        outbox.finish()
    }

    /// Probes a peer that is silent, and cuts off one that is dead: called for all peers together, a few times a second, as
    /// a timer for each of ten thousand streams would take more than what they say.
    /// - Parameter late: by how much later than it should this look comes.
    func look(at now: ContinuousClock.Instant, late: Duration) {
        switch liveness.look(at: now, late: late) {
        case .alive: break
        case .probe: _ = outbox.offer(.keepAlive(reply: false))
        case .dead: decide(.silent)
        }
    }

    private func decide(_ reason: StreamEnding) {
        ending.withLock { $0 = $0 ?? reason }
        _ = endingDecided.offer(())
    }

    /// Reads and writes until one of them ends, or the stream is to end.
    func run(
        _ requests: RPCAsyncSequence<Role.ToManager, any Error>, _ writer: RPCWriter<Role.FromManager>,
        deliver: @Sendable @escaping (Role.ToManager.Body) async -> Void
    ) async -> StreamEnding {
        await withTaskGroup(of: StreamEnding?.self) { group in
            group.addTask { await self.read(requests, deliver: deliver) }
            group.addTask { await self.write(writer) }
            group.addTask { await self.waitForEnding() }
            var first: StreamEnding?
            while first == nil, let ended = await group.next() { first = ended }
            group.cancelAll()
            outbox.finish()
            return first ?? .left
        }
    }

    private func read(
        _ requests: RPCAsyncSequence<Role.ToManager, any Error>,
        deliver: (Role.ToManager.Body) async -> Void
    ) async -> StreamEnding {
        do {
            for try await envelope in requests {
                liveness.heard()
                switch try envelope.frame() {
                case .message(let message): await liveness.delivering { await deliver(message) }
                case .keepAlive(reply: false): _ = outbox.offer(.keepAlive(reply: true))
                case .keepAlive(reply: true): break
                }
            }
            return .left
        } catch let error as ProtocolError {
            return .refused(error)
        } catch {
            return .broken(String(describing: error))
        }
    }

    private func write(_ writer: RPCWriter<Role.FromManager>) async -> StreamEnding? {
        do {
            for await frame in outbox { try await writer.write(Role.FromManager(frame)) }
        } catch {
            return .broken(String(describing: error))
        }
        // All is written that ever will be: the reason to end was decided before.
        return ending.withLock { $0 }
    }

    /// Returns at once for a peer that is cut off, and for one that is closed when it had time to read the rest.
    private func waitForEnding() async -> StreamEnding? {
        guard await endingDecided.next() != nil, let reason = ending.withLock({ $0 }) else { return nil }
        if reason != .slow, reason != .silent { try? await Task.sleep(for: Self.closingTime) }
        return reason
    }
}
