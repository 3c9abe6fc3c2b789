import FleetModel

/// Instances that have registered on a host with several interface versions, until the manager says which one they use.
///
/// A registration waits for a moment only: without word from the manager it gets the library of the version in force.
struct WaitingRegistrations {
    static let patience = Duration.milliseconds(500)

    private var waiting: [InstanceID: (token: PollToken, deadline: MonotonicTime)] = [:]

    mutating func add(_ instance: InstanceID, _ token: PollToken, now: MonotonicTime) {
        waiting[instance] = (token, now + Self.patience)
    }

    /// The registration of an instance, which then waits no more.
    mutating func take(_ instance: InstanceID) -> PollToken? { waiting.removeValue(forKey: instance)?.token }

    /// Those that have waited long enough, in the order of their names.
    func overdue(now: MonotonicTime) -> [InstanceID] {
        waiting.filter { $0.value.deadline <= now }.keys.sorted()
    }

    var nextDeadline: MonotonicTime? { waiting.values.lazy.map(\.deadline).min() }
}
