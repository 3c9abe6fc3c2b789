/// How the process of a session's worker came to its end, as its GPU server saw it.
package enum WorkerEnd: Hashable, Sendable {
    /// It ended by itself and said that all was well (exit status 0): whoever held the session closed it, or nobody wanted it
    /// any longer.
    case closed
    /// It ended by itself with another exit status, 1...255.
    case failed(status: Int32)
    /// A signal ended it, and nobody had asked for that: its own fault, or the host's want of memory.
    case killed(signal: Int32)
    /// An earlier life of the GPU server had started it, so that its status is nobody's to read; and it left behind what a
    /// worker that ends well takes with it.
    case vanished
    /// The GPU server ended it: its grant was taken back, or had lapsed.
    case ordered
    /// The GPU server ended it for what its program did: a command ran for longer than any may while others want the device.
    case overran

    /// Whether that speaks against the interface version that the worker is of. What a program brought about by computing
    /// without end does not: it would do so in any version.
    package var isCrash: Bool {
        switch self {
        case .failed, .killed, .vanished: true
        case .closed, .ordered, .overran: false
        }
    }

    /// One word, for counting.
    package var name: String {
        switch self {
        case .closed: "closed"
        case .failed: "failed"
        case .killed: "killed"
        case .vanished: "vanished"
        case .ordered: "ordered"
        case .overran: "overran"
        }
    }
}

extension WorkerEnd: CustomStringConvertible {
    /// What happened, as the second half of a sentence about the worker.
    package var description: String {
        switch self {
        case .closed: "ended by itself"
        case .failed(let status): "ended with status \(status)"
        case .killed(let signal): "was ended by signal \(signal)"
        case .vanished: "vanished"
        case .ordered: "was told to end"
        case .overran: "was ended because a command ran for too long"
        }
    }
}

/// The end of a grant at its GPU server: nothing of it remains there.
package struct GrantEnd: Hashable, Sendable {
    package var grant: GrantID
    package var reason: ReclaimReason
    /// Nil where nobody saw it: the worker never ran, or the GPU server is of a release that did not say.
    package var worker: WorkerEnd?
    /// Whether a program had sent a command on the session.
    package var wasInUse: Bool

    package init(_ grant: GrantID, _ reason: ReclaimReason, worker: WorkerEnd? = nil, wasInUse: Bool = false) {
        self.grant = grant
        self.reason = reason
        self.worker = worker
        self.wasInUse = wasInUse
    }

    /// The end of a session that nobody had asked for: its reason follows from how its worker ended, and from whether a
    /// program used it.
    package init(unasked grant: GrantID, worker: WorkerEnd, wasInUse: Bool) {
        let reason: ReclaimReason = worker.isCrash ? .serverFailed : wasInUse ? .sessionEnded : .leaseExpired
        self.init(grant, reason, worker: worker, wasInUse: wasInUse)
    }
}
