package import FleetModel

/// Everything that the live view shows, at one moment.
package struct DashboardState: Sendable {
    /// What runs and for how long.
    package struct Heading: Hashable, Sendable {
        package var policy: String
        package var elapsed: Duration
        /// Nil where the run has no end.
        package var total: Duration?
        /// A hint or a state, for example `warming up`.
        package var note: String
        /// What another terminal needs to look at the run or to take part in it, a fragment each.
        package var hints: [String]

        package init(
            policy: String, elapsed: Duration = .zero, total: Duration? = nil, note: String = "", hints: [String] = []
        ) {
            self.policy = policy
            self.elapsed = elapsed
            self.total = total
            self.note = note
            self.hints = hints
        }
    }

    /// What one instance's programs met when they started.
    package struct Starts: Hashable, Sendable {
        package var count = 0
        package var foundReserved = 0
        /// Milliseconds from the first GPU call to the completion of a 4-byte write, of the last start.
        package var lastFirstCommand: Double?
        package var lastFound: Readiness?
        package var failures = 0

        package init() {}
    }

    package var heading: Heading
    /// Nil until the manager has answered once.
    package var overview: FleetOverview?
    /// Oldest first.
    package var events: [RecordedEvent]
    package var starts: [InstanceID: Starts]
    package var history: LoadHistory
    /// The fan of the instance that ``focus`` names, where it has been asked for.
    package var fan: InstanceForecast?
    /// The instance whose forecast is shown as a fan: the one that the user chose, or one of which something is to be
    /// seen; nil where there is none.
    package private(set) var focus: InstanceID?
    private var isChosen = false

    package init(heading: Heading) {
        self.heading = heading
        events = []
        starts = [:]
        history = LoadHistory()
    }

    /// Takes in a newer overview, keeping what the charts over time need.
    package mutating func update(_ overview: FleetOverview) {
        history.append(overview)
        self.overview = overview
        if fan?.instance.description.id != focus { fan = nil }
        if !overview.instances.contains(where: { $0.description.id == focus }) {
            (focus, isChosen) = (nil, false)
        }
        if !isChosen, isFocusDull { focus = Self.mostInteresting(of: overview) ?? focus }
    }

    /// Moves the fan to the next instance, where it stays.
    package mutating func chooseNext() {
        let names = overview?.instances.map(\.description.id) ?? []
        guard !names.isEmpty else { return }
        let next = names.firstIndex { $0 == focus }.map { ($0 + 1) % names.count } ?? 0
        (focus, isChosen) = (names[next], true)
    }

    /// Whether nothing is to be seen of the instance in focus: no demand for half a minute, and none in sight.
    private var isFocusDull: Bool {
        guard let fan else { return focus == nil }
        let isIdle = fan.course.memory.suffix(30).allSatisfy { $0 == 0 }
        return isIdle && fan.instance.forecast.map { $0.onsetProbability(within: .long) < 0.5 } ?? true
    }

    /// The first of the instances with demand; else the first whose demand is most probably about to begin.
    private static func mostInteresting(of overview: FleetOverview) -> InstanceID? {
        func interest(_ instance: InstanceOverview) -> Double {
            (instance.latest?.gpuMemory ?? 0) > 0 ? 1 : instance.forecast?.onsetProbability(within: .short) ?? 0
        }
        var best: InstanceOverview?
        for instance in overview.instances where best.map({ interest(instance) > interest($0) }) ?? true {
            best = instance
        }
        return best?.description.id
    }
}

/// The recent course of a few figures per instance: at most ``capacity`` overviews.
package struct LoadHistory: Sendable {
    package static let capacity = 60

    /// One instance's course, oldest first; the arrays have equal length.
    package struct Course: Sendable {
        package fileprivate(set) var networkIn: [Double] = []
        package fileprivate(set) var onset: [Double] = []
    }

    private var courses: [InstanceID: Course] = [:]

    package init() {}

    package subscript(instance: InstanceID) -> Course { courses[instance] ?? Course() }

    /// Adds one overview; instances that are not in it are forgotten. O(instances).
    package mutating func append(_ overview: FleetOverview) {
        var next: [InstanceID: Course] = [:]
        for instance in overview.instances {
            var course = courses[instance.description.id] ?? Course()
            course.networkIn.append(instance.latest?.networkIn ?? 0)
            course.onset.append(instance.forecast?.onsetProbability(within: .short) ?? 0)
            if course.onset.count > Self.capacity {
                course.networkIn.removeFirst()
                course.onset.removeFirst()
            }
            next[instance.description.id] = course
        }
        courses = next
    }
}
