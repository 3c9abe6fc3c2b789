import FleetModel
import Testing

@testable import ControlLoop

/// A server of 1 GiB that two programs of a batch instance use up, and an interactive instance whose program waits.
@Suite struct ManagerTakingTests {
    private static func instance(_ name: String, _ priority: PriorityClass) -> InstanceDescription {
        InstanceDescription(
            id: InstanceID(unchecked: name), tenant: TenantID(unchecked: "t"),
            application: ApplicationType(unchecked: "x"), priorityClass: priority.name)
    }

    private func asks(_ fleet: inout ManagerHarness, _ instance: String, _ request: UInt64) -> [ManagerEffect] {
        let asked = GPURequest(request: RequestID(rawValue: request), instance: InstanceID(unchecked: instance))
        return fleet.happens(.agentMessageReceived(.gpuRequested(asked), LinkID(rawValue: 1)))
    }

    private func crowded(notice: Duration?) throws -> ManagerHarness {
        var fleet = ManagerHarness()
        try fleet.give(.classes(.set(PriorityClass.batch.name, ClassFigures(notice: .some(notice)))))
        fleet.serverSaysHello("s1", on: 2)
        let both = [Self.instance("b", .batch), Self.instance("i", .interactive)]
        fleet.agentSaysHello(on: 1, instances: both)
        for one in both { fleet.script.memory[one.id] = 0x1p29 }
        for request in 1...2 as ClosedRange<UInt64> {
            _ = asks(&fleet, "b", request)
            fleet.everythingIsReady()
            let grant = try #require(fleet.manager.heldGrants.last)
            let attached = NotificationAcknowledgement(
                grant: grant.grant, epoch: fleet.manager.grants[grant.grant]?.notified?.epoch ?? grant.epoch,
                outcome: .handedOver(RequestID(rawValue: request)))
            fleet.happens(.agentMessageReceived(.acknowledged(attached), LinkID(rawValue: 1)))
        }
        return fleet
    }

    private func step(_ fleet: inout ManagerHarness) -> [ManagerEffect] {
        let held = fleet.manager.heldGrants.filter { $0.instance.id.rawValue == "b" }.map { stored in
            var one = fleet.held(stored.grant.rawValue, on: "s1", .attached, memory: .mebibytes(512))
            one.instance = stored.instance.id
            return one
        }
        return fleet.periodPasses(agents: [1], servers: [2], held: held)
    }

    private func notices(_ effects: [ManagerEffect]) -> [PreemptionNotice] {
        effects.compactMap { effect in
            guard case .sendToAgent(.notice(let notice), _) = effect else { return nil }
            return notice
        }
    }

    @Test func aSessionIsTakenAfterItsNoticeForAProgramOfAHeavierClass() throws {
        var fleet = try crowded(notice: .seconds(3))
        var effects = asks(&fleet, "i", 7)
        #expect(notices(effects).isEmpty)
        effects = step(&fleet)
        #expect(notices(effects).map(\.endsIn) == [.seconds(3)])
        #expect(fleet.manager.waitingOverview(fleet.now).map(\.estimate) == [.seconds(3)])
        for _ in 0..<2 {
            effects = step(&fleet)
            #expect(notices(effects).isEmpty && effects.commands.allSatisfy { $0.goal != .taken })
        }
        effects = step(&fleet)
        let taken = try #require(effects.commands.first { $0.goal == .taken })
        #expect(taken.instance.rawValue == "b")
        let answer = GrantCommandAnswer(grant: taken.grant, epoch: taken.epoch, outcome: .inForce(endpoint: nil))
        effects = fleet.happens(.serverMessageReceived(.commandAnswered(answer), LinkID(rawValue: 2)))
        #expect(fleet.manager.totals.taken == 1)
        let withdrawn = effects.compactMap { effect -> ReclaimReason? in
            guard case .sendToAgent(.withdrawal(let withdrawal), _) = effect else { return nil }
            return withdrawal.reason
        }
        #expect(withdrawn == [.taken])
        // Its memory goes to the one who waited, at once.
        #expect(effects.commands.contains { $0.instance.rawValue == "i" && $0.goal == .reserved })
    }

    @Test func aClassWithoutNoticeIsLeftAlone() throws {
        var fleet = try crowded(notice: nil)
        _ = asks(&fleet, "i", 7)
        for _ in 0..<5 {
            let effects = step(&fleet)
            #expect(notices(effects).isEmpty && effects.commands.allSatisfy { $0.goal != .taken })
        }
        #expect(fleet.manager.waitingRequests == 1)
    }

    @Test func whoNoLongerWaitsTakesNothing() throws {
        var fleet = try crowded(notice: .seconds(3))
        _ = asks(&fleet, "i", 7)
        #expect(!notices(step(&fleet)).isEmpty)
        fleet.happens(
            .agentMessageReceived(.gpuRequestCancelled(RequestID(rawValue: 7)), LinkID(rawValue: 1)))
        for _ in 0..<5 { #expect(step(&fleet).commands.allSatisfy { $0.goal != .taken }) }
        #expect(fleet.manager.totals.taken == 0)
    }

    @Test func aLightClassTakesNothingOfAHeavierOne() throws {
        var fleet = try crowded(notice: .seconds(3))
        try fleet.give(.classes(.set(PriorityClass.batch.name, ClassFigures(weight: 8))))
        _ = asks(&fleet, "i", 7)
        for _ in 0..<5 { #expect(notices(step(&fleet)).isEmpty) }
    }
}
