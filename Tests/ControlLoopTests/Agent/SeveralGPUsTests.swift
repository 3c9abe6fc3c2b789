import ControlLoop
import FleetModel
import Testing

/// An agent's instance with several virtual GPUs: to the manager it is a set, to its programs one that gives all or none.
@Suite("Several virtual GPUs of an instance") struct SeveralGPUsTests {
    private static let version = InterfaceVersion(kind: "opencl", version: SemanticVersion(1, 0, 0), digest: .zero)
    private static let render = InstanceDescription(
        id: InstanceID(unchecked: "render"), tenant: TenantID(unchecked: "acme"),
        application: ApplicationType(unchecked: "render"))
    private static let second = InstanceID(unchecked: "render/gpu1")
    private static let program = RequestID(rawValue: 8)

    private let now = MonotonicTime.seconds(100)

    private func agent(gpus: Int = 2) -> AgentMachine {
        var machine = AgentMachine(
            configuration: AgentMachineConfiguration(agent: AgentID(unchecked: "a"), softwareVersion: "test"),
            installed: [Self.version])
        _ = machine.handle(.instanceAppeared(Self.render, gpus: gpus), now: now)
        _ = machine.handle(.linkOpened, now: now)
        return machine
    }

    private func notification(_ grant: UInt64, of instance: InstanceID, for request: RequestID?)
        -> AllocationNotification
    {
        AllocationNotification(
            grant: GrantID(rawValue: grant), instance: instance, level: .reserved, slice: .zero,
            endpoint: SessionEndpoint(host: "127.0.0.1", port: 1), version: Self.version,
            ticket: SessionTicket(high: 1, low: grant), epoch: Epoch(term: 1, counter: grant),
            timeToLive: .seconds(5), request: request)
    }

    /// The manager tells of a session, and it is opened.
    @discardableResult
    private func opens(
        _ machine: inout AgentMachine, _ grant: UInt64, of instance: InstanceID, for request: RequestID? = nil
    ) -> [AgentEffect] {
        let told = notification(grant, of: instance, for: request)
        _ = machine.handle(.managerMessageReceived(.allocation(told)), now: now)
        return machine.handle(.sessionOpened(told.grant), now: now)
    }

    private func handedOver(_ effects: [AgentEffect]) -> [String] {
        effects.compactMap { effect in
            guard case .handOver(let grant, let request, let found, let remaining) = effect else { return nil }
            return "\(grant) \(request) \(found) \(remaining)"
        }
    }

    private func isSilent(_ effects: [AgentEffect]) -> Bool {
        effects.allSatisfy { effect in
            if case .send(.acknowledged(let answer)) = effect { answer.outcome == .ready } else { false }
        }
    }

    @Test func `each virtual GPU is an instance of its own to the manager`() {
        var machine = agent()
        #expect(machine.instances.keys.sorted() == [Self.render.id, Self.second])
        #expect(machine.instances.values.allSatisfy { $0.set == Self.render.id && $0.tenant == Self.render.tenant })
        let gone = machine.handle(.instanceGone(Self.render.id), now: now)
        #expect(gone.count == 2 && machine.instances.isEmpty)
        #expect(Self.render.members(gpus: 17) == nil && Self.render.members(gpus: 0) == nil)
        #expect(Self.render.members(gpus: 1) == [Self.render])
    }

    @Test func `a changed description keeps the number, and a smaller number ends the others`() {
        var machine = agent(gpus: 3)
        var changed = Self.render
        changed.application = ApplicationType(unchecked: "other")
        #expect(machine.handle(.instanceAppeared(changed), now: now).count == 3)
        #expect(machine.instances.count == 3)
        _ = machine.handle(.instanceAppeared(changed, gpus: 1), now: now)
        #expect(machine.instances == [Self.render.id: changed])
    }

    @Test func `what is prepared of all is handed over at once, in their order`() {
        var machine = agent()
        opens(&machine, 5, of: Self.second)
        opens(&machine, 6, of: Self.render.id)
        let effects = machine.handle(.programAsked(Self.program, Self.render.id, gpus: 0..<2), now: now)
        #expect(handedOver(effects) == ["g6 r8 reserved 1", "g5 r8 reserved 0"])
        let left = machine.handle(.programLeft(Self.program), now: now)
        #expect(left.count == 2 && machine.holdings().isEmpty)
    }

    @Test func `where one is missing, all are asked for, and none is handed over before all are there for it`() {
        var machine = agent()
        opens(&machine, 5, of: Self.second)
        let asked = machine.handle(.programAsked(Self.program, Self.render.id, gpus: 0..<2), now: now)
        #expect(
            asked
                == [Self.render.id, Self.second].map { instance in
                    .send(.gpuRequested(GPURequest(request: Self.program, instance: instance, together: 2)))
                })
        #expect(isSilent(opens(&machine, 6, of: Self.render.id, for: Self.program)))
        // The other is here, and not set aside for this program yet.
        let again = notification(5, of: Self.second, for: Self.program)
        let effects = machine.handle(.managerMessageReceived(.allocation(again)), now: now)
        #expect(handedOver(effects) == ["g6 r8 staged 1", "g5 r8 staged 0"])
    }

    @Test func `what is set aside for one that waits goes to no other program`() {
        var machine = agent()
        _ = machine.handle(.programAsked(Self.program, Self.render.id, gpus: 0..<2), now: now)
        opens(&machine, 6, of: Self.render.id, for: Self.program)
        let other = RequestID(rawValue: 9)
        #expect(handedOver(machine.handle(.programAsked(other, Self.render.id), now: now)).isEmpty)
        // It is given up: the other may have it.
        let left = machine.handle(.programLeft(Self.program), now: now)
        #expect(left == [.send(.gpuRequestCancelled(Self.program))])
        let next = RequestID(rawValue: 10)
        #expect(handedOver(machine.handle(.programAsked(next, Self.render.id), now: now)) == ["g6 r10 reserved 0"])
    }

    @Test func `a session that lapses while the others are awaited is not handed over`() {
        var machine = agent()
        _ = machine.handle(.programAsked(Self.program, Self.render.id, gpus: 0..<2), now: now)
        opens(&machine, 6, of: Self.render.id, for: Self.program)
        let later = now + .seconds(6)
        let told = notification(7, of: Self.second, for: Self.program)
        _ = machine.handle(.managerMessageReceived(.allocation(told)), now: now)
        #expect(handedOver(machine.handle(.sessionOpened(told.grant), now: later)).isEmpty)
    }

    @Test func `one that a manager refuses part of gets nothing`() {
        var machine = agent()
        _ = machine.handle(.programAsked(Self.program, Self.render.id, gpus: 0..<2), now: now)
        let effects = machine.handle(
            .managerMessageReceived(.requestRefused(Self.program, reason: "no room")), now: now)
        #expect(effects == [.refuse(Self.program, reason: "no room"), .send(.gpuRequestCancelled(Self.program))])
    }

    @Test(arguments: [0..<3, 2..<3, 1..<1, -1..<1])
    func `more than the instance has is refused with what it has`(gpus: Range<Int>) {
        var machine = agent()
        let effects = machine.handle(.programAsked(Self.program, Self.render.id, gpus: gpus), now: now)
        guard case .refuse(Self.program, let reason)? = effects.first else {
            Issue.record("\(effects)")
            return
        }
        #expect(effects.count == 1 && reason.contains("2 virtual GPUs"))
    }

    @Test func `a lost one is asked for alone`() {
        var machine = agent()
        let effects = machine.handle(.programAsked(Self.program, Self.render.id, gpus: 1..<2), now: now)
        #expect(effects == [.send(.gpuRequested(GPURequest(request: Self.program, instance: Self.second)))])
    }

    @Test func `what waits is asked for again on a new link`() {
        var machine = agent()
        _ = machine.handle(.programAsked(Self.program, Self.render.id, gpus: 0..<2), now: now)
        _ = machine.handle(.linkClosed, now: now)
        let asked = machine.handle(.linkOpened, now: now).dropFirst()
        #expect(asked.count == 2)
    }

    @Test func `what the instance does is told of each, what one virtual GPU does of that one`() throws {
        var machine = agent()
        let sample = TelemetrySample(at: now, cpuMilli: 70, gpuMemory: .mebibytes(3))
        let telemetry = InstanceTelemetry(
            instance: Self.render.id, incarnation: 4, source: .cgroupV2, samples: [sample])
        _ = machine.handle(.samplesTaken([telemetry]), now: now)
        let effects = machine.handle(.periodEnded, now: now)
        guard case .send(.report(let report))? = effects.first else {
            Issue.record("\(effects)")
            return
        }
        #expect(report.telemetry.map(\.instance) == [Self.render.id, Self.second])
        let samples = report.telemetry.flatMap(\.samples)
        #expect(samples.map(\.cpuMilli) == [70, 70] && samples.map(\.gpuMemory) == [.mebibytes(3), nil])
    }
}
