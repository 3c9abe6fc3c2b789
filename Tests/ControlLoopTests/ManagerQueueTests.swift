import AllocationCore
import FleetModel
import Testing

@testable import ControlLoop

/// A server of 1 GiB that one program uses up, and a second instance whose program waits.
@Suite struct ManagerQueueTests {
    private func crowded() -> ManagerHarness {
        var fleet = ManagerHarness()
        fleet.serverSaysHello("s1", on: 2)
        let others = (2...3).map { number in
            InstanceDescription(
                id: InstanceID(unchecked: "i\(number)"), tenant: TenantID(unchecked: "t"),
                application: ApplicationType(unchecked: "x"),
                priorityClass: number == 2 ? PriorityClass.batch.name : PriorityClass.interactive.name)
        }
        fleet.agentSaysHello(on: 1, instances: [ManagerHarness.instance] + others)
        for one in [ManagerHarness.instance] + others { fleet.script.memory[one.id] = 0x1p29 }
        for request in 1...2 as ClosedRange<UInt64> { fleet.ask(request) }
        return fleet
    }

    private func asks(_ fleet: inout ManagerHarness, _ instance: String, _ request: UInt64) {
        let asked = GPURequest(request: RequestID(rawValue: request), instance: InstanceID(unchecked: instance))
        fleet.happens(.agentMessageReceived(.gpuRequested(asked), LinkID(rawValue: 1)))
    }

    @Test func aLightClassThatHasWaitedLongComesFirst() {
        var fleet = crowded()
        asks(&fleet, "i2", 7)
        fleet.now = fleet.now + .seconds(20)
        asks(&fleet, "i3", 8)
        #expect(fleet.manager.waitingOverview(fleet.now).map(\.request.rawValue) == [8, 7])
        #expect(fleet.manager.overview(at: fleet.now).waiting == fleet.manager.waitingOverview(fleet.now))
        fleet.now = fleet.now + .seconds(20)
        #expect(fleet.manager.waitingOverview(fleet.now).map(\.request.rawValue) == [8, 7])
        var early = crowded()
        asks(&early, "i2", 7)
        early.now = early.now + .seconds(120)
        asks(&early, "i3", 8)
        #expect(early.manager.waitingOverview(early.now).map(\.request.rawValue) == [7, 8])
    }

    @Test func aRequestIsRefusedWithItsReasonOnceItsClassesPatienceIsOver() throws {
        var fleet = crowded()
        try fleet.give(.classes(.set(PriorityClass.batch.name, ClassFigures(patience: .seconds(5)))))
        asks(&fleet, "i2", 7)
        #expect(fleet.manager.waitingRequests == 1)
        var effects: [ManagerEffect] = []
        for _ in 0..<6 { effects += fleet.reports() }
        #expect(fleet.manager.waitingRequests == 0)
        let refused = effects.compactMap { effect -> String? in
            guard case .sendToAgent(.requestRefused(_, let reason), _) = effect else { return nil }
            return reason
        }
        #expect(refused.count == 1 && refused.first?.isEmpty == false)
    }

    /// A decision in parts may have found that an instance wants a warm session before its program asked.
    @Test func whatAWaitingProgramLacksIsNotOverwrittenByADecision() throws {
        var fleet = crowded()
        asks(&fleet, "i2", 7)
        let instance = InstanceID(unchecked: "i2")
        let place = try #require(fleet.manager.instanceIndex[instance])
        let lacked = try #require(fleet.manager.record(of: instance)?.shortfall)
        #expect(fleet.manager.lackWarmSessions(at: [place], fleet.now).isEmpty)
        #expect(fleet.manager.record(of: instance)?.shortfall == lacked)
    }

    @Test func patienceOfZeroRefusesAtOnce() throws {
        var fleet = crowded()
        try fleet.give(.classes(.set(PriorityClass.batch.name, ClassFigures(patience: .zero))))
        asks(&fleet, "i2", 7)
        #expect(fleet.manager.waitingRequests == 0)
    }
}

/// What is done for a program that asks before it has to wait.
@Suite struct ManagerRoomTests {
    private static func instance(_ name: String, _ priority: PriorityClass) -> InstanceDescription {
        InstanceDescription(
            id: InstanceID(unchecked: name), tenant: TenantID(unchecked: "t"),
            application: ApplicationType(unchecked: "x"), priorityClass: priority.name)
    }

    /// Two reservations that may not be taken, each on a device of its own, leave none whole; on one there is room for both.
    @Test func unusedReservationsGoElsewhereWhereThatLeavesRoom() {
        let protected = ["p1", "p2"].map { Self.instance($0, .interactive) }
        var fleet = AnsweringFleet(
            [("s1", nil), ("s2", nil)], instances: protected + [Self.instance("whole", .standard)])
        for (number, one) in protected.enumerated() {
            fleet.harness.script.memory[one.id] = 0x1p28
            fleet.harness.script.onset[one.id] = 1
            fleet.gives(.pin(one.id, .server(GPUServerID(unchecked: "s\(number + 1)"))))
            fleet.passes(3)
            fleet.gives(.unpin(one.id))
        }
        #expect(protected.flatMap { fleet.sessions(of: $0.id) }.map(\.server) == ["s1", "s2"])
        let whole = InstanceID(unchecked: "whole")
        fleet.harness.script.memory[whole] = 0x1p30
        fleet.asks(1, whole)
        fleet.passes(3)
        #expect(fleet.attached[whole] != nil)
        let moved = protected.flatMap { fleet.sessions(of: $0.id) }
        #expect(Set(moved.map(\.server)).count == 1 && moved.allSatisfy { $0.level == .reserved })
    }

    /// Half of 100 MiB for workers that hold 25 MiB each.
    @Test func warmSessionsAreAsManyAsTheHostHasMemoryFor() {
        var fleet = ManagerHarness()
        let server = GPUServerID(unchecked: "s1")
        func hello(_ memory: Bytes?) -> GPUServerHello {
            GPUServerHello(
                server: server, softwareVersion: "test", devices: [ManagerHarness.device("s1")], held: [],
                epochs: [Epoch(term: 1, counter: 0)], installed: [ManagerHarness.version],
                host: GPUServerHost(memory: memory))
        }
        func most(_ fleet: ManagerHarness) -> Int? {
            fleet.manager.pool.account(of: ManagerHarness.device("s1").id)?.maximumWarm
        }
        fleet.happens(.serverMessageReceived(.hello(hello(.mebibytes(100))), LinkID(rawValue: 2)))
        fleet.agentSaysHello(on: 1)
        fleet.periodPasses(agents: [1], servers: [2])
        #expect(most(fleet) == fleet.manager.pool.maximumWarmPerDevice, "until one was measured")
        var held = fleet.held(9, on: "s1", .warm, memory: .zero)
        held.workerMemory = .mebibytes(25)
        fleet.manager.learnWarm(held)
        fleet.periodPasses(agents: [1], servers: [2])
        #expect(most(fleet) == 2)
        fleet.happens(.serverMessageReceived(.hello(hello(nil)), LinkID(rawValue: 2)))
        fleet.periodPasses(agents: [1], servers: [2])
        #expect(most(fleet) == fleet.manager.pool.maximumWarmPerDevice)
    }

    /// A session that keeps a processor busy for two fifths of the device, on a host with one processor, and a device that is that
    /// processor.
    @Test func computeIsPromisedAsFarAsTheHostsProcessorsReach() throws {
        var fleet = ManagerHarness()
        let server = GPUServerID(unchecked: "s1")
        var devices = [ManagerHarness.device("s1"), ManagerHarness.device("s1")]
        devices[1].id = DeviceID(server: server, index: 1)
        devices[1].isHostProcessor = true
        func hello(_ processors: Double?) -> GPUServerHello {
            GPUServerHello(
                server: server, softwareVersion: "test", devices: devices, held: [],
                epochs: [Epoch(term: 1, counter: 0), Epoch(term: 1, counter: 0)], installed: [ManagerHarness.version],
                host: GPUServerHost(processors: processors))
        }
        func compute(_ fleet: ManagerHarness) -> [Int32] {
            devices.map { fleet.manager.pool.account(of: $0.id)?.compute.rawValue ?? 0 }
        }
        fleet.happens(.serverMessageReceived(.hello(hello(1)), LinkID(rawValue: 2)))
        fleet.agentSaysHello(on: 1)
        fleet.periodPasses(agents: [1], servers: [2])
        let whole = compute(fleet)
        var held = fleet.held(9, on: "s1", .attached)
        held.commandTime = CommandTime(busy: .milliseconds(400), processors: .seconds(1))
        var onProcessor = held
        (onProcessor.grant, onProcessor.device) = (GrantID(rawValue: 10), devices[1].id)
        onProcessor.commandTime = CommandTime(busy: .seconds(1), processors: .seconds(100))
        for _ in 1...20 { fleet.periodPasses(agents: [1], servers: [2], held: [held, onProcessor]) }
        #expect(compute(fleet) == whole, "little was seen")
        for _ in 1...40 { fleet.periodPasses(agents: [1], servers: [2], held: [held, onProcessor]) }
        #expect(compute(fleet) == [whole[0] * 2 / 5, whole[1]])
        fleet.happens(.serverMessageReceived(.hello(hello(1)), LinkID(rawValue: 2)))
        #expect(compute(fleet) == [whole[0] * 2 / 5, whole[1]], "it is remembered when the server connects anew")
        // Nobody uses it: after a while little of that is known.
        for _ in 1...900 { fleet.periodPasses(agents: [1], servers: [2]) }
        #expect(compute(fleet) == whole)
    }

    @Test func whyTellsThatProcessorsLimit() throws {
        var fleet = ManagerHarness()
        let device = ManagerHarness.device("s1")
        let hello = GPUServerHello(
            server: device.id.server, softwareVersion: "test", devices: [device], held: [],
            epochs: [Epoch(term: 1, counter: 0)], installed: [ManagerHarness.version],
            host: GPUServerHost(processors: 0.1))
        fleet.happens(.serverMessageReceived(.hello(hello), LinkID(rawValue: 2)))
        fleet.agentSaysHello(on: 1)
        var held = fleet.held(9, on: "s1", .attached)
        held.commandTime = CommandTime(busy: .seconds(1), processors: .seconds(1))
        for _ in 1...40 { fleet.periodPasses(agents: [1], servers: [2], held: [held]) }
        let told = try #require(fleet.manager.explain("i1", at: fleet.now).explanation)
        #expect(told.devices.first?.verdict == .short, "it is large enough when its host's processors are not busy")
        #expect(told.notes == ["the processors of s1 keep up with 100/1000 of its devices' compute"])
    }

    @Test func aProgramIsPlacedWhereASessionCanBeOpenedForIt() {
        let newer = InterfaceVersion(kind: "opencl", version: SemanticVersion(2, 0, 0), digest: .zero)
        var fleet = ManagerHarness(published: [ManagerHarness.version, newer])
        fleet.serverSaysHello("s1", on: 2, installed: [newer])
        fleet.serverSaysHello("s2", on: 3, installed: [ManagerHarness.version])
        fleet.agentSaysHello(on: 1)
        let effects = fleet.ask(1)
        #expect(effects.commands.map(\.device.server.rawValue) == ["s2"])
        #expect(fleet.manager.waitingRequests == 0)
    }
}
