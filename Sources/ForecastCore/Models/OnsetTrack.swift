import FleetModel

/// What the onset and ending models remember of one instance: about 280 bytes.
struct OnsetTrack: Sendable {
    static let ringLength = 32
    /// Expected and seen hits are halved beyond this many horizons' worth, so that an instance can change its ways.
    private static let longestMemory = 10

    private(set) var last: Int64?
    private(set) var lastDemand: Int64?
    private var busySince: Int64 = 0
    /// Bit `a` tells of demand `a` seconds before the last.
    private var demandMask: UInt64 = 0
    private var network = IdleBaseline(floor: HostSignals.networkFloor)
    private var cpu = IdleBaseline(floor: HostSignals.cpuFloor)
    private var userActivity = UserActivity()
    /// By `second & 31`.
    private var past: InlineArray<32, PastSecond> = InlineArray(repeating: PastSecond())
    private(set) var context = OnsetContext.quiet(idle: nil)
    private var records: InlineArray<9, HitRecord> = InlineArray(repeating: HitRecord())

    /// How often demand came for this instance where the fleet's figures expected it `expected` times.
    struct HitRecord: Sendable {
        var expected: Float = 0
        var hits: Float = 0

        /// Half is forgotten once more than `limit` came, or should have.
        mutating func count(expected probability: Double, hit: Bool, limit: Float) {
            expected += Float(probability)
            if hit { hits += 1 }
            if max(expected, hits) > limit {
                expected *= 0.5
                hits *= 0.5
            }
        }

        /// How often hits came against what was expected, as if `doubt` more had come as expected.
        func ratio(doubt: Float) -> Float { (hits + doubt) / (expected + doubt) }
    }

    /// Takes in a second after the last. Those between had no demand, and nothing is known of their context.
    mutating func observe(_ observation: LoadObservation, hasDemand: Bool) {
        let second = observation.second
        let gap = last.map { second - $0 } ?? 1
        demandMask = gap < 64 ? demandMask << UInt64(gap) : 0
        for skipped in 1..<max(1, min(gap, Int64(Self.ringLength) + 1)) {
            past[Self.slot(second - skipped)] = PastSecond()
        }
        if hasDemand {
            if demandMask & 2 == 0 { busySince = second }
            demandMask |= 1
            lastDemand = second
        }
        last = second
        context = makeContext(observation, hasDemand: hasDemand)
        past[Self.slot(second)] = PastSecond(onset: context)
    }

    private mutating func makeContext(_ observation: LoadObservation, hasDemand: Bool) -> OnsetContext {
        let second = observation.second
        let networkLevel = network.observe(observation.networkIn, at: second, isBusy: hasDemand)
        let cpuLevel = cpu.observe(observation.cpuMilli, at: second, isBusy: hasDemand)
        let hasWork = (observation.workInFlight ?? 0) > 0
        userActivity.observe(idle: observation.userIdleSeconds, at: second)
        if hasDemand {
            return .busy(seconds: second - busySince + 1, demandMask: demandMask, hasWork: hasWork)
        }
        let idle = lastDemand.map { second - $0 }
        let hasUser = userActivity.isActive
        guard networkLevel > .none || cpuLevel > .none || hasWork || hasUser else { return .quiet(idle: idle) }
        // With work in flight only, the surge is always young.
        let began =
            networkLevel > .none || cpuLevel > .none
            ? max(network.surgeBegan, cpu.surgeBegan) : hasUser ? userActivity.began : second
        return .surge(
            network: networkLevel, cpu: cpuLevel, hasWork: hasWork, hasUser: hasUser,
            age: second - max(began, second - 60),
            idle: idle)
    }

    /// The context `seconds` (at most 30) before the last second, where it was observed.
    func pastContext(_ seconds: Int) -> OnsetContext? {
        last.flatMap { past.span[Self.slot($0 - Int64(seconds))].onset }
    }

    /// What the second `seconds` (at most 30) before the last tells of the end of its burst; nil without demand.
    func pastEnding(_ seconds: Int) -> EndingContext? {
        last.flatMap { past.span[Self.slot($0 - Int64(seconds))].ending }
    }

    /// Remembers what the last second, which had demand, tells of the end of its burst.
    mutating func note(_ ending: EndingContext) {
        guard let last else { return }
        past[Self.slot(last)] = PastSecond(onset: context, ending: ending)
    }

    /// Whether there was demand in the last `seconds`, the last included.
    func hadDemand(within seconds: Int) -> Bool { demandMask & ((1 << UInt64(seconds)) - 1) != 0 }

    /// Whether a burst ended within the last `seconds` (at most 32): as long without demand as parts two bursts.
    func burstEnded(within seconds: Int) -> Bool {
        var pauses = ~demandMask & ((1 << UInt64(seconds)) - 1)
        for _ in 2..<InstanceHistory.burstGap { pauses &= pauses >> 1 }
        return pauses != 0
    }

    /// The instance's own records in seconds of `kind`, by horizon.
    func records(_ kind: OnsetContext.Kind) -> InlineArray<3, HitRecord> {
        let records = records.span
        return [records[kind.rawValue * 3], records[kind.rawValue * 3 + 1], records[kind.rawValue * 3 + 2]]
    }

    /// Counts a second of `kind` whose horizon of `seconds` is over.
    mutating func count(
        _ kind: OnsetContext.Kind, _ horizon: ForecastHorizon, seconds: Int, expected: Double, hit: Bool
    ) {
        records[kind.rawValue * 3 + horizon.rawValue].count(
            expected: expected, hit: hit, limit: Float(Self.longestMemory * seconds))
    }

    /// Forgets how often demand came where it was expected.
    mutating func forgetRecords() { records = InlineArray(repeating: HitRecord()) }

    private static func slot(_ second: Int64) -> Int { Int(truncatingIfNeeded: second) & (ringLength - 1) }
}

// MARK: - Snapshots

extension OnsetTrack {
    func encode(to writer: inout SnapshotWriter) {
        writer.put(second: last)
        writer.put(second: lastDemand)
        writer.put(second: demandMask == 0 ? nil : busySince)
        writer.put(demandMask)
        network.encode(to: &writer)
        cpu.encode(to: &writer)
        userActivity.encode(to: &writer)
        for index in past.indices { past[index].encode(to: &writer) }
        writer.put(context.cell)
        for index in records.indices {
            writer.put(records[index].expected)
            writer.put(records[index].hits)
        }
    }

    init(from reader: inout SnapshotReader) throws(SnapshotFailure) {
        last = try reader.secondIfAny(upTo: reader.newest)
        let newest = last ?? reader.newest
        lastDemand = try reader.secondIfAny(upTo: newest)
        busySince = try reader.secondIfAny(upTo: newest) ?? 0
        demandMask = try reader.number(UInt64.self)
        network = try IdleBaseline(floor: HostSignals.networkFloor, from: &reader)
        cpu = try IdleBaseline(floor: HostSignals.cpuFloor, from: &reader)
        userActivity = try UserActivity(from: &reader)
        for index in past.indices { past[index] = try PastSecond(from: &reader) }
        let cell = try reader.number(UInt16.self)
        guard cell < OnsetContext.cellCount else { throw .malformed }
        context = OnsetContext(cell: cell)
        for index in records.indices {
            records[index].expected = try reader.single(in: 0...1e6)
            records[index].hits = try reader.single(in: 0...1e6)
        }
    }
}

/// Whether the user of an instance is active, and since when; 16 bytes.
private struct UserActivity: Sendable {
    /// One who did something in the last 5 s is active.
    private static let recency = 5.0

    private(set) var isActive = false
    private(set) var began: Int64 = 0

    /// `idle` is seconds, nil where that is not watched.
    mutating func observe(idle: Double?, at second: Int64) {
        let isActiveNow = idle.map { $0 >= 0 && $0 <= Self.recency } ?? false
        if isActiveNow, !isActive { began = second }
        isActive = isActiveNow
    }

    init() {}

    func encode(to writer: inout SnapshotWriter) { writer.put(second: isActive ? began : nil) }

    init(from reader: inout SnapshotReader) throws(SnapshotFailure) {
        guard let began = try reader.secondIfAny(upTo: reader.newest) else { return }
        self.began = began
        isActive = true
    }
}

/// What one second looked like to the onset and ending models, in 16 bits: only seconds with demand, of which the onset
/// model has few cells, tell of endings.
struct PastSecond: Sendable {
    private static let unknown = UInt16.max

    /// An onset cell, or those of both models beyond these.
    private var code = unknown

    /// A second of which nothing is known.
    init() {}

    init(onset: OnsetContext) { code = onset.cell }

    /// A second with demand.
    init(onset: OnsetContext, ending: EndingContext) {
        code = UInt16(OnsetContext.cellCount + Int(ending.cell) * OnsetContext.busyCount) + onset.cell
    }

    var onset: OnsetContext? {
        guard code != Self.unknown else { return nil }
        return OnsetContext(cell: code < OnsetContext.cellCount ? code : UInt16(both % OnsetContext.busyCount))
    }

    var ending: EndingContext? {
        guard code != Self.unknown, code >= OnsetContext.cellCount else { return nil }
        return EndingContext(cell: UInt16(both / OnsetContext.busyCount))
    }

    private var both: Int { Int(code) - OnsetContext.cellCount }

    func encode(to writer: inout SnapshotWriter) { writer.put(code) }

    init(from reader: inout SnapshotReader) throws(SnapshotFailure) {
        code = try reader.number(UInt16.self)
        let known = OnsetContext.cellCount + EndingContext.cellCount * OnsetContext.busyCount
        guard code == Self.unknown || code < known else { throw .malformed }
    }
}
