import FleetModel

/// What an agent knows of when the manager last heard it, on its own clock: the time at which the newest message was
/// sent that the manager has shown to have received. Leases are renewed from there, not from when an answer is read:
/// the manager counts from what it heard, and an answer may lie unread for any time in an agent that was stopped.
struct ManagerContact: Sendable {
    /// More heartbeats than this under way are not remembered; those forgotten first renew nothing.
    private static let maximumUnanswered = 64

    /// The manager has heard the agent at this time or later.
    private(set) var heardAt: MonotonicTime
    private(set) var lastSequence: UInt64 = 0
    /// Whether it has said that a heartbeat may come with a report.
    var takesHeartbeatsInReports = false
    /// When the heartbeats were sent that are not answered, oldest first; the last is that of ``lastSequence``.
    private var unanswered: [MonotonicTime] = []

    /// A link whose hello is sent `now`: whatever comes over it shows that the hello was received.
    init(helloSentAt now: MonotonicTime) { heardAt = now }

    /// Takes note of a heartbeat.
    /// - Returns: its sequence number.
    mutating func sendHeartbeat(at now: MonotonicTime) -> UInt64 {
        lastSequence += 1
        unanswered.append(now)
        if unanswered.count > Self.maximumUnanswered { unanswered.removeFirst() }
        return lastSequence
    }

    /// The manager has received a heartbeat; one that was never sent, or is forgotten, changes nothing.
    mutating func heartbeatAcknowledged(_ sequence: UInt64) {
        let (age, isUnknown) = lastSequence.subtractingReportingOverflow(sequence)
        guard !isUnknown, age < UInt64(unanswered.count) else { return }
        let place = unanswered.count - 1 - Int(age)
        heardAt = max(heardAt, unanswered[place])
        unanswered.removeFirst(place + 1)
    }
}
