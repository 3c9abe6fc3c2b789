import ControlLoop
import FleetModel
import Testing

/// What must never happen is counted when a peer reports it, and only then.
@Suite struct ManagerWatchTests {
    /// A manager that has granted g1 on s1 to i1 of a1.
    static func withOneGrant() -> ManagerHarness {
        var fleet = ManagerHarness()
        fleet.serverSaysHello("s1", on: 1)
        fleet.agentSaysHello(on: 2)
        fleet.serverSaysHello("s2", on: 3)
        let request = GPURequest(request: RequestID(rawValue: 1), instance: ManagerHarness.instance.id)
        fleet.happens(.agentMessageReceived(.gpuRequested(request), LinkID(rawValue: 2)))
        return fleet
    }

    @Test func whatIsGrantedIsNoViolation() {
        var fleet = Self.withOneGrant()
        for _ in 0..<12 { fleet.periodPasses(agents: [2], servers: [1], held: [fleet.held(1, on: "s1", .reserved)]) }
        #expect(fleet.manager.violations.isEmpty)
    }

    @Test func aGrantOnAnotherServerHasTwoHolders() {
        var fleet = Self.withOneGrant()
        fleet.periodPasses(servers: [3], held: [fleet.held(1, on: "s2", .reserved)])
        #expect(fleet.manager.violations == [.twoHolders: 1])
    }

    @Test func aSessionAtAnotherAgentHasTwoHolders() {
        var fleet = Self.withOneGrant()
        fleet.agentSaysHello(AgentID(unchecked: "a2"), on: 4, instances: [])
        let held = HeldSession(grant: GrantID(rawValue: 1), epoch: Epoch(term: 1, counter: 1), state: .held)
        fleet.happens(
            .agentMessageReceived(.heartbeat(AgentHeartbeat(sequence: 1, held: [held])), LinkID(rawValue: 4)))
        #expect(fleet.manager.violations == [.twoHolders: 1])
    }

    @Test func aHeartbeatInAReportIsHeardAndAnsweredAlsoInARepeat() {
        var fleet = Self.withOneGrant()
        fleet.agentSaysHello(AgentID(unchecked: "a2"), on: 4, instances: [])
        let held = HeldSession(grant: GrantID(rawValue: 1), epoch: Epoch(term: 1, counter: 1), state: .held)
        for sequence in [7, 8] as [UInt64] {
            let report = PredictionReport(
                sequence: 1, sentAt: fleet.now, telemetry: [],
                heartbeat: AgentHeartbeat(sequence: sequence, held: [held]))
            let effects = fleet.happens(.agentMessageReceived(.report(report), LinkID(rawValue: 4)))
            #expect(effects.contains(.sendToAgent(.heartbeatAcknowledged(sequence: sequence), LinkID(rawValue: 4))))
        }
        #expect(fleet.manager.violations == [.twoHolders: 2])
    }

    @Test func moreMemoryThanTheDeviceHas() {
        var fleet = Self.withOneGrant()
        fleet.periodPasses(servers: [1], held: [fleet.held(1, on: "s1", .reserved, memory: .gibibytes(2))])
        #expect(fleet.manager.violations == [.memory: 1])
    }

    /// The most that one message may say (`ProtocolLimits`): sums stay within their type.
    @Test func whatIsAbsurdIsCountedAndSurvived() {
        var fleet = Self.withOneGrant()
        var held = fleet.held(1, on: "s1", .attached, memory: Bytes(1 << 48))
        held.usedMemory = Bytes(1 << 48)
        held.usedCompute = .wholeDevice
        fleet.periodPasses(servers: [1], held: Array(repeating: held, count: 16_384))
        #expect(fleet.manager.violations == [.memory: 1])
    }

    @Test(arguments: [(Readiness.reserved, SafetyRule.lease), (.attached, .durability)])
    func whatWasNeverGrantedAndStaysIsCountedOnce(level: Readiness, rule: SafetyRule) {
        var fleet = Self.withOneGrant()
        for _ in 0..<8 { fleet.periodPasses(agents: [2], servers: [1], held: [fleet.held(77, on: "s1", level)]) }
        #expect(fleet.manager.violations.isEmpty)
        for _ in 0..<4 { fleet.periodPasses(agents: [2], servers: [1], held: [fleet.held(77, on: "s1", level)]) }
        #expect(fleet.manager.violations == [rule: 1])
    }

    @Test func aServerThatComesBackWithAnOlderEpochThanItObeyed() {
        var fleet = Self.withOneGrant()
        let answer = GrantCommandAnswer(
            grant: GrantID(rawValue: 1), epoch: Epoch(term: 1, counter: 2),
            outcome: .inForce(endpoint: SessionEndpoint(host: "s1", port: 1)))
        fleet.happens(.serverMessageReceived(.commandAnswered(answer), LinkID(rawValue: 1)))
        fleet.happens(.linkClosed(LinkID(rawValue: 1)))
        fleet.serverSaysHello("s1", on: 9, epochs: [Epoch(term: 1, counter: 0)])
        #expect(fleet.manager.violations == [.epoch: 1])
    }
}
