import Determinism
import FleetModel
import InterfaceCore

/// A fleet in which a rollout takes place: instances open sessions in what the rollout lets them have, and each version is
/// as good or bad as the test says.
struct RolloutWorld {
    /// What a version is truly like.
    struct Truth {
        /// Of 1,000 sessions, those that cannot be opened, and those whose worker fails.
        var failing: UInt64 = 2
        var crashing: UInt64 = 1
        var milliseconds: Int64 = 40
        /// Of 1,000 GPU servers, those whose self-test fails.
        var selfTestFailing: UInt64 = 0
        var commandRate = 50_000.0
    }

    static let old = version(1)
    static let new = version(2)

    static func version(_ minor: UInt32) -> InterfaceVersion {
        InterfaceVersion(
            kind: "opencl", version: SemanticVersion(1, minor, 0),
            digest: ContentDigest(bytes: [UInt8](repeating: UInt8(minor), count: 32)) ?? .zero)
    }

    var rollout: Rollout
    var random: SeededGenerator
    var truths: [InterfaceVersion: Truth] = [old: Truth(), new: Truth()]
    /// Of 1,000 sessions of either version, those that fail because of the fleet.
    var outage: UInt64 = 0
    /// Of 1,000 instances, those that open a session in a step.
    var busy: UInt64 = 100
    var fleet: RolloutFleet
    /// What is stored, by each step.
    var stored: (record: RolloutRecord, members: RolloutMembers)
    /// Whether the manager ends after each step and another goes on from what is stored.
    var restartsAlways = false
    private(set) var tested: Set<GPUServerID> = []
    private(set) var notes: [String] = []
    private(set) var steps = 0
    /// Sessions opened in the new version while nobody may have it; must stay 0.
    private(set) var trespasses = 0
    private(set) var affected = 0
    /// What of the groups was changed at once beyond what the limits say; must stay empty.
    private(set) var excesses: [String] = []
    private var nextInstance: Int

    init(
        seed: UInt64, instances: Int = 1_000, servers: Int = 40, plan: RolloutPlan = Self.plan()
    ) {
        random = SeededGenerator(seed: seed)
        rollout = Rollout(RolloutID(rawValue: 1), plan, baseline: Self.old, startedAt: WallTime(rawValue: 0))
        fleet = RolloutFleet()
        stored = (rollout.record, rollout.members)
        nextInstance = 0
        for _ in 0..<instances { appear() }
        fleet.servers = (0..<servers).map {
            RolloutFleet.Server(GPUServerID(unchecked: "s\($0)"), failureDomain: FailureDomain(unchecked: "d\($0 % 4)"))
        }
    }

    static func plan(
        canary: Int = 50, batch: Int = 200, soak: Duration = .seconds(30), limits: RolloutLimits = RolloutLimits()
    ) -> RolloutPlan {
        RolloutPlan(
            target: new, canary: Permille(clamping: canary), batch: Permille(clamping: batch), soak: soak,
            leastSessions: 20, limits: limits)
    }

    /// One instance more, of a tenant and a class: few tenants have many instances, many have few.
    mutating func appear() {
        let tenant = nextInstance.isMultiple(of: 2) ? nextInstance % 8 : nextInstance % 200
        fleet.instances.append(
            RolloutFleet.Instance(
                InstanceID(unchecked: "i\(nextInstance)"), tenant: TenantID(unchecked: "t\(tenant)"),
                priorityClass: PriorityClassName(unchecked: nextInstance.isMultiple(of: 10) ? "gold" : "standard")))
        nextInstance += 1
    }

    mutating func disappear() {
        guard !fleet.instances.isEmpty else { return }
        fleet.instances.remove(at: Int(random.below(UInt64(fleet.instances.count))))
    }

    mutating func chance(_ inThousand: UInt64) -> Bool { random.below(1_000) < inThousand }

    /// One second: sessions begin, servers test what they may have, and the rollout looks at it.
    mutating func step() {
        steps += 1
        var health: [InterfaceVersion: VersionHealth] = [Self.old: VersionHealth(), Self.new: VersionHealth()]
        for instance in fleet.instances where chance(busy) {
            let version = rollout.admits(instance.id) ? Self.new : Self.old
            if version == Self.new, rollout.record.phase == .rollingBack || rollout.record.phase == .rolledBack {
                trespasses += 1
            }
            if version == Self.new, let truth = truths[version], truth.crashing > 100 || truth.failing > 100 {
                affected += 1
            }
            open(version, &health[version, default: VersionHealth()])
        }
        for server in fleet.servers where rollout.admits(server.id) && !tested.contains(server.id) {
            // A server takes a while to install.
            guard chance(500), let truth = truths[Self.new] else { continue }
            tested.insert(server.id)
            if chance(truth.selfTestFailing) {
                health[Self.new]?.selfTestsFailed += 1
            } else {
                health[Self.new]?.selfTestsPassed += 1
                let noise = Double(random.below(200)) / 1_000 + 0.9
                health[Self.new]?.commandRates[server.id] = truth.commandRate * noise
                health[Self.old]?.commandRates[server.id] = (truths[Self.old]?.commandRate ?? 1) * (2 - noise)
            }
        }
        let undecided = fleet.servers.count { rollout.members.servers[$0.id] != nil && !tested.contains($0.id) }
        let step = RolloutStep(
            elapsed: .seconds(1), target: health[Self.new] ?? VersionHealth(),
            baseline: health[Self.old] ?? VersionHealth(), fleet: fleet, undecidedServers: undecided)
        take(rollout.step(step, at: WallTime(rawValue: Int64(steps) * 1_000)))
    }

    private mutating func open(_ version: InterfaceVersion, _ health: inout VersionHealth) {
        guard let truth = truths[version] else { return }
        guard !chance(truth.failing + outage) else { return health.failedToOpen += 1 }
        health.opened.count(.milliseconds(truth.milliseconds + Int64(random.below(20))))
        if chance(truth.crashing) { health.crashed += 1 }
    }

    mutating func take(_ effects: [RolloutEffect]) {
        for effect in effects {
            switch effect {
            case .note(let words): notes.append(words)
            case .admit, .forget, .withdraw: checkLimits()
            }
        }
        stored = (rollout.record, rollout.members)
        if restartsAlways { restart() }
    }

    mutating func restart() { rollout = Rollout(stored: stored.record, members: stored.members) }

    private mutating func checkLimits() {
        guard rollout.record.baseline != nil else { return }
        let limits = rollout.record.plan.limits
        func excess<Group: Hashable>(_ members: [(Group, isChanging: Bool)], _ limit: Permille) -> [Group] {
            var sizes: [Group: (all: Int, changing: Int)] = [:]
            for (group, isChanging) in members {
                sizes[group, default: (0, 0)].all += 1
                if isChanging { sizes[group]?.changing += 1 }
            }
            // Written otherwise than the code: the share of those that change, or a single one.
            return sizes.filter { $0.value.changing > 1 && $0.value.changing * 1_000 > limit.rawValue * $0.value.all }
                .map(\.key)
        }
        let stage = rollout.record.stage
        let instances = fleet.instances.map { ($0, rollout.members.instances[$0.id] == stage) }
        excesses += excess(instances.map { ($0.0.tenant, $0.1) }, limits.perTenant).map { "\($0)" }
        excesses += excess(instances.map { ($0.0.priorityClass, $0.1) }, limits.perClass).map { "\($0)" }
        let servers = fleet.servers.map { ($0.failureDomain, rollout.members.servers[$0.id] == stage) }
        excesses += excess(servers, limits.perFailureDomain).map { "\($0?.rawValue ?? "-")" }
    }

    /// Goes on until the rollout is over, or `most` seconds have passed.
    mutating func run(atMost most: Int = 4_000) {
        for _ in 0..<most {
            guard !rollout.record.phase.isTerminal else { return }
            step()
        }
    }
}
