import FleetModel
import SessionCore
import Testing

@testable import ControlLoop

@Suite struct ManagerClassesTests {
    private let batch = PriorityClass.batch.name

    /// An instance that is certain to want its slice, on a server that has room.
    private func fleet() -> ManagerHarness {
        var fleet = ManagerHarness()
        fleet.serverSaysHello("s1", on: 2)
        fleet.agentSaysHello(on: 1)
        fleet.script.onset[ManagerHarness.instance.id] = 1
        fleet.script.memory[ManagerHarness.instance.id] = 0x1p27
        return fleet
    }

    private func reports(
        _ fleet: inout ManagerHarness, _ instances: [InstanceID] = [ManagerHarness.instance.id]
    ) {
        let telemetry = instances.map { instance in
            InstanceTelemetry(
                instance: instance, incarnation: 1, source: .host,
                samples: [TelemetrySample(at: fleet.now, gpuMemory: .mebibytes(1), gpuCompute: MilliShare(1))])
        }
        let report = PredictionReport(
            sequence: UInt64(fleet.now.secondIndex), sentAt: fleet.now, telemetry: telemetry)
        fleet.happens(.agentMessageReceived(.report(report), LinkID(rawValue: 1)))
        fleet.periodPasses(agents: [1], servers: [2])
    }

    @Test func aRuleGivesItsClassToThoseThatAreThereAndThoseThatCome() throws {
        var fleet = fleet()
        let rule = ClassRule(tenant: "t*", priorityClass: batch)
        try fleet.change(.addRule(rule, at: nil))
        #expect(fleet.manager.explain("i1", at: fleet.now).explanation?.priority == .batch)
        let other = InstanceDescription(
            id: InstanceID(unchecked: "i2"), tenant: TenantID(unchecked: "t2"),
            application: ApplicationType(unchecked: "x"))
        fleet.happens(.agentMessageReceived(.instanceChanged(other, present: true), LinkID(rawValue: 1)))
        #expect(fleet.manager.explain("i2", at: fleet.now).explanation?.priority == .batch)
        try fleet.change(.set(batch, ClassFigures(weight: 9)))
        #expect(fleet.manager.explain("i1", at: fleet.now).explanation?.priority.weight == 9)
    }

    @Test func aClassThatThereIsNotIsSaid() throws {
        var fleet = fleet()
        let other = InstanceDescription(
            id: InstanceID(unchecked: "i2"), tenant: TenantID(unchecked: "t2"),
            application: ApplicationType(unchecked: "x"), priorityClass: PriorityClassName(unchecked: "nosuch"))
        let effects = fleet.happens(.agentMessageReceived(.instanceChanged(other, present: true), LinkID(rawValue: 1)))
        let said = effects.compactMap { effect in
            if case .record(let event) = effect, event.kind == .failure { event.detail } else { nil }
        }
        let missing = "there is no class nosuch: it is treated as standard"
        #expect(said == [missing])
        #expect(fleet.manager.explain("i2", at: fleet.now).explanation?.notes.contains(missing) == true)
        try fleet.change(.addRule(ClassRule(instance: "i2", priorityClass: batch), at: nil))
        #expect(fleet.manager.explain("i2", at: fleet.now).explanation?.notes.contains(missing) == false)
    }

    @Test func aQuotaHoldsFromTheNextStepOnAndIsRecorded() throws {
        var fleet = fleet()
        try fleet.change(.setQuota(ManagerHarness.instance.tenant, 0))
        for _ in 0..<3 { reports(&fleet) }
        let told = try #require(fleet.manager.explain("i1", at: fleet.now).explanation)
        #expect(told.held == .warm && told.decision == .short && told.reason.contains("the tenant's quota is short"))
        guard case .quota = told.change else {
            Issue.record("\(told.change)")
            return
        }
        let shortfall = fleet.manager.overview(at: fleet.now).instances.first?.shortfall
        #expect(shortfall?.contains("quota") == true)
        #expect(fleet.manager.heldGrants.allSatisfy { $0.slice == .zero })
        try fleet.change(.removeQuota(ManagerHarness.instance.tenant))
        reports(&fleet)
        #expect(fleet.manager.heldGrants.contains { $0.slice.memory > .zero })
    }

    /// The GPU server is slow to confirm: no second reservation is given back meanwhile.
    @Test func ofTwoReservationsOneIsGivenBackForALoweredQuota() throws {
        var fleet = fleet()
        let other = InstanceDescription(
            id: InstanceID(unchecked: "i2"), tenant: ManagerHarness.instance.tenant,
            application: ApplicationType(unchecked: "x"))
        fleet.script.onset[other.id] = 0.9
        fleet.script.memory[other.id] = 0x1p27
        fleet.happens(.agentMessageReceived(.instanceChanged(other, present: true), LinkID(rawValue: 1)))
        for _ in 0..<3 { reports(&fleet, [ManagerHarness.instance.id, other.id]) }
        #expect(fleet.manager.heldGrants.count { $0.slice.memory > .zero } == 2)
        fleet.everythingIsReady()
        try fleet.change(.setQuota(other.tenant, 0.2))
        for _ in 0..<2 { fleet.periodPasses() }
        let lowered = fleet.manager.heldGrants.filter { fleet.manager.grants[$0.grant]?.lifecycle.goal == .warm }
        #expect(lowered.map(\.instance.id) == [other.id])
    }

    @Test func aChangeIsWrittenAndARefusedOneIsNot() throws {
        var fleet = fleet()
        #expect(throws: OrderError.self) { try fleet.manager.change(.removeRule(0), at: fleet.now) }
        #expect(fleet.manager.areOrdersStored)
        let effects = try fleet.manager.change(.setQuota(TenantID(unchecked: "t"), 0.5), at: fleet.now)
        guard case .persist(let transaction) = effects.first else {
            Issue.record("\(effects)")
            return
        }
        #expect(transaction.rules == ClassRules(quotas: [TenantID(unchecked: "t"): 0.5]))
        #expect(!fleet.manager.areOrdersStored)
        fleet.happens(.storeAnswered(.committed(revision: 99)))
        #expect(fleet.manager.areOrdersStored)
    }
}

extension ManagerHarness {
    fileprivate mutating func change(_ change: ClassChange) throws {
        for effect in try manager.change(change, at: now) {
            if case .persist(let transaction) = effect {
                happens(.storeAnswered(.committed(revision: transaction.expectedRevision + 1)))
            }
        }
    }
}
