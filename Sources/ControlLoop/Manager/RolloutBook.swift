import FleetModel
import InterfaceCore

/// The manager's rollouts: the one that is under way, those that are over, and what was seen since the last step.
struct RolloutBook: Sendable {
    /// Nil while none is under way.
    var active: Rollout?
    /// Ascending by number.
    private(set) var ended: [RolloutRecord]
    /// Version numbers that were rolled back and not tried again since.
    private(set) var barred: [SemanticVersion: Bar] = [:]

    /// Why a version is not used.
    struct Bar: Hashable {
        var reason: String
        /// Whether it is worse than none: it computes wrongly.
        var isFinal: Bool
    }

    /// What the newest rollout that was completed brought; nil before there was one.
    private(set) var standing: SemanticVersion?

    // Since the last step
    var target = VersionHealth()
    var baseline = VersionHealth()
    /// Who has said of the target whether it can be used there: each is heard once.
    private var judged: Set<String> = []

    /// Prepared sessions that are in another version than they would be opened in now: what takes their place is being
    /// prepared.
    var outdated: [GrantID: MonotonicTime] = [:]
    /// Instances that have left of late, with the moment: one that is back soon keeps its place, as programs that come one
    /// after the other under one name do, and nobody is let in for it meanwhile.
    private(set) var departed: [InstanceID: Departure] = [:]

    struct Departure: Hashable {
        var instance: RolloutFleet.Instance
        var at: MonotonicTime
    }

    /// How long one that has left counts as if it were there.
    private static let returnTime = Duration.seconds(60)

    /// Instances that may be the first to try what nobody has used yet.
    var explorers = Explorers.none
    var lastStep: MonotonicTime
    var lastWrite: MonotonicTime
    var lastLook: MonotonicTime?

    init(_ stored: StoredRollouts, now: MonotonicTime) {
        ended = stored.records.filter(\.phase.isTerminal).sorted { $0.id < $1.id }
        // A store that has more than one under way was not written by a manager: the newest goes on.
        active = stored.records.last { !$0.phase.isTerminal }.map {
            Rollout(stored: $0, members: stored.members[$0.id] ?? RolloutMembers())
        }
        lastStep = now
        lastWrite = now
        review()
    }

    mutating func noteDeparted(_ instance: RolloutFleet.Instance, at now: MonotonicTime) {
        departed[instance.id] = Departure(instance: instance, at: now)
    }

    /// Forgets those that have been away for too long, or are back.
    mutating func forgetDeparted(_ now: MonotonicTime, isBack: (InstanceID) -> Bool) {
        departed = departed.filter { now - $0.value.at < Self.returnTime && !isBack($0.key) }
    }

    var nextID: RolloutID {
        RolloutID(rawValue: max(ended.last?.id.rawValue ?? 0, active?.record.id.rawValue ?? 0) + 1)
    }

    /// Oldest first.
    var records: [RolloutRecord] { ended + [active?.record].compactMap(\.self) }

    mutating func begin(_ rollout: Rollout) {
        active = rollout
        departed = [:]
        target = VersionHealth()
        baseline = VersionHealth()
        judged = []
        outdated = [:]
        lastLook = nil
        review()
    }

    /// Takes note that the one that was under way is over.
    /// - Returns: those that are forgotten for it.
    mutating func end() -> [RolloutID] {
        guard let record = active?.record, record.phase.isTerminal else { return [] }
        active = nil
        departed = [:]
        outdated = [:]
        ended.append(record)
        review()
        // The one that says what stands is kept, however old it is.
        var forgotten: [RolloutID] = []
        while ended.count > StoredRollouts.historyLimit,
            let place = ended.firstIndex(where: { $0.phase != .completed || $0.plan.target.version != standing })
        {
            forgotten.append(ended.remove(at: place).id)
        }
        return forgotten
    }

    private mutating func review() {
        barred = [:]
        standing = nil
        for record in ended {
            let version = record.plan.target.version
            switch record.phase {
            case .completed:
                standing = version
                barred[version] = nil
            case .rolledBack, .aborted:
                barred[version] = Bar(reason: record.reason, isFinal: record.cause == .gate(.selfTests))
            default: break
            }
        }
        if let target = active?.target.version { barred[target] = nil }
    }

    // MARK: What is seen

    /// Counts something that happened to sessions of a version, or on a host that was to use it.
    mutating func count(_ version: InterfaceVersion, _ change: (inout VersionHealth) -> Void) {
        guard let active, version.kind == active.target.kind else { return }
        if version.version == active.target.version {
            change(&target)
        } else if version.version == active.record.baseline?.version {
            change(&baseline)
        }
    }

    /// Counts whether a host can use a version, once for each host.
    mutating func judge(_ version: InterfaceVersion, by host: String, passed: Bool) {
        guard let active, version.version == active.target.version, judged.insert(host).inserted else { return }
        count(version) { if passed { $0.selfTestsPassed += 1 } else { $0.selfTestsFailed += 1 } }
    }

    mutating func takeSeen() -> (target: VersionHealth, baseline: VersionHealth) {
        defer {
            target = VersionHealth()
            baseline = VersionHealth()
        }
        return (target, baseline)
    }

    /// Whether an instance is to open its sessions in the version that is rolled out.
    func admits(_ instance: InstanceID) -> Bool { active?.admits(instance) ?? false }

    func admits(_ server: GPUServerID) -> Bool { active?.admits(server) ?? false }

    func isTarget(_ version: InterfaceVersion) -> Bool {
        active.map { $0.target.kind == version.kind && $0.target.version == version.version } ?? false
    }
}
