import FleetModel

/// When to look at sockets and when to sample: each look has its place in the period, so that being late once does not
/// make the next one late.
struct LookSchedule {
    enum Due: Equatable {
        case nothing
        case sockets
        case sample
    }

    private var period: Duration
    private let looksPerPeriod: Int
    private var look = 0
    private(set) var next: MonotonicTime

    /// The first sample is due at `start`.
    init(period: Duration, looksPerPeriod: Int, start: MonotonicTime) {
        self.period = period
        self.looksPerPeriod = looksPerPeriod
        next = start
    }

    /// Takes effect with the next look.
    mutating func setPeriod(_ period: Duration) { self.period = period }

    /// What is to be done now, if it is time. What was missed by more than a period is not made up for.
    mutating func due(at now: MonotonicTime) -> Due {
        guard now >= next else { return .nothing }
        let due: Due = look == 0 ? .sample : .sockets
        look = (look + 1) % looksPerPeriod
        next = next + period / looksPerPeriod
        if now - next > period { next = now + period / looksPerPeriod }
        return due
    }
}
