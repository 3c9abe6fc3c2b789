import FleetModel

/// A rule that says, at the beginning of each second, what is held for whom. The comparison calls it once a second, and
/// the world counts what came of it.
///
/// An implementation uses nothing of later seconds (but the oracle), and equal calls give equal results.
protocol ReplayedPolicy: Sendable {
    /// Takes in what the second before `second` showed, and changes what is held.
    mutating func decide(at second: Int, seen: ArraySlice<DemandTrace.Entry>, in world: inout PolicyWorld)
}

/// Nothing is held for longer than a program runs.
struct ReactivePolicy: ReplayedPolicy {
    mutating func decide(at second: Int, seen: ArraySlice<DemandTrace.Entry>, in world: inout PolicyWorld) {
        for instance in world.holdings.indices where world.holdings[instance]?.level == .reserved {
            world.release(instance)
        }
    }
}

/// What a program had is kept for a fixed time after it, as serverless platforms do (Shahrad et al., "Serverless in the
/// Wild", USENIX ATC 2020, section 2).
struct KeepAlivePolicy: ReplayedPolicy {
    /// For each instance.
    let seconds: [Int]

    mutating func decide(at second: Int, seen: ArraySlice<DemandTrace.Entry>, in world: inout PolicyWorld) {
        for instance in world.holdings.indices {
            guard let held = world.holdings[instance], held.level == .reserved else { continue }
            if second - held.unusedSince > seconds[instance] { world.release(instance) }
        }
    }
}

/// Knows the future: what a start will want at first is reserved just before it, and nothing else ever.
struct OraclePolicy: ReplayedPolicy {
    /// How many seconds before the start: enough for a session to open.
    private static let lead = 1

    private let starts: [Start]
    private var next = 0

    struct Start: Sendable {
        var second: Int
        var instance: Int
        var slice: Slice
    }

    init(_ trace: DemandTrace) {
        var busyAt: [Int?] = Array(repeating: nil, count: trace.instances.count)
        var starts: [Start] = []
        for entry in trace.entries where entry.load.hasDemand {
            defer { busyAt[entry.instance] = entry.second }
            if let last = busyAt[entry.instance], entry.second - last <= Int(PolicyWorld.idleSeconds) { continue }
            starts.append(
                Start(second: entry.second, instance: entry.instance, slice: PolicyWorld.slice(of: entry.load)))
        }
        self.starts = starts
    }

    mutating func decide(at second: Int, seen: ArraySlice<DemandTrace.Entry>, in world: inout PolicyWorld) {
        while next < starts.count, starts[next].second < second { next += 1 }
        let near = starts[next...].prefix { $0.second <= second + Self.lead }
        let imminent = Set(near.map(\.instance))
        for instance in world.holdings.indices {
            guard world.holdings[instance]?.level == .reserved, !imminent.contains(instance) else { continue }
            world.release(instance)
        }
        for start in near { world.reserve(start.slice, for: start.instance, at: second) }
    }
}
