import FleetModel

/// What instances do in a replay, and what became of their requests.
struct ReplayDemand: Sendable {
    /// One start of a program.
    struct Record: Sendable {
        let asked: MonotonicTime
        var served: MonotonicTime?
        /// What its request found when it came.
        var found: Readiness?
        var isShortOfMemory = false

        var wait: Duration? { served.map { $0 - asked } }
    }

    private struct Course: Sendable {
        var loads: [LoadObservation]
        var next = 0
        var current: LoadObservation?
        /// The running program.
        var program: Int?
        var busyAt: Int64 = .min
    }

    let instances: [InstanceID]
    /// The first and the last second of the trace.
    let seconds: ClosedRange<Int64>
    private var courses: [InstanceID: Course] = [:]
    private var recordOfProgram: [Int: Int] = [:]
    private(set) var records: [Record] = []

    /// The world's time at which the trace's first second ends.
    static let begins = MonotonicTime.seconds(5)

    init(_ replayed: [ReplayInstance]) {
        instances = replayed.map(\.description.id).sorted()
        let all = replayed.flatMap { $0.loads.map(\.second) }
        let first = all.min() ?? 0
        seconds = first...max(first, all.max() ?? 0)
        for instance in replayed { courses[instance.description.id] = Course(loads: instance.loads) }
    }

    /// What changes for an instance in a second.
    enum Change: Hashable, Sendable {
        case none
        case starts
        case ends(program: Int)
    }

    mutating func advance(_ instance: InstanceID, to second: Int64) -> Change {
        guard var course = courses[instance] else { return .none }
        defer { courses[instance] = course }
        course.current = nil
        while course.next < course.loads.count, course.loads[course.next].second <= second {
            if course.loads[course.next].second == second { course.current = course.loads[course.next] }
            course.next += 1
        }
        let load = course.current
        if load?.hasDemand == true {
            course.busyAt = second
            return course.program == nil ? .starts : .none
        }
        guard let program = course.program, second - course.busyAt >= TraceReplay.idleSeconds else { return .none }
        return .ends(program: program)
    }

    /// What the trace says of an instance now; nil where it has no row.
    func load(_ instance: InstanceID) -> LoadObservation? { courses[instance]?.current }

    mutating func started(_ program: Int, of instance: InstanceID, at now: MonotonicTime) {
        records.append(Record(asked: now))
        courses[instance]?.program = program
        recordOfProgram[program] = records.count - 1
    }

    mutating func served(_ program: Int, found: Readiness, at now: MonotonicTime) {
        guard let record = recordOfProgram[program] else { return }
        records[record].served = now
        records[record].found = found
    }

    mutating func used(_ memory: Bytes, of limit: Bytes, by program: Int) {
        guard memory > limit, let record = recordOfProgram[program] else { return }
        records[record].isShortOfMemory = true
    }

    mutating func ended(_ program: Int, of instance: InstanceID) {
        recordOfProgram[program] = nil
        guard courses[instance]?.program == program else { return }
        courses[instance]?.program = nil
    }
}
