import Determinism

/// How often each kind of fault happens in one run. Each seed draws its own mix, in which about half of the kinds do
/// not occur at all: a bug that needs one fault often and another never is found sooner than in an average of all.
///
/// (Groce and others, "Swarm testing", ISSTA 2012.)
struct FaultMix: Sendable {
    /// Times in ``FaultMix/denominator``, by kind.
    private var chances: [UInt64]
    /// The grid that delays fall on, in milliseconds: on a coarse one things often happen at the very same moment.
    let gridMs: Int64
    /// The greatest drift of a clock, in parts per million.
    let driftPpm: UInt64

    static let denominator: UInt64 = 10_000

    init(random: inout SeededGenerator) {
        var chances: [UInt64] = []
        for kind in FaultKind.allCases {
            let isOn = random.chance(1, in: 2)
            let chance = 1 + random.below(kind.greatestChance)
            chances.append(isOn ? chance : 0)
        }
        let drifts = chances[FaultKind.clockSkewed.rawValue] > 0
        let isCoarse = random.chance(1, in: 3) && !drifts
        self.chances = chances
        gridMs = isCoarse ? 250 : 1
        driftPpm = drifts ? 1 + random.below(1_000) : 0
    }

    private init() {
        chances = FaultKind.allCases.map { _ in 0 }
        gridMs = 1
        driftPpm = 0
    }

    /// No faults.
    static let none = FaultMix()

    func chance(_ kind: FaultKind) -> UInt64 { chances[kind.rawValue] }
}

extension FaultKind {
    /// The kinds that happen to a peer at a random moment, about once a second in all.
    static let spontaneous: [FaultKind] = [
        .peerPaused, .managerCrashed, .managerReplaced, .agentCrashed, .serverCrashed, .serverLost,
        .workerCrashed, .instanceRestarted, .serverDrained, .rolloutOrdered, .versionRevoked,
    ]

    /// The most often that a mix may have this kind: per message, commit or start, or per chance of a spontaneous fault.
    fileprivate var greatestChance: UInt64 {
        switch self {
        case .messageDropped: 150
        case .messageDelayed, .messageDuplicated, .messageReordered: 1_500
        case .clockSkewed: 1
        case .peerPaused, .workerCrashed: 3_000
        case .managerCrashed, .agentCrashed, .serverCrashed: 2_500
        case .managerReplaced, .instanceRestarted: 1_500
        case .serverLost: 500
        case .serverDrained: 2_000
        case .rolloutOrdered: 5_000
        case .versionRevoked: 300
        case .workerNotStarted, .sessionNotOpened, .installationFailed: 2_500
        case .commitDelayed, .commitReplyLost: 2_000
        case .writeCutOff: 1_000
        }
    }
}
