import AllocationCore
import FleetModel
import SessionCore
import Testing

@testable import ControlLoop

/// Two GPU servers, and an instance that is certain to want 128 MiB.
@Suite struct ManagerOrdersTests {
    private let instance = ManagerHarness.instance.id
    private let slice = Slice(memory: .mebibytes(256), compute: MilliShare(100))

    private func fleet(onset: Double = 1) -> ManagerHarness {
        var fleet = ManagerHarness()
        fleet.serverSaysHello("s1", on: 2)
        fleet.serverSaysHello("s2", on: 3)
        fleet.agentSaysHello(on: 1)
        fleet.script.onset[instance] = onset
        fleet.script.memory[instance] = 0x1p27
        return fleet
    }

    // MARK: Mode

    @Test func inForecastOnlyNothingIsPreparedAndEachStepIsRecorded() throws {
        var fleet = fleet()
        try fleet.give(.setMode(.forecastOnly))
        var effects: [ManagerEffect] = []
        for _ in 0..<3 { effects += fleet.reports() }
        #expect(fleet.manager.heldGrants.isEmpty && effects.commands.isEmpty)
        #expect(effects.events(.rehearsed).count == 1, "a step that lasts is recorded once")
        #expect(fleet.manager.totals.rehearsedSteps == 1 && fleet.manager.totals.rehearsedIdleSeconds > 0)
        let told = try #require(fleet.manager.explain("i1", at: fleet.now).explanation)
        #expect(told.held == .cold && told.notes.contains { $0.contains("it would hold: reserved") })
    }

    @Test func inForecastOnlyAProgramThatAsksIsServed() throws {
        var fleet = fleet()
        try fleet.give(.setMode(.forecastOnly))
        for _ in 0..<2 { fleet.reports() }
        let effects = fleet.ask(1)
        #expect(effects.events(.requested).first?.detail.contains("if the manager had acted: reserved") == true)
        #expect(fleet.manager.totals.rehearsedFoundReserved == 1)
        #expect(fleet.manager.heldGrants.contains { $0.slice.memory > .zero })
    }

    @Test func backInActiveWhatWasRehearsedIsDone() throws {
        var fleet = fleet()
        try fleet.give(.setMode(.forecastOnly))
        for _ in 0..<2 { fleet.reports() }
        try fleet.give(.setMode(.active))
        fleet.reports()
        #expect(fleet.manager.heldGrants.count == 1)
        #expect(fleet.manager.overview(at: fleet.now).mode == .active)
    }

    // MARK: Pins and reservations

    @Test(arguments: ["s1", "s2"])
    func aPinnedInstanceIsWhereItIsPinned(server: String) throws {
        var fleet = fleet()
        try fleet.give(.pin(instance, .server(GPUServerID(unchecked: server))))
        for _ in 0..<2 { fleet.reports() }
        #expect(fleet.manager.heldGrants.map(\.device.server.rawValue) == [server])
        let told = try #require(fleet.manager.explain("i1", at: fleet.now).explanation)
        #expect(told.notes.contains("pinned to \(server) by order") && told.devices.count == 1)
    }

    @Test func aPinMovesWhatIsUnused() throws {
        var fleet = fleet()
        for _ in 0..<2 { fleet.reports() }
        fleet.everythingIsReady()
        let first = try #require(fleet.manager.heldGrants.first)
        let other = GPUServerID(unchecked: first.device.server.rawValue == "s1" ? "s2" : "s1")
        try fleet.give(.pin(instance, .server(other)))
        fleet.reports()
        #expect(fleet.manager.grants[first.grant]?.lifecycle.isReleasing == true)
        #expect(fleet.manager.heldGrants.contains { $0.device.server == other && $0.slice.memory > .zero })
    }

    @Test func aPinToAServerThatIsNotThereHoldsNothing() throws {
        var fleet = fleet()
        try fleet.give(.pin(instance, .server(GPUServerID(unchecked: "s9"))))
        for _ in 0..<2 { fleet.reports() }
        #expect(fleet.manager.heldGrants.isEmpty)
    }

    @Test func whatIsReservedByOrderStandsWithoutAForecastAndIsNotLimited() throws {
        var fleet = fleet(onset: 0)
        try fleet.give(
            .classes(.setQuota(ManagerHarness.instance.tenant, 0)),
            .reserve(ManualReservation(instance: instance, slice: slice, from: fleet.manager.wallTime(fleet.now))))
        for _ in 0..<10 { fleet.reports() }
        #expect(fleet.manager.heldGrants.map(\.slice) == [slice])
        try fleet.give(.releaseReservation(instance))
        fleet.everythingIsReady()
        for _ in 0..<10 { fleet.reports() }
        #expect(fleet.manager.heldGrants.allSatisfy { fleet.manager.grants[$0.grant]?.lifecycle.isReleasing == true })
    }

    @Test func aReservationBeginsAndEndsInItsTime() throws {
        var fleet = fleet(onset: 0)
        let start = fleet.manager.wallTime(fleet.now)
        try fleet.give(
            .reserve(
                ManualReservation(
                    instance: instance, slice: slice, from: start + .seconds(3), until: start + .seconds(6))))
        fleet.reports()
        #expect(fleet.manager.heldGrants.isEmpty)
        for _ in 0..<3 { fleet.reports() }
        #expect(fleet.manager.heldGrants.count == 1)
        #expect(fleet.manager.settings.orders.reservations.count == 1)
        fleet.everythingIsReady()
        for _ in 0..<8 { fleet.reports() }
        #expect(fleet.manager.heldGrants.allSatisfy { fleet.manager.grants[$0.grant]?.lifecycle.isReleasing == true })
    }

    @Test func aReservationThatIsOverIsForgottenAndNotedNoMore() throws {
        var fleet = fleet(onset: 0)
        let start = fleet.manager.wallTime(fleet.now)
        try fleet.give(
            .reserve(ManualReservation(instance: instance, slice: slice, from: start, until: start + .seconds(3))))
        fleet.reports()
        #expect(fleet.manager.settings.orders.reservations.count == 1)
        for _ in 0..<4 { fleet.reports() }
        #expect(fleet.manager.settings.orders.reservations.isEmpty)
        let told = try #require(fleet.manager.explain("i1", at: fleet.now).explanation)
        #expect(!told.notes.contains { $0.contains("by order") }, "\(told.notes)")
    }

    // MARK: Maintenance

    @Test func nothingIsPlacedOnAServerThatIsWorkedOnAndWhatIsUnusedIsTakenBack() throws {
        var fleet = fleet()
        for _ in 0..<2 { fleet.reports() }
        fleet.everythingIsReady()
        let first = try #require(fleet.manager.heldGrants.first)
        let window = MaintenanceWindow(server: first.device.server, from: fleet.manager.wallTime(fleet.now))
        try fleet.give(.addMaintenance(window))
        #expect(fleet.manager.pool.account(of: first.device)?.available == false)
        // For a few seconds it is kept for want of another.
        for _ in 0..<8 { fleet.reports() }
        #expect(fleet.manager.grants[first.grant]?.lifecycle.isReleasing != false)
        #expect(fleet.manager.pool.account(of: first.device)?.available == false)
        try fleet.give(.removeMaintenance(window.server, from: nil))
        fleet.reports()
        #expect(fleet.manager.pool.account(of: first.device)?.available == true)
    }

    @Test func beforeTheStartNothingSpeculativeIsPlacedThereAndAProgramIs() throws {
        var fleet = fleet()
        let soon = fleet.manager.wallTime(fleet.now) + .seconds(30)
        try fleet.give(
            .addMaintenance(MaintenanceWindow(server: GPUServerID(unchecked: "s1"), from: soon)),
            .pin(instance, .server(GPUServerID(unchecked: "s1"))))
        for _ in 0..<2 { fleet.reports() }
        #expect(fleet.manager.heldGrants.isEmpty)
        fleet.ask(1)
        #expect(fleet.manager.heldGrants.map(\.device.server.rawValue) == ["s1"])
    }

    @Test func aServerThatIsNotKnownIsNotWorkedOn() {
        var fleet = fleet()
        let window = MaintenanceWindow(
            server: GPUServerID(unchecked: "misspelt"), from: fleet.manager.wallTime(fleet.now))
        let error = #expect(throws: OrderError.self) { try fleet.give(.addMaintenance(window)) }
        #expect(error?.description.contains("misspelt is known") == true)
        #expect(fleet.manager.settings.orders.maintenance.isEmpty)
    }

    // MARK: Durability

    @Test func ordersAreWrittenAndStandAfterARestart() throws {
        var fleet = fleet()
        let effects = try fleet.manager.change([.pin(instance, .server(GPUServerID(unchecked: "s2")))], at: fleet.now)
        guard case .persist(let transaction)? = effects.first else {
            Issue.record("\(effects)")
            return
        }
        #expect(transaction.orders?.pins.count == 1 && transaction.orders?.revision == 1 && transaction.rules == nil)
        #expect(!fleet.manager.areOrdersStored)
        fleet.happens(.storeAnswered(.committed(revision: 99)))
        #expect(fleet.manager.areOrdersStored)
    }

    // MARK: Audit

    @Test func theAuditCountsWhatNobodyWasGranted() {
        var fleet = fleet(onset: 0)
        let stranger = fleet.held(77, on: "s1", .reserved)
        for _ in 0..<8 { fleet.periodPasses(agents: [1], servers: [2], held: [stranger]) }
        #expect(fleet.manager.audit(at: fleet.now).isClean)
        for _ in 0..<3 { fleet.periodPasses(agents: [1], servers: [2], held: [stranger]) }
        let audit = fleet.manager.audit(at: fleet.now)
        #expect(audit == FleetAudit(unaccounted: 1, unaccountedMemory: .mebibytes(100)))
        fleet.periodPasses(agents: [1], servers: [2])
        #expect(fleet.manager.audit(at: fleet.now).isClean)
    }
}
