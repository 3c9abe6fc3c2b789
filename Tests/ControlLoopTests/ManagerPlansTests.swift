import AllocationCore
import Determinism
import FleetModel
import SessionCore
import Testing

@testable import ControlLoop

/// What a plan says is what its application does, and nothing else.
@Suite struct ManagerPlansTests {
    private static func instance(_ number: Int) -> InstanceDescription {
        InstanceDescription(
            id: InstanceID(unchecked: "i\(number)"), tenant: TenantID(unchecked: "t\(number % 2)"),
            application: ApplicationType(unchecked: "x"),
            priorityClass: [PriorityClass.batch, .standard, .interactive][number % 3].name)
    }

    /// Two servers of 1 GiB and eight instances, some of which hold what was prepared for them.
    private static func fleet(_ random: inout SeededGenerator) -> ManagerHarness {
        var fleet = ManagerHarness()
        fleet.serverSaysHello("s1", on: 2)
        fleet.serverSaysHello("s2", on: 3)
        let instances = (1...8).map(instance)
        fleet.agentSaysHello(on: 1, instances: instances)
        for one in instances {
            fleet.script.onset[one.id] = [0, 0.3, 0.9, 1][Int(random.below(4))]
            fleet.script.memory[one.id] = Double(1 << (25 + random.below(4)))
        }
        for _ in 0..<(1 + random.below(4)) {
            fleet.reports(instances.map(\.id))
            if random.chance(2, in: 3) { fleet.everythingIsReady() }
        }
        return fleet
    }

    private static func change(_ fleet: ManagerHarness, _ random: inout SeededGenerator) -> OperatorChange {
        let instance = InstanceID(unchecked: "i\(1 + random.below(8))")
        let server = GPUServerID(unchecked: random.chance(1, in: 2) ? "s1" : "s2")
        let wall = fleet.manager.wallTime(fleet.now)
        switch random.below(6) {
        case 0:
            return .classes(
                .setQuota(TenantID(unchecked: "t\(random.below(2))"), [0, 0.05, 0.3][Int(random.below(3))]))
        case 1: return .classes(.set(PriorityClass.batch.name, ClassFigures(weight: 8, idleBudget: 0.1)))
        case 2: return .pin(instance, .server(server))
        case 3:
            let slice = Slice(memory: .mebibytes(Int64(64 << random.below(5))), compute: MilliShare(100))
            return .reserve(ManualReservation(instance: instance, slice: slice, from: wall))
        case 4: return .addMaintenance(MaintenanceWindow(server: server, from: wall))
        default: return .setMode(.forecastOnly)
        }
    }

    @Test(arguments: 1...60)
    func applyingDoesWhatThePlanSays(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var fleet = Self.fleet(&random)
        let changes = (0...random.below(2)).map { _ in Self.change(fleet, &random) }
        let before = fleet.manager
        let plan = try fleet.manager.plan(changes, at: fleet.now)
        #expect(fleet.manager.heldGrants == before.heldGrants && fleet.manager.settings == before.settings)
        let known = Set(before.heldGrants.map(\.grant))
        _ = try fleet.manager.apply(plan, at: fleet.now)
        fleet.manager.checkInvariants()
        var expectedNew: [InstanceID: (DeviceID, Slice)] = [:]
        var goals: [GrantID: String] = [:]
        for step in plan.steps {
            switch step.action {
            case .openWarm(let device): expectedNew[step.instance] = (device, .zero)
            case .reserve(let device, let slice, nil): expectedNew[step.instance] = (device, slice)
            case .reserve(_, let slice, let grant?): goals[grant] = "reserved \(slice.memory.rawValue)"
            case .lower(let grant, _): goals[grant] = "warm"
            case .release(let grant, _): goals[grant] = "released"
            case .short: break
            }
        }
        for held in fleet.manager.heldGrants where !known.contains(held.grant) {
            let expected = expectedNew.removeValue(forKey: held.instance.id)
            #expect(expected?.0 == held.device && expected?.1 == held.slice)
        }
        #expect(expectedNew.isEmpty, "planned and not done")
        for grant in known {
            let goal: String? = fleet.manager.grants[grant].map { record in
                switch record.lifecycle.goal {
                case .warm: "warm"
                case .reserved: "reserved \(record.stored.slice.memory.rawValue)"
                case .released: "released"
                }
            }
            if let planned = goals[grant] {
                #expect(goal == planned || goal == nil)
            } else {
                #expect(fleet.manager.grants[grant]?.lifecycle.goal == before.grants[grant]?.lifecycle.goal)
            }
        }
        var settings = OperatorSettings(rules: before.setRules, orders: before.orders)
        for change in changes {
            try settings.apply(change, configured: PriorityClass.builtIn, now: before.wallTime(fleet.now))
        }
        #expect(fleet.manager.orders == settings.orders && fleet.manager.setRules == settings.rules)
    }

    @Test func aPlanIsStaleOnceTheSettingsHaveChanged() throws {
        var random = SeededGenerator(seed: 1)
        var fleet = Self.fleet(&random)
        let plan = try fleet.manager.plan([.setMode(.forecastOnly)], at: fleet.now)
        try fleet.give(.setMode(.active))
        let before = fleet.manager.settings
        #expect(throws: PlanRefusal.self) { _ = try fleet.manager.apply(plan, at: fleet.now) }
        #expect(fleet.manager.settings == before)
    }

    /// Half of a plan is never done: a step that is refused leaves nothing of those before it.
    @Test func aPlanIsStaleOnceAProgramUsesWhatItTakes() throws {
        var fleet = ManagerHarness()
        fleet.serverSaysHello("s1", on: 2)
        fleet.agentSaysHello(on: 1)
        fleet.script.onset[ManagerHarness.instance.id] = 1
        fleet.script.memory[ManagerHarness.instance.id] = 0x1p27
        for _ in 0..<2 { fleet.reports() }
        fleet.everythingIsReady()
        let plan = try fleet.manager.plan([.setMode(.forecastOnly)], at: fleet.now)
        #expect(plan.steps.contains { if case .release = $0.action { true } else { false } })
        let grant = try #require(fleet.manager.heldGrants.first)
        let taken = NotificationAcknowledgement(
            grant: grant.grant, epoch: grant.epoch, outcome: .handedOver(nil))
        fleet.happens(.agentMessageReceived(.acknowledged(taken), LinkID(rawValue: 1)))
        let error = #expect(throws: PlanRefusal.self) { _ = try fleet.manager.apply(plan, at: fleet.now) }
        #expect(error?.description.contains("a program uses it") == true)
        #expect(fleet.manager.orders.mode == nil && fleet.manager.orders.revision == 0)
    }
}
