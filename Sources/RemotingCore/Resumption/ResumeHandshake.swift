/// The client's half of coming back: sends a ``ResumeHello`` and waits for the answers. What goes wrong here leaves the
/// stream as it was, for another attempt.
package struct ResumeHandshake: Sendable {
    package enum Outcome: Hashable, Sendable {
        case incomplete
        /// The worker knows the client, and is occupied: wait for as long as the connection holds.
        case pending
        /// Every frame before `received` has arrived at the worker; `rest` are bytes of its stream.
        case resumed(received: UInt64, rest: [UInt8])
        /// The session is over.
        case refused(SessionRefusal)
    }

    private let hello: ResumeHello
    private let key: ResumptionKey
    private var received: [UInt8] = []

    package init(grant: UInt64, attempt: UInt64, received: UInt64, key: ResumptionKey) {
        hello = ResumeHello(grant: grant, attempt: attempt, received: received, key: key)
        self.key = key
    }

    package var bytesToSend: [UInt8] { hello.encoded() }

    /// Takes in bytes of any length. Throws where the peer is not the session's worker.
    package mutating func received(_ bytes: some Collection<UInt8>) throws(RemotingError) -> Outcome {
        received.append(contentsOf: bytes)
        var outcome = Outcome.incomplete
        while let answer = try ResumeAnswer.next(from: &received) {
            switch answer {
            case .pending: outcome = .pending
            case .refused(let refusal): return .refused(refusal)
            case .resumed(let count, _):
                guard answer.isProven(for: hello, by: key) else {
                    throw RemotingError(.protocolMismatch, "the peer is not the session's worker")
                }
                return .resumed(received: count, rest: received)
            }
        }
        return outcome
    }
}

/// A worker's judgement of clients that come back. It lets in who proves the secret of the session's client, with an attempt
/// that is newer than all that it has let in: a hello that was recorded, or that arrives after a later one, opens nothing.
package struct ResumptionGuard: Sendable {
    package let key: ResumptionKey
    private let grant: UInt64
    private var lastAttempt: UInt64 = 0

    package init(grant: UInt64, key: ResumptionKey) {
        self.grant = grant
        self.key = key
    }

    /// Nil where the client is to be let in: the attempts before it are refused from then on.
    package mutating func judge(_ hello: ResumeHello) -> SessionRefusal? {
        guard hello.grant == grant, hello.isProven(by: key) else {
            return SessionRefusal(.ticketInvalid, "this is not the client of the worker's session")
        }
        guard hello.attempt > lastAttempt else {
            return SessionRefusal(
                .ticketInvalid, "attempt \(hello.attempt) to come back is not newer than \(lastAttempt)")
        }
        lastAttempt = hello.attempt
        return nil
    }
}

/// When a client tries again to come back: at once, then after pauses that double, for as long as the worker waits.
package struct ResumptionSchedule: Hashable, Sendable {
    private static let leastPause: UInt64 = 10_000_000
    private static let greatestPause: UInt64 = 640_000_000

    private let end: UInt64
    private var pause: UInt64 = 0

    /// `now` is when the break was found; times are nanoseconds of one clock.
    package init(graceMilliseconds: UInt32, now: UInt64) {
        end = now + UInt64(graceMilliseconds) * 1_000_000
    }

    /// When the next attempt is due; nil where it would be too late.
    package mutating func nextAttempt(now: UInt64) -> UInt64? {
        let next = now + pause
        pause = min(max(2 * pause, Self.leastPause), Self.greatestPause)
        return next <= end ? next : nil
    }
}
