import Glibc
import RemotingCore
import SessionTransport

/// By what the client of a session comes back to its worker after the connection broke. Guarded by the library's lock.
struct ClientResumption {
    let key: ResumptionKey
    let address: WorkerAddress
    private var attempt: UInt64 = 0

    /// For how long a worker waits that has not said it yet.
    private static let presumedGrace: UInt32 = 10_000
    /// So many refusals to connect, one soon after the other, are the worker's end.
    private static let refusals = 3

    /// Nil where the connection breaks only with a process.
    init?(descriptor: CInt) {
        guard let address = WorkerAddress(ofPeerOf: descriptor) else { return nil }
        var random = SystemRandomNumberGenerator()
        key = ResumptionKey { space in for index in space.indices { space[index] = random.next() } }
        self.address = address
    }

    /// What an attempt needs to know of the session.
    struct Subject {
        var grant: UInt64
        /// Every frame before it has arrived here.
        var received: UInt64
        /// What the worker said of how long it waits.
        var graceMilliseconds: UInt32?
    }

    /// Tries until it succeeds, or it is certain or presumed that the worker has given the session up: why.
    mutating func comeBack(to subject: Subject) -> Result<WorkerAddress.Return, HandOverFailure> {
        // A worker may notice the break as much later as silence takes to be noticed.
        let grace = (subject.graceMilliseconds ?? Self.presumedGrace) + UInt32(SessionSocketOptions.silenceMilliseconds)
        var schedule = ResumptionSchedule(graceMilliseconds: grace, now: monotonicNanoseconds())
        var refused = 0
        while let due = schedule.nextAttempt(now: monotonicNanoseconds()) {
            Self.sleep(until: due)
            attempt += 1
            let handshake = ResumeHandshake(
                grant: subject.grant, attempt: attempt, received: subject.received, key: key)
            do throws(WorkerAddress.Failure) {
                return .success(try address.comeBack(handshake))
            } catch {
                switch error {
                case .refused(let reason): return .failure(HandOverFailure(reason))
                case .nobodyListens:
                    refused += 1
                    if refused == Self.refusals { return .failure(HandOverFailure("the worker is gone")) }
                case .unreachable: refused = 0
                }
            }
        }
        return .failure(HandOverFailure("the worker was not reached in time"))
    }

    private static func sleep(until due: UInt64) {
        // A signal ends a wait before its time.
        while case let now = monotonicNanoseconds(), now < due {
            _ = poll(nil, 0, CInt(clamping: (due - now) / 1_000_000 + 1))
        }
    }
}
