import FleetModel
import Testing

@testable import ControlLoop

@Suite struct ManagerExplanationTests {
    private let instance = ManagerHarness.instance.id

    @Test func whoIsNotKnownIsToldWhatComesNearest() {
        var fleet = ManagerHarness()
        #expect(fleet.manager.explain("i1", at: fleet.now) == ExplanationAnswer())
        fleet.agentSaysHello(on: 1)
        #expect(fleet.manager.explain("i7", at: fleet.now).nearest == [instance])
        #expect(fleet.manager.explain("another", at: fleet.now).nearest.isEmpty)
        #expect(fleet.manager.explain("r1", at: fleet.now).explanation == nil)
    }

    @Test func anIdleInstanceIsToldThatItIsImprobable() throws {
        var fleet = ManagerHarness()
        fleet.serverSaysHello("s1", on: 2)
        fleet.agentSaysHello(on: 1)
        fleet.periodPasses(agents: [1], servers: [2])
        let told = try #require(fleet.manager.explain("i1", at: fleet.now).explanation)
        #expect(told.instance == instance && told.held == .cold && !told.isAsked)
        #expect(told.decision == .improbable && told.devices.map(\.verdict) == [.fits])
        guard case .probability = told.change else {
            Issue.record("\(told.change)")
            return
        }
    }

    /// A program asks while no GPU server is there: the request and its instance are explained alike.
    @Test func aRequestThatWaitsIsExplained() throws {
        var fleet = ManagerHarness()
        fleet.serverSaysHello("s1", on: 2)
        fleet.agentSaysHello(on: 1)
        fleet.happens(.linkClosed(LinkID(rawValue: 2)))
        let request = GPURequest(request: RequestID(rawValue: 12), instance: instance)
        fleet.happens(.agentMessageReceived(.gpuRequested(request), LinkID(rawValue: 1)))
        let before = fleet.manager.heldGrants
        let told = try #require(fleet.manager.explain("r12", at: fleet.now).explanation)
        #expect(told == fleet.manager.explain("i1", at: fleet.now).explanation)
        #expect(told.isAsked && told.wanted == .reserved && told.decision == .short)
        #expect(told.devices.map(\.verdict) == [.away])
        #expect(told.change == .available(ManagerHarness.device("s1").id))
        #expect(fleet.manager.heldGrants == before, "a question changes nothing")
    }

    @Test(arguments: [
        ("chat-1", "chat-1", 0), ("chat-1", "chat-12", 1), ("chat-1", "caht-1", 2), ("kitten", "sitting", 3),
    ])
    func namesAreAsFarApartAsEditsMakeThem(one: String, other: String, distance: Int) {
        #expect(EditDistance.between(one, other, atMost: 3) == distance)
        #expect(EditDistance.between(other, one, atMost: 3) == distance)
        if distance > 0 { #expect(EditDistance.between(one, other, atMost: distance - 1) == nil) }
    }
}
