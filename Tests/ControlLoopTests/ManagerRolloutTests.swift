import FleetModel
import InterfaceCore
import Testing

@testable import ControlLoop

/// Rollouts as the manager carries them out, among peers that do what they are told.
@Suite struct ManagerRolloutTests {
    static let old = ManagerHarness.version
    static let new = InterfaceVersion(
        kind: "opencl", version: SemanticVersion(1, 1, 0),
        digest: ContentDigest(bytes: [UInt8](repeating: 7, count: 32)) ?? .zero)

    static let instances = (0..<20).map { number in
        InstanceDescription(
            id: InstanceID(unchecked: "i\(number)"), tenant: TenantID(unchecked: "t"),
            application: ApplicationType(unchecked: "x"))
    }

    static func plan(soak: Duration = .seconds(5), sessions: Int = 0) -> RolloutPlan {
        RolloutPlan(
            target: InterfaceVersion(kind: "opencl", version: new.version, digest: .zero),
            canary: Permille(clamping: 100), batch: Permille(clamping: 500), soak: soak, leastSessions: sessions,
            limits: RolloutLimits(perTenant: .all, perClass: .all, perFailureDomain: .all))
    }

    /// A fleet in which the new version has been published, and waits.
    static func fleet(updates: InterfaceUpdates = .rollout, recovered: StoredFleet = StoredFleet(term: 1))
        -> AnsweringFleet
    {
        var fleet = AnsweringFleet(
            [("s1", "a"), ("s2", "b")], instances: instances, recovered: recovered, updates: updates,
            published: recovered.rollouts.records.isEmpty ? [old] : [old, new])
        fleet.passes(10)
        fleet.happens(.interfacesPublished([InterfaceOffer(old), InterfaceOffer(new)], source: "http://m"))
        fleet.passes(2)
        return fleet
    }

    static func installed(_ fleet: AnsweringFleet) -> [Int] {
        fleet.harness.manager.servers.values.map { $0.installed.count { $0 == new } }.sorted()
    }

    @Test func whatIsPublishedWaitsForARollout() {
        let fleet = Self.fleet()
        #expect(Self.installed(fleet) == [0, 0])
        #expect(fleet.harness.manager.agents.values.allSatisfy { !$0.installed.contains(Self.new) })
    }

    @Test func canariesOpenInTheNewVersionAndTheOthersInTheOld() throws {
        var fleet = Self.fleet()
        try fleet.orders(.start(Self.plan(soak: .seconds(600))))
        fleet.passes(2)
        #expect(Self.installed(fleet) == [1, 1])
        let canaries = fleet.harness.manager.rollouts.active?.members.instances ?? [:]
        #expect(canaries.count == 2)
        for (number, one) in Self.instances.enumerated() { fleet.asks(UInt64(number + 1), one.id) }
        for stored in fleet.harness.manager.heldGrants {
            #expect((stored.version == Self.new) == (canaries[stored.instance.id] != nil), "\(stored.instance.id)")
        }
        #expect(fleet.harness.manager.heldGrants.count == 20)
    }

    /// Programs come one after the other under one name: nobody else tries the version between two of them.
    @Test func aCanaryThatIsBackSoonKeepsItsPlaceAndOneThatStaysAwayGivesItUp() throws {
        var fleet = Self.fleet()
        try fleet.orders(.start(Self.plan(soak: .seconds(600))))
        fleet.passes(2)
        func canaries() -> Set<InstanceID> {
            Set((fleet.harness.manager.rollouts.active?.members.instances ?? [:]).keys)
        }
        let first = canaries()
        let leaving = try #require(Self.instances.first { first.contains($0.id) })
        func moves(present: Bool) {
            fleet.instances = Self.instances.map(\.id).filter { present || $0 != leaving.id }
            fleet.happens(
                .agentMessageReceived(.instanceChanged(leaving, present: present), AnsweringFleet.agentLink))
        }
        moves(present: false)
        fleet.passes(20)
        #expect(canaries() == first)
        moves(present: true)
        fleet.passes(70)
        #expect(canaries() == first)
        moves(present: false)
        fleet.passes(70)
        #expect(!canaries().contains(leaving.id) && canaries().count == first.count)
    }

    @Test func itGoesThroughAndIsWhatStandsThen() throws {
        var fleet = Self.fleet()
        try fleet.orders(.start(Self.plan()))
        fleet.passes(60)
        let overviews = fleet.harness.manager.rolloutOverviews
        #expect(overviews.last?.phase == .completed, "\(overviews.last?.reason ?? "")")
        fleet.asks(1, Self.instances[3].id)
        #expect(fleet.harness.manager.heldGrants.last?.version == Self.new)
        #expect(throws: OrderError("no rollout is under way")) { try fleet.orders(.pause(nil)) }
    }

    @Test func whatIsPreparedInTheOldVersionIsReplacedBeforeItGoes() throws {
        var fleet = Self.fleet()
        let instance = Self.instances[0].id
        fleet.harness.script.onset[instance] = 1
        fleet.passes(2)
        #expect(fleet.versions(of: instance) == [Self.old])
        try fleet.orders(.start(Self.plan()))
        var seen: [[InterfaceVersion]] = []
        for _ in 0..<60 {
            fleet.passes()
            seen.append(fleet.versions(of: instance))
        }
        #expect(seen.allSatisfy { !$0.isEmpty }, "there is always one")
        #expect(seen.last == [Self.new])
    }

    @Test func aVersionWhoseSelfTestFailsIsRolledBackAndBarred() throws {
        var fleet = Self.fleet()
        fleet.unfit = [Self.new]
        try fleet.orders(.start(Self.plan()))
        fleet.passes(20)
        let overview = try #require(fleet.harness.manager.rolloutOverviews.last)
        #expect(overview.phase == .rolledBack)
        #expect(overview.reason == "self-tests: none of 2 passed")
        fleet.asks(1, Self.instances[0].id)
        #expect(fleet.harness.manager.heldGrants.last?.version == Self.old)
        #expect(fleet.harness.manager.quarantined[Self.new] != nil)
    }

    @Test func revocationTakesBackWhatIsPreparedAndLeavesWhatIsUsed() throws {
        var fleet = Self.fleet()
        try fleet.orders(.start(Self.plan(soak: .seconds(600))))
        fleet.passes(2)
        let canaries = (fleet.harness.manager.rollouts.active?.members.instances ?? [:]).keys.sorted()
        let (used, prepared) = (canaries[0], canaries[1])
        fleet.asks(1, used)
        fleet.harness.script.onset[prepared] = 1
        fleet.passes(2)
        #expect(fleet.versions(of: prepared) == [Self.new])
        fleet.happens(.interfacesPublished([InterfaceOffer(Self.old)], source: "http://m"))
        fleet.passes(3)
        #expect(fleet.harness.manager.rolloutOverviews.last?.phase == .rolledBack)
        #expect(fleet.versions(of: used) == [Self.new])
        #expect(fleet.versions(of: prepared) == [Self.old])
    }

    @Test func itIsWrittenAndGoesOnAfterARestart() throws {
        var fleet = Self.fleet()
        try fleet.orders(.start(Self.plan(soak: .seconds(600))))
        fleet.passes(8)
        let members = try #require(fleet.harness.manager.rollouts.active?.members)
        var later = Self.fleet(
            recovered: StoredFleet(term: 1, nextGrant: 100, rollouts: fleet.harness.stored))
        #expect(later.harness.manager.rollouts.active?.members == members)
        later.passes(20)
        #expect(later.harness.manager.rollouts.active?.members == members)
        #expect(Self.installed(later) == [1, 1])
        try later.orders(.abort(nil))
        later.passes(2)
        #expect(later.harness.manager.rolloutOverviews.last?.phase == .aborted)
        #expect(later.harness.stored.members.isEmpty)
    }

    @Test func ordersThatCannotBeAreRefused() throws {
        var fleet = Self.fleet()
        var plan = Self.plan()
        plan.target.version = SemanticVersion(9, 0, 0)
        #expect(throws: OrderError("opencl 9.0.0 is not published")) { try fleet.orders(.start(plan)) }
        try fleet.orders(.start(Self.plan()))
        #expect(throws: OrderError.self) { try fleet.orders(.start(Self.plan())) }
        #expect(throws: OrderError.self) { try fleet.orders(.pause(RolloutID(rawValue: 77))) }
    }

    @Test func outsideRolloutsAFewTryWhatIsNewFirst() {
        var fleet = Self.fleet(updates: .automatic)
        fleet.passes(6)
        let explorers = fleet.harness.manager.rollouts.explorers
        #expect(fleet.harness.manager.instances.count { $0.map { explorers.contains($0.description.id) } == true } == 1)
        #expect(Self.installed(fleet) == [1, 1])
    }
}
