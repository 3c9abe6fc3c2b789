import FleetModel
import Testing

@testable import ControlLoop

/// GPU servers that are drained or lost.
@Suite struct ManagerRecoveryTests {
    private let instance = ManagerHarness.instance.id
    private func server(_ name: String) -> GPUServerID { GPUServerID(unchecked: name) }

    private func description(_ name: String, _ priority: PriorityClass = .standard) -> InstanceDescription {
        InstanceDescription(
            id: InstanceID(unchecked: name), tenant: TenantID(unchecked: "t"),
            application: ApplicationType(unchecked: "x"), priorityClass: priority.name)
    }

    private static func drained(_ name: String) -> StoredFleet {
        let window = MaintenanceWindow(server: GPUServerID(unchecked: name), from: WallTime(rawValue: 0))
        return StoredFleet(term: 1, orders: OperatorOrders(maintenance: [window]))
    }

    // MARK: Drains

    @Test func nothingNewIsPlacedOnADrainedServerAlsoAfterARestart() {
        var fleet = AnsweringFleet([("s1", nil), ("s2", nil)])
        fleet.drain("s1")
        for request in 1...3 { fleet.asks(UInt64(request)) }
        #expect(fleet.placed.map(\.server) == [server("s2"), server("s2"), server("s2")])
        var later = AnsweringFleet(
            [("s1", nil), ("s2", nil)], recovered: Self.drained("s1"))
        later.asks(1)
        #expect(later.placed.map(\.server) == [server("s2")])
        later.undrain("s1")
        later.drain("s2")
        later.asks(2)
        #expect(later.placed.map(\.server) == [server("s2"), server("s1")])
    }

    @Test func whatIsPreparedLeavesADrainedServerOnceItIsPreparedElsewhere() throws {
        var fleet = AnsweringFleet([("s1", nil), ("s2", nil)])
        fleet.harness.script.onset[instance] = 1
        fleet.passes(2)
        let home = try #require(fleet.sessions().first)
        #expect(home.level == .reserved)
        fleet.drain(home.server)
        var seen: [[String]] = []
        for _ in 0..<4 {
            fleet.passes()
            seen.append(fleet.sessions().filter { $0.level == .reserved }.map(\.server))
        }
        #expect(seen.allSatisfy { !$0.isEmpty }, "\(seen)")
        #expect(seen.last == [home.server == "s1" ? "s2" : "s1"])
        #expect(fleet.drains.map(\.isDone) == [true])
    }

    @Test func whatAProgramHasStaysUntilItEndsAndIsCounted() {
        var fleet = AnsweringFleet([("s1", nil)])
        fleet.asks(1)
        fleet.drain("s1")
        fleet.passes(20)
        #expect(
            fleet.drains == [DrainProgress(server: server("s1"), phase: .draining, attached: 1, prepared: 0)])
        fleet.ends(instance)
        fleet.passes(2)
        #expect(fleet.harness.manager.overview(at: fleet.harness.now).recovery.drains.map(\.isDone) == [true])
    }

    @Test func withNoOtherServerWhatIsPreparedGoesAfterAWhile() {
        var fleet = AnsweringFleet([("s1", nil)])
        fleet.harness.script.onset[instance] = 1
        fleet.passes(2)
        fleet.drain("s1")
        fleet.passes(2)
        #expect(fleet.sessions().map(\.level) == [.reserved])
        fleet.passes(5)
        #expect(fleet.sessions().isEmpty)
    }

    @Test func afterTheDeadlineSessionsAreEndedWhereTheOperatorSaysSo() {
        for (then, phase) in [(MaintenanceWindow.AtDeadline.wait, DrainProgress.Phase.overdue), (.end, .empty)] {
            var fleet = AnsweringFleet([("s1", nil)])
            fleet.asks(1)
            fleet.drain("s1", deadline: .seconds(10), then: then)
            fleet.passes(5)
            #expect(fleet.drains.map(\.phase) == [.draining])
            fleet.passes(10)
            #expect(fleet.drains.map(\.phase) == [phase])
            #expect(fleet.attached.isEmpty == (then == .end))
        }
    }

    @Test func aServerIsUsedAgainOnceItsSelfTestHasPassed() {
        var fleet = AnsweringFleet([("s1", nil), ("s2", nil)])
        fleet.drain("s1")
        fleet.unfit = [ManagerHarness.version]
        fleet.undrain("s1")
        fleet.passes(10)
        #expect(fleet.testedAnew == 1, "it is not asked again before a minute has passed")
        #expect(fleet.drains.map(\.phase) == [.returning])
        #expect(fleet.drains.map(\.reason) == ["its self-test failed"])
        fleet.asks(1)
        #expect(fleet.placed.map(\.server) == [server("s2")])
        fleet.unfit = []
        fleet.passes(70)
        #expect(fleet.drains.isEmpty && fleet.testedAnew == 2)
        fleet.drain("s2")
        fleet.asks(2)
        #expect(fleet.placed.last?.server == server("s1"))
    }

    /// An operator begins once more before the test of the last time has ended.
    @Test func aServerThatIsDrainedDuringItsTestIsTestedAgainAfterwards() throws {
        var fleet = ManagerHarness()
        fleet.serverSaysHello("s1", on: 2)
        let server = GPUServerID(unchecked: "s1")
        func tests(_ effects: [ManagerEffect]) -> Bool {
            effects.contains { effect in
                guard case .sendToServer(.prepareInterface(_, let sources), _) = effect else { return false }
                return sources.testsAnew
            }
        }
        func isWorkedOn(_ fleet: inout ManagerHarness, _ begins: Bool) throws -> [ManagerEffect] {
            let window = MaintenanceWindow(
                server: server, from: fleet.manager.wallTime(fleet.now), deadline: nil, atDeadline: .wait)
            let effects = try fleet.change(begins ? .addMaintenance(window) : .removeMaintenance(server, from: nil))
            return effects + fleet.periodPasses(servers: [2])
        }
        _ = try isWorkedOn(&fleet, true)
        #expect(tests(try isWorkedOn(&fleet, false)))
        _ = try isWorkedOn(&fleet, true)
        fleet.happens(.serverMessageReceived(.interfaceInstalled(ManagerHarness.version), LinkID(rawValue: 2)))
        #expect(tests(try isWorkedOn(&fleet, false)))
        fleet.happens(.serverMessageReceived(.interfaceInstalled(ManagerHarness.version), LinkID(rawValue: 2)))
        #expect(fleet.manager.drains(at: fleet.now).isEmpty)
    }

    @Test func nobodyElseIsAskedWhenAServerReturns() throws {
        var harness = ManagerHarness()
        harness.serverSaysHello("s1", on: 10)
        // It is still busy installing what it was asked for.
        harness.serverSaysHello("s2", on: 11, installed: [])
        let now = harness.manager.wallTime(harness.now)
        _ = try harness.change(
            .addMaintenance(MaintenanceWindow(server: server("s1"), from: now, deadline: nil, atDeadline: .wait)))
        harness.periodPasses(servers: [10, 11])
        var effects = try harness.change(.removeMaintenance(server("s1"), from: nil))
        effects += harness.periodPasses(servers: [10, 11])
        let asked = effects.compactMap { effect -> UInt64? in
            guard case .sendToServer(.prepareInterface(_, let sources), let link) = effect else { return nil }
            #expect(sources.testsAnew)
            return link.rawValue
        }
        #expect(asked == [10])
    }

    // MARK: Standbys

    @Test(arguments: [PriorityClass.Backup.warm, .reserved])
    func aSecondSessionIsKeptInAnotherDomain(_ backup: PriorityClass.Backup) {
        var fleet = AnsweringFleet(
            [("s1", "rack-1"), ("s2", "rack-1"), ("s3", "rack-2")], classes: AnsweringFleet.backedUp(backup))
        fleet.drain("s3")
        fleet.asks(1)
        fleet.undrain("s3")
        fleet.passes(10)
        #expect(fleet.sessions().map(\.level) == [.attached, backup == .warm ? .warm : .reserved])
        #expect(fleet.sessions().last?.server == "s3")
        let recovery = fleet.harness.manager.overview(at: fleet.harness.now).recovery
        #expect(recovery.standbysWanted == 1 && recovery.standbysReady == 1)
    }

    @Test func whereThereIsOneDomainItIsKeptOnAnotherServer() {
        var fleet = AnsweringFleet([("s1", "rack"), ("s2", "rack")], classes: AnsweringFleet.backedUp(.warm))
        fleet.asks(1)
        fleet.passes(3)
        #expect(Set(fleet.sessions().map(\.server)) == ["s1", "s2"])
    }

    @Test func withoutAnotherServerItIsMissingAndThatIsSaid() {
        var fleet = AnsweringFleet([("s1", nil)], classes: AnsweringFleet.backedUp(.reserved))
        fleet.asks(1)
        fleet.passes(3)
        let recovery = fleet.harness.manager.overview(at: fleet.harness.now).recovery
        #expect(recovery.standbysWanted == 1 && recovery.standbysReady == 0)
    }

    @Test func theStandbyGoesWithTheSessionThatItIsFor() {
        var fleet = AnsweringFleet([("s1", nil), ("s2", nil)], classes: AnsweringFleet.backedUp(.warm))
        fleet.asks(1)
        fleet.passes(3)
        fleet.ends(instance)
        fleet.passes(10)
        #expect(fleet.sessions().isEmpty)
    }

    // MARK: Losses

    @Test func aLostSessionsStandbyIsPromotedBeforeTheProgramAsks() throws {
        var fleet = AnsweringFleet([("s1", nil), ("s2", nil)], classes: AnsweringFleet.backedUp(.warm))
        fleet.asks(1)
        fleet.passes(3)
        let (lost, kept) = (try #require(fleet.sessions().first), try #require(fleet.sessions().last))
        #expect(kept.level == .warm && kept.server != lost.server)
        let before = fleet.placed.count
        fleet.dies(lost.server)
        fleet.passes(5)
        let promoted = fleet.placed.dropFirst(before)
        #expect(promoted.map(\.server) == [server(kept.server)], "the one that waits there is raised, and no other")
        #expect(fleet.sessions().contains { $0.server == kept.server && $0.level == .reserved })
    }

    @Test func aProgramThatAsksBeforeTheLossIsNoticedGetsTheStandby() throws {
        var fleet = AnsweringFleet([("s1", nil), ("s2", nil)], classes: AnsweringFleet.backedUp(.warm))
        fleet.asks(1)
        fleet.passes(3)
        let kept = try #require(fleet.placed.last)
        fleet.dies(try #require(fleet.sessions().first).server)
        fleet.happens(.linkClosed(LinkID(rawValue: fleet.sessions().first?.server == "s1" ? 10 : 11)))
        fleet.asks(2)
        #expect(fleet.attached[instance] == kept.grant)
    }

    @Test func theHeaviestClassIsReplacedFirst() {
        let (light, heavy) = (description("a", .batch), description("z", .interactive))
        var fleet = AnsweringFleet([("s1", nil), ("s2", nil)], instances: [light, heavy])
        for one in [light.id, heavy.id] { fleet.harness.script.memory[one] = 700 * 0x1p20 }
        fleet.drain("s2")
        // An instance that was never seen to use a GPU gets no more than half of a device: both fit.
        for (request, one) in [light.id, heavy.id].enumerated() { fleet.asks(UInt64(request + 1), one) }
        fleet.passes(2)
        fleet.undrain("s2")
        fleet.dies("s1")
        fleet.passes(5)
        #expect(fleet.sessions(of: heavy.id).contains { $0.server == "s2" && $0.level == .reserved })
        #expect(!fleet.sessions(of: light.id).contains { $0.server == "s2" && $0.level == .reserved })
    }

    @Test func whatALossWouldLeaveWithoutRoomIsSaid() {
        let instances = ["a", "b"].map { description($0) }
        var fleet = AnsweringFleet([("s1", nil), ("s2", nil)], instances: instances)
        for (request, one) in instances.enumerated() {
            fleet.harness.script.memory[one.id] = 0x1p30
            fleet.drain(request == 0 ? "s2" : "s1")
            fleet.undrain(request == 0 ? "s1" : "s2")
            fleet.asks(UInt64(request + 1), one.id)
        }
        fleet.undrain("s1")
        fleet.passes(3)
        let half = fleet.harness.manager.overview(at: fleet.harness.now).recovery
        #expect(half.worstServer == nil, "half of each device is free for the other's")
        fleet.harness.script.memory[instances[0].id] = 0x1p29
        fleet.asks(3, instances[0].id)
        fleet.passes(3)
        let recovery = fleet.harness.manager.overview(at: fleet.harness.now).recovery
        #expect(recovery.worstServer != nil && recovery.unplacedSessions == 1 && recovery.unplacedMemory > .zero)
    }
}
