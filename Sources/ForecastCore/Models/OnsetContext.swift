/// What an instance looks like in one second, as far as it tells whether GPU demand is near: one of 434 cells.
package struct OnsetContext: SecondContext {
    /// The kinds of second that forecasts distinguish.
    package enum Kind: Int, CaseIterable, Sendable {
        /// No demand, and nothing that announces it.
        case quiet
        /// No demand, and network or CPU above the idle baseline, work in flight, or an active user, now or within the
        /// last 5 s.
        case surge
        /// Demand.
        case busy
    }

    static let cellCount = 434
    /// Cells that are similar before anything is learned: 9 of surges by signal, then quiet, busy, and surges in
    /// which only the user is active.
    static let groupCount = 12
    /// The first cells are those of seconds with demand.
    static let busyCount = 40
    private static let firstQuiet = busyCount
    private static let firstSurge = 50

    let cell: UInt16

    var kind: Kind {
        Int(cell) < Self.firstQuiet ? .busy : Int(cell) < Self.firstSurge ? .quiet : .surge
    }

    init(cell: UInt16) { self.cell = cell }

    /// A second with demand: for how long there has been, how densely over the last 32 s, and whether work waits.
    static func busy(seconds: Int64, demandMask: UInt64, hasWork: Bool) -> OnsetContext {
        let spell = bucket(seconds, limit: 4)
        let density = min(UInt32(truncatingIfNeeded: demandMask).nonzeroBitCount / 8, 3)
        return OnsetContext(cell: UInt16((spell * 4 + density) * 2 + (hasWork ? 1 : 0)))
    }

    /// A second without demand or announcement. `idle` is seconds since demand, nil when there never was any.
    static func quiet(idle: Int64?) -> OnsetContext {
        let age = idle.map { 1 + bucket($0, limit: 8) } ?? 0
        return OnsetContext(cell: UInt16(firstQuiet + age))
    }

    /// A second of a surge that began `age` seconds ago.
    static func surge(
        network: IdleBaseline.Level, cpu: IdleBaseline.Level, hasWork: Bool, hasUser: Bool, age: Int64,
        idle: Int64?
    ) -> OnsetContext {
        let phase = age <= 1 ? 0 : age <= 3 ? 1 : 2
        let followsDemand = (idle ?? .max) <= 3 ? 1 : 0
        let signals = (network.rawValue * 4 + cpu.rawValue) * 4 + (hasWork ? 2 : 0) + (hasUser ? 1 : 0)
        return OnsetContext(cell: UInt16(firstSurge + (signals * 3 + phase) * 2 + followsDemand))
    }

    var group: Int {
        switch kind {
        case .quiet: return 9
        case .busy: return 10
        case .surge:
            let signals = (Int(cell) - Self.firstSurge) / 6
            let host = signals / 4
            return signals == 1 ? 11 : min(host / 4, 2) * 3 + min(host % 4, 2)
        }
    }

    /// Data that arrives and is worked on by the CPU usually goes to the GPU next; either alone says less.
    static func prior(ofGroup group: Int) -> InlineArray<3, Double> {
        switch group {
        case 0: [0.4, 0.5, 0.6]  // work in flight only
        case 1: [0.05, 0.12, 0.22]  // CPU was above
        case 2: [0.12, 0.2, 0.3]  // CPU is above
        case 3: [0.25, 0.35, 0.4]  // network was above
        case 4: [0.3, 0.4, 0.45]  // both were
        case 5: [0.5, 0.6, 0.65]  // CPU is above, network was
        case 6: [0.3, 0.4, 0.45]  // network is above
        case 7: [0.4, 0.5, 0.55]  // network is, CPU was
        case 8: [0.5, 0.6, 0.65]  // both are
        case 9: [0.03, 0.08, 0.15]  // quiet
        case 11: [0.1, 0.2, 0.3]  // the user is active
        default: [0.8, 0.85, 0.9]  // busy
        }
    }

    /// Neighbouring quiet or busy seconds share most of their horizon, so that a single one of them says little; the few
    /// seconds of a surge say much.
    var strength: EvidenceStrength {
        kind == .surge
            ? EvidenceStrength(prior: 2, group: 4, fleet: 8) : EvidenceStrength(prior: 20, group: 20, fleet: 20)
    }

    /// 0 for 1, 1 for 2 and 3, 2 for 4 to 7 and so on, at most `limit`.
    private static func bucket(_ seconds: Int64, limit: Int) -> Int {
        min(Int64.bitWidth - max(1, seconds).leadingZeroBitCount - 1, limit)
    }
}
