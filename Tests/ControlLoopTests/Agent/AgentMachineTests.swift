import ControlLoop
import FleetModel
import Testing

private let instance = InstanceDescription(
    id: InstanceID(unchecked: "chat"), tenant: TenantID(unchecked: "acme"),
    application: ApplicationType(unchecked: "chat"))
private let version = InterfaceVersion(kind: "opencl", version: SemanticVersion(1, 0, 0), digest: .zero)
private let grant = GrantID(rawValue: 3)
private let program = RequestID(rawValue: 8)
private let timeToLive = Duration.seconds(5)

/// An agent on a link, with one instance; times are seconds after the hello was sent.
private struct Agent {
    var machine = AgentMachine(
        configuration: AgentMachineConfiguration(agent: AgentID(unchecked: "a"), softwareVersion: "test"),
        installed: [version])

    init() {
        _ = machine.handle(.instanceAppeared(instance), now: at(0))
        _ = machine.handle(.linkOpened, now: at(0))
    }

    func at(_ seconds: Double) -> MonotonicTime { .seconds(100) + .milliseconds(Int64(seconds * 1_000)) }

    mutating func happens(_ event: AgentEvent, at seconds: Double) -> [AgentEffect] {
        machine.handle(event, now: at(seconds))
    }

    mutating func hears(_ message: ManagerToAgentMessage, at seconds: Double) -> [AgentEffect] {
        happens(.managerMessageReceived(message), at: seconds)
    }

    /// Holds a reserved session from the first second on.
    static func holding() -> Agent {
        var agent = Agent()
        #expect(agent.hears(.allocation(notification()), at: 0.5) == [.openSession(notification())])
        #expect(agent.happens(.sessionOpened(grant), at: 0.6) == [acknowledged(.ready)])
        return agent
    }
}

private func notification(epoch counter: UInt64 = 1, request: RequestID? = nil) -> AllocationNotification {
    AllocationNotification(
        grant: grant, instance: instance.id, level: .reserved, slice: .zero,
        endpoint: SessionEndpoint(host: "127.0.0.1", port: 1), version: version,
        ticket: SessionTicket(high: 1, low: 2), epoch: Epoch(term: 1, counter: counter), timeToLive: timeToLive,
        request: request)
}

private func acknowledged(
    _ outcome: NotificationAcknowledgement.Outcome, epoch counter: UInt64 = 1
) -> AgentEffect {
    .send(
        .acknowledged(
            NotificationAcknowledgement(grant: grant, epoch: Epoch(term: 1, counter: counter), outcome: outcome)))
}

private func lapsed(at time: MonotonicTime, epoch counter: UInt64 = 1) -> [AgentEffect] {
    [
        .closeSession(grant), acknowledged(.released, epoch: counter),
        .record(
            FleetEvent(
                at: time, kind: .reclaimed, instance: instance.id, grant: grant, detail: "not renewed by the manager")),
    ]
}

@Suite("An agent's leases") struct AgentLeaseTests {
    @Test func `a session stands one time to live from the sending of the heartbeat, whenever the answer is read`() {
        var agent = Agent.holding()
        _ = agent.happens(.periodEnded, at: 1)
        // The agent was stopped; meanwhile the manager has heard nothing after second 1.
        #expect(agent.hears(.heartbeatAcknowledged(sequence: 1), at: 4.9) == [])
        let asked = agent.happens(.programAsked(program, instance.id), at: 6)
        #expect(asked == [.send(.gpuRequested(GPURequest(request: program, instance: instance.id)))])
        #expect(agent.happens(.periodEnded, at: 6.1).suffix(3) == lapsed(at: agent.at(6.1)))
    }

    @Test func `an answer that is read after the lease is over renews nothing`() {
        var agent = Agent.holding()
        _ = agent.happens(.periodEnded, at: 4)
        #expect(agent.hears(.heartbeatAcknowledged(sequence: 1), at: 5) == [])
        #expect(agent.happens(.periodEnded, at: 5).suffix(3) == lapsed(at: agent.at(5)))
    }

    @Test func `answers in time keep a session`() {
        var agent = Agent.holding()
        for second in 1...20 {
            #expect(agent.happens(.periodEnded, at: Double(second)).count == 2)
            #expect(agent.hears(.heartbeatAcknowledged(sequence: UInt64(second)), at: Double(second) + 0.1) == [])
        }
        #expect(
            agent.happens(.programAsked(program, instance.id), at: 20.5)
                == [.handOver(grant, program, found: .reserved), acknowledged(.handedOver(program))])
    }

    @Test func `a heartbeat comes with the report where the manager takes it there, and renews as one by itself does`()
        throws
    {
        var agent = Agent.holding()
        let welcome = ManagerWelcome(
            term: 1, period: .seconds(1), softwareVersion: "test", takesHeartbeatsInReports: true)
        #expect(agent.hears(.welcome(welcome), at: 0.7) == [])
        for second in 1...20 {
            let effects = agent.happens(.periodEnded, at: Double(second))
            guard effects.count == 1, case .send(.report(let report)) = effects[0] else {
                Issue.record("not one report: \(effects)")
                return
            }
            let heartbeat = try #require(report.heartbeat)
            #expect(heartbeat.held.map(\.grant) == [grant])
            #expect(agent.hears(.heartbeatAcknowledged(sequence: heartbeat.sequence), at: Double(second) + 0.1) == [])
        }
        // The next link's manager may be an older one.
        _ = agent.happens(.linkClosed, at: 21)
        _ = agent.happens(.linkOpened, at: 21.1)
        #expect(agent.happens(.periodEnded, at: 22).count == 2)
    }

    @Test(arguments: [0, 2, .max] as [UInt64])
    func `an answer to no heartbeat renews nothing`(sequence: UInt64) {
        var agent = Agent.holding()
        _ = agent.happens(.periodEnded, at: 4)
        #expect(agent.hears(.heartbeatAcknowledged(sequence: sequence), at: 4.1) == [])
        #expect(agent.happens(.periodEnded, at: 5).suffix(3) == lapsed(at: agent.at(5)))
    }

    @Test func `a notification that lay unread for a time to live is not obeyed`() {
        var agent = Agent()
        #expect(
            agent.hears(.allocation(notification()), at: 5)
                == [acknowledged(.failed("the notification was read after its time to live"))])
    }

    @Test func `a newer notification does not wake a session that has lapsed, nor hand it over`() {
        var agent = Agent.holding()
        #expect(
            agent.hears(.allocation(notification(epoch: 2, request: program)), at: 5) == lapsed(at: agent.at(5)))
    }

    @Test func `a session that opens after its lease is over is closed`() {
        var agent = Agent()
        _ = agent.hears(.allocation(notification()), at: 0.5)
        #expect(agent.happens(.sessionOpened(grant), at: 5) == lapsed(at: agent.at(5)))
    }
}

@Suite("The version of a program's library") struct ClientLibraryTests {
    private static let other = ClientLibrary(kind: "opencl", version: "0.9.0")
    private static let reason =
        "the program's library is opencl 0.9.0, its session opencl 1.0.0 (000000000000): not a shared version"

    @Test func `a program with another library is asked for, and the session stays for the next`() {
        var agent = Agent.holding()
        let request = GPURequest(request: program, instance: instance.id, library: SemanticVersion(0, 9, 0))
        #expect(
            agent.happens(.programAsked(program, instance.id, library: Self.other), at: 1)
                == [.send(.gpuRequested(request))])
        let next = RequestID(rawValue: 9)
        let library = ClientLibrary(kind: "opencl", version: "1.0.0")
        #expect(
            agent.happens(.programAsked(next, instance.id, library: library), at: 2)
                == [.handOver(grant, next, found: .reserved), acknowledged(.handedOver(next))])
    }

    @Test func `a session of another version passes by a program that waits and that it is not for`() {
        var agent = Agent()
        _ = agent.happens(.programAsked(program, instance.id, library: Self.other), at: 0.1)
        _ = agent.hears(.allocation(notification()), at: 0.5)
        #expect(agent.happens(.sessionOpened(grant), at: 0.6) == [acknowledged(.ready)])
    }

    @Test func `a session stays one of the version as which it was opened, whatever is said of it later`() {
        var agent = Agent.holding()
        var later = notification()
        later.version.version = SemanticVersion(0, 9, 0)
        _ = agent.hears(.allocation(later), at: 0.8)
        let request = GPURequest(request: program, instance: instance.id, library: SemanticVersion(0, 9, 0))
        #expect(
            agent.happens(.programAsked(program, instance.id, library: Self.other), at: 1)
                == [.send(.gpuRequested(request))])
    }

    @Test func `a program is refused when the session that it was told of turns out to be of another version`() {
        var agent = Agent()
        _ = agent.happens(.programAsked(program, instance.id, library: Self.other), at: 0.1)
        _ = agent.hears(.allocation(notification(request: program)), at: 0.5)
        #expect(
            agent.happens(.sessionOpened(grant), at: 0.6)
                == [
                    .refuse(program, reason: Self.reason), .send(.gpuRequestCancelled(program)), acknowledged(.ready),
                ])
    }
}
