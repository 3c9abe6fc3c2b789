import ControlLoop
import FleetModel
import Glibc
import RemotingCore
import Testing

@testable import AgentRuntime

private let instance = InstanceDescription(
    id: InstanceID(unchecked: "chat"), tenant: TenantID(unchecked: "acme"),
    application: ApplicationType(unchecked: "chat"))
private let grant = GrantID(rawValue: 3)

/// Surroundings that let the test's thread wait for what the loop sends.
private final class ScriptedSurroundings: AgentSurroundings {
    private let sent: LoopInbox<AgentMessage>

    init(hasSeveralVersions: Bool = false) throws {
        self.hasSeveralVersions = hasSeveralVersions
        sent = try #require(LoopInbox<AgentMessage>(limit: 1_024))
    }

    /// The first of the messages sent from now on that satisfies the condition; nil after 10 s of real time.
    func next(where condition: (AgentMessage) -> Bool) -> AgentMessage? {
        let poller = Poller()
        _ = poller.add(sent.descriptor, .read)
        let deadline = ContinuousClock.now + .seconds(10)
        while ContinuousClock.now < deadline {
            _ = poller.wait(atMost: .milliseconds(100))
            if let found = sent.take().first(where: condition) { return found }
        }
        return nil
    }

    func nextOutcome() -> NotificationAcknowledgement.Outcome? {
        let message = next { if case .acknowledged = $0 { true } else { false } }
        guard case .acknowledged(let acknowledgement)? = message else { return nil }
        return acknowledgement.outcome
    }

    func send(_ message: AgentMessage) { sent.post(message) }
    func installInterface(_ version: InterfaceVersion, from sources: InterfaceSources) {}
    func use(_ versions: Set<InterfaceVersion>) {}
    func resolve(_ endpoint: SessionEndpoint, for grant: GrantID) {}
    func wireRevisions(_ version: InterfaceVersion) -> ClosedRange<UInt32>? { nil }
    func clientLibrary(of version: InterfaceVersion?) -> String? {
        version.map { "/lib/\($0.version)/client.so" } ?? "/lib/client.so"
    }
    let hasSeveralVersions: Bool
    func record(_ event: FleetEvent) {}
}

@Suite("The agent's loop", .serialized)
struct AgentLoopTests {
    /// A loop on its own thread, stopped with the test.
    private final class Fixture {
        let folder: TestFolder
        let surroundings: ScriptedSurroundings
        let inbox: LoopInbox<AgentLoopMessage>
        let version: InterfaceVersion
        private let thread: DedicatedThread

        init(
            instances: [InstanceDescription] = [instance], registration: RegistrationPolicy = .anyone,
            watchesUser: Bool = false, rules: ApplicationRules = [], isApplicationDeclared: Bool = true,
            gpus: Int = 1
        ) throws {
            folder = try #require(TestFolder())
            let surroundings = try ScriptedSurroundings()
            self.surroundings = surroundings
            let inbox = try #require(LoopInbox<AgentLoopMessage>(limit: 1_024))
            self.inbox = inbox
            let identity = try #require(testInterface)
            version = InterfaceVersion(
                kind: identity.kind, version: try #require(SemanticVersion(identity.version)),
                digest: try #require(ContentDigest(bytes: identity.digest)))
            var configuration = AgentConfiguration(agent: AgentID(unchecked: "a"), softwareVersion: "test")
            configuration.socketPath = folder.socket
            configuration.registration = registration
            configuration.telemetry.watchUserActivity = watchesUser
            configuration.applicationRules = rules
            configuration.instances = instances.map {
                ConfiguredInstance(
                    description: $0, selector: .processTree(root: getpid()),
                    isApplicationDeclared: isApplicationDeclared, gpus: gpus)
            }
            let machine = AgentMachine(
                configuration: AgentMachineConfiguration(agent: configuration.agent, softwareVersion: "test"),
                installed: [version])
            let opened = try #require(LoopInbox<Bool>(limit: 1))
            let final = configuration
            let thread = DedicatedThread(name: "loop") {
                let loop = try? AgentLoop(
                    configuration: final, machine: machine, inbox: inbox, telemetry: TelemetryRequests(),
                    surroundings: surroundings, metrics: AgentMetrics())
                opened.post(loop != nil)
                loop?.run()
            }
            self.thread = try #require(thread)
            let poller = Poller()
            _ = poller.add(opened.descriptor, .read)
            _ = poller.wait(atMost: .seconds(10))
            #expect(opened.take() == [true])
            inbox.post(.event(.linkOpened))
        }

        deinit {
            inbox.post(.stop)
            thread.join()
        }

        /// The manager tells of a reserved slice whose worker is `worker`.
        func notify(
            of worker: FakeWorker, as id: GrantID? = nil, for member: InstanceID? = nil,
            answering request: RequestID? = nil
        ) {
            let id = id ?? grant
            let notification = AllocationNotification(
                grant: id, instance: member ?? instance.id, level: .reserved,
                slice: Slice(memory: .mebibytes(64), compute: .wholeDevice),
                endpoint: SessionEndpoint(host: "127.0.0.1", port: worker.port), version: version,
                ticket: SessionTicket(high: 1, low: 2), epoch: Epoch(term: 1, counter: 1),
                timeToLive: .seconds(60), request: request)
            inbox.post(.event(.managerMessageReceived(.allocation(notification))))
            worker.accept(
                expecting: SessionCredential(grant: id.rawValue, ticketHigh: 1, ticketLow: 2),
                interface: testInterface)
        }
    }

    @Test("A prepared session is handed over at once, works, and ends with its program")
    func preparedHandOver() throws {
        let fixture = try Fixture()
        let worker = try #require(FakeWorker())
        fixture.notify(of: worker)
        #expect(fixture.surroundings.nextOutcome() == .ready)

        var program = FakeProgram(fixture.folder.socket)
        program?.ask(.openSession(HandOverDemand()))
        let reply = try program?.reply()
        guard case .session(let session)? = reply else { Issue.record("\(String(describing: reply))"); return }
        #expect(session.foundReadiness == Readiness.reserved.rawValue)
        #expect(session.grant == grant.rawValue)
        #expect(session.deviceInformation == [1, 2, 3])
        guard case .handedOver? = fixture.surroundings.nextOutcome() else { Issue.record("not told"); return }

        let passed = try #require(program?.received)
        var stream = SessionStream(resuming: session.continuation)
        let accepted = stream.sendData([9])
        #expect(accepted)
        stream.send { write(passed, $0.baseAddress, $0.count) }
        #expect(worker.nextData() == [9])

        program = nil
        #expect(fixture.surroundings.nextOutcome() == .ended)
    }

    @Test("A request that was not foreseen waits for the manager, and says what it found")
    func unforeseenRequest() throws {
        let fixture = try Fixture()
        let worker = try #require(FakeWorker())
        let program = try #require(FakeProgram(fixture.folder.socket))
        program.ask(.openSession(HandOverDemand()))
        let asked = fixture.surroundings.next { if case .gpuRequested = $0 { true } else { false } }
        guard case .gpuRequested(let request)? = asked else { Issue.record("not asked"); return }
        fixture.notify(of: worker, answering: request.request)
        guard case .session(let session)? = try program.reply() else { Issue.record("no session"); return }
        #expect(session.foundReadiness == Readiness.staged.rawValue)
        #expect(fixture.surroundings.nextOutcome() == .handedOver(request.request))
    }

    @Test("A session that its worker closes is reported as failed, and not handed over")
    func lostSession() throws {
        let fixture = try Fixture()
        let worker = try #require(FakeWorker())
        fixture.notify(of: worker)
        #expect(fixture.surroundings.nextOutcome() == .ready)
        worker.closeConnection()
        #expect(fixture.surroundings.nextOutcome() == .failed("the worker closed the session"))
    }

    @Test("A program whose session is lost in the moment of its hand-over waits for another one")
    func lostAtHandOver() throws {
        let fixture = try Fixture()
        let worker = try #require(FakeWorker())
        fixture.notify(of: worker)
        #expect(fixture.surroundings.nextOutcome() == .ready)
        // The beginning of a frame: the session cannot be handed over.
        worker.send([12, 0, 0, 0, 5])
        let program = try #require(FakeProgram(fixture.folder.socket))
        program.ask(.openSession(HandOverDemand()))
        var outcomes: [NotificationAcknowledgement.Outcome] = []
        let asked = fixture.surroundings.next { message in
            if case .acknowledged(let acknowledgement) = message { outcomes.append(acknowledgement.outcome) }
            if case .gpuRequested = message { return true }
            return false
        }
        guard case .gpuRequested(let request)? = asked else { Issue.record("not asked"); return }
        #expect(outcomes.last == .ended)
        fixture.inbox.post(
            .event(.managerMessageReceived(.requestRefused(request.request, reason: "the pool is full"))))
        #expect(try program.reply() == .refused("the pool is full"))
    }

    /// An instance with two virtual GPUs, the session of each held ready.
    private func preparedForTwo() throws -> (Fixture, [FakeWorker]) {
        let fixture = try Fixture(gpus: 2)
        let workers = [try #require(FakeWorker()), try #require(FakeWorker())]
        let members = try #require(instance.members(gpus: 2))
        for (number, member) in members.enumerated() {
            fixture.notify(of: workers[number], as: GrantID(rawValue: 3 + UInt64(number)), for: member.id)
            #expect(fixture.surroundings.nextOutcome() == .ready)
        }
        return (fixture, workers)
    }

    @Test("A program gets the sessions of all its virtual GPUs, in their order, and all end with it")
    func severalGPUs() throws {
        let (fixture, workers) = try preparedForTwo()
        var program = FakeProgram(fixture.folder.socket)
        program?.ask(.openSession(HandOverDemand(gpus: 2)))
        for number in 0..<2 {
            let reply = try program?.reply()
            guard case .sessionOf(let session, let remaining, 1)? = reply else {
                Issue.record("\(String(describing: reply))")
                return
            }
            #expect(Int(remaining) == 1 - number)
            #expect(session.grant == 3 + UInt64(number))
            #expect(session.foundReadiness == Readiness.reserved.rawValue)
            let passed = try #require(program?.descriptors.dropFirst(number).first)
            var stream = SessionStream(resuming: session.continuation)
            let accepted = stream.sendData([UInt8(number)])
            #expect(accepted)
            stream.send { write(passed, $0.baseAddress, $0.count) }
            #expect(workers[number].nextData() == [UInt8(number)])
        }
        program = nil
        var ended = 0
        let last = fixture.surroundings.next { message in
            if case .acknowledged(let acknowledgement) = message, acknowledgement.outcome == .ended { ended += 1 }
            return ended == 2
        }
        #expect(last != nil)
    }

    @Test("Where one of several sessions is lost at the hand-over, the program gets none and waits for all")
    func oneOfSeveralLost() throws {
        let (fixture, workers) = try preparedForTwo()
        // The beginning of a frame: the session cannot be handed over.
        workers[1].send([12, 0, 0, 0, 5])
        let program = try #require(FakeProgram(fixture.folder.socket))
        program.ask(.openSession(HandOverDemand(gpus: 2)))
        var outcomes: [NotificationAcknowledgement.Outcome] = []
        var asked: [GPURequest] = []
        _ = fixture.surroundings.next { message in
            if case .acknowledged(let acknowledgement) = message { outcomes.append(acknowledgement.outcome) }
            if case .gpuRequested(let request) = message { asked.append(request) }
            return asked.count == 2
        }
        #expect(outcomes.suffix(2) == [.ended, .ended])
        #expect(asked.map(\.instance.rawValue) == ["chat", "chat/gpu1"])
        #expect(asked.allSatisfy { $0.together == 2 })
        // The session that was there is given up with the other.
        #expect(workers[0].nextData() == nil)
        let request = try #require(asked.first?.request)
        fixture.inbox.post(.event(.managerMessageReceived(.requestRefused(request, reason: "the pool is full"))))
        #expect(try program.reply() == .refused("the pool is full"))
        #expect(program.descriptors.isEmpty)
    }

    @Test("A program that asks for more virtual GPUs than its instance has is refused")
    func moreThanThereAre() throws {
        let fixture = try Fixture(gpus: 2)
        let program = try #require(FakeProgram(fixture.folder.socket))
        program.ask(.openSession(HandOverDemand(firstGPU: 1, gpus: 2)))
        guard case .refused(let reason)? = try program.reply() else { Issue.record("not refused"); return }
        #expect(reason.contains("2 virtual GPUs"))
    }

    @Test("An instance that registers with several virtual GPUs is as many to the manager, and goes as a whole")
    func registrationWithSeveral() throws {
        let fixture = try Fixture(instances: [])
        let members = try #require(instance.members(gpus: 2))
        var program = FakeProgram(fixture.folder.socket)
        program?.ask(
            .registerInstance(
                InstanceRegistration(
                    instance: "chat", tenant: "acme", application: "chat", priorityClass: "standard", gpus: 2)))
        #expect(try program?.reply() == .registered(clientLibrary: "/lib/client.so"))
        func nextMembers(arePresent: Bool) -> [InstanceDescription] {
            var found: [InstanceDescription] = []
            _ = fixture.surroundings.next { message in
                if case .instanceChanged(let description, arePresent) = message { found.append(description) }
                return found.count == 2
            }
            return found
        }
        #expect(nextMembers(arePresent: true) == members)
        program = nil
        #expect(nextMembers(arePresent: false) == members)
    }

    @Test("A program whose library is of another version gets no session of this one: the manager is asked for its own")
    func otherLibrary() throws {
        let fixture = try Fixture()
        let worker = try #require(FakeWorker())
        fixture.notify(of: worker)
        #expect(fixture.surroundings.nextOutcome() == .ready)
        let old = try #require(FakeProgram(fixture.folder.socket))
        old.ask(.openSession(HandOverDemand(interfaceVersion: "0.0.9")))
        let message = fixture.surroundings.next { if case .gpuRequested = $0 { true } else { false } }
        guard case .gpuRequested(let request)? = message else { Issue.record("not asked"); return }
        #expect(request.library == SemanticVersion(0, 0, 9))
        let program = try #require(FakeProgram(fixture.folder.socket))
        program.ask(.openSession(HandOverDemand()))
        guard case .session? = try program.reply() else { Issue.record("no session"); return }
    }

    @Test("What a program reports of its instance is part of the next sample, what it may not is refused")
    func reports() throws {
        let fixture = try Fixture()
        let program = try #require(FakeProgram(fixture.folder.socket))
        program.ask(.report(ApplicationReport(workInFlight: 4)))
        #expect(try program.reply() == .reportTaken)
        let curious = try #require(FakeProgram(fixture.folder.socket))
        curious.ask(.report(ApplicationReport(userIdleMilliseconds: 10)))
        #expect(
            try curious.reply()
                == .refused("this agent takes no user activity: its setting user-activity is no"))
        let telemetry = InstanceTelemetry(
            instance: instance.id, incarnation: 1, source: .processTree,
            samples: [TelemetrySample(at: .seconds(1), cpuMilli: 5)])
        fixture.inbox.post(.sampled([telemetry]))
        let message = fixture.surroundings.next { if case .report = $0 { true } else { false } }
        guard case .report(let report)? = message else { Issue.record("no report"); return }
        #expect(report.telemetry.first?.samples == [TelemetrySample(at: .seconds(1), cpuMilli: 5, workInFlight: 4)])
    }

    @Test("Where it is allowed, a report may tell of the user")
    func reportsUser() throws {
        let fixture = try Fixture(watchesUser: true)
        let program = try #require(FakeProgram(fixture.folder.socket))
        program.ask(.report(ApplicationReport(userIdleMilliseconds: 10)))
        #expect(try program.reply() == .reportTaken)
    }

    @Test("A refusal of the manager reaches the program that asked")
    func refusedRequest() throws {
        let fixture = try Fixture()
        let program = try #require(FakeProgram(fixture.folder.socket))
        program.ask(.openSession(HandOverDemand()))
        let asked = fixture.surroundings.next { if case .gpuRequested = $0 { true } else { false } }
        guard case .gpuRequested(let request)? = asked else { Issue.record("not asked"); return }
        fixture.inbox.post(
            .event(.managerMessageReceived(.requestRefused(request.request, reason: "the pool is full"))))
        #expect(try program.reply() == .refused("the pool is full"))
    }

    @Test("A program that registers is an instance for as long as its connection stands")
    func registration() throws {
        let fixture = try Fixture(instances: [])
        var program = FakeProgram(fixture.folder.socket)
        program?.ask(
            .registerInstance(
                InstanceRegistration(
                    instance: "chat", tenant: "acme", application: "chat", priorityClass: "standard")))
        #expect(try program?.reply() == .registered(clientLibrary: "/lib/client.so"))
        #expect(fixture.surroundings.next { $0 == .instanceChanged(instance, present: true) } != nil)
        program = nil
        #expect(fixture.surroundings.next { $0 == .instanceChanged(instance, present: false) } != nil)
    }

    private static let rules: ApplicationRules = {
        guard let pattern = ProgramPattern("py*") else { return [] }
        return [ApplicationRule(program: pattern, application: ApplicationType(unchecked: "training"))]
    }()

    @Test(
        "Without a declared type the program's name is one, unless a rule says more",
        arguments: [("python", false, "training"), ("blender", false, "blender"), ("python", true, "python")])
    func registrationByRule(program: String, isDeclared: Bool, expected: String) throws {
        let fixture = try Fixture(instances: [], rules: Self.rules)
        let registrant = try #require(FakeProgram(fixture.folder.socket))
        registrant.ask(
            .registerInstance(
                InstanceRegistration(
                    instance: "i", tenant: "t", application: program, isApplicationDeclared: isDeclared,
                    priorityClass: "standard")))
        guard case .registered? = try registrant.reply() else { Issue.record("refused"); return }
        let appeared = fixture.surroundings.next { if case .instanceChanged = $0 { true } else { false } }
        guard case .instanceChanged(let description, true)? = appeared else { Issue.record("not told"); return }
        #expect(description.application.rawValue == expected)
    }

    @Test("What an instance is recognised as is told, unless its type was declared", arguments: [true, false])
    func recognized(isDeclared: Bool) throws {
        let fixture = try Fixture(rules: Self.rules, isApplicationDeclared: isDeclared)
        fixture.inbox.post(
            .recognized(
                RecognizedApplication(instance: instance.id, application: ApplicationType(unchecked: "training"))))
        fixture.inbox.post(.sampled([]))
        var changed: [InstanceDescription] = []
        let report = fixture.surroundings.next { message in
            if case .instanceChanged(let description, true) = message { changed.append(description) }
            if case .report = message { return true }
            return false
        }
        #expect(report != nil)
        #expect(changed.last { $0 != instance }?.application.rawValue == (isDeclared ? nil : "training"))
    }

    @Test(
        "Registration is refused",
        arguments: [
            (RegistrationPolicy.off, "other"), (.anyone, "chat"), (.anyone, "not a name"),
        ])
    func refusedRegistration(policy: RegistrationPolicy, name: String) throws {
        let fixture = try Fixture(registration: policy)
        let program = try #require(FakeProgram(fixture.folder.socket))
        program.ask(
            .registerInstance(
                InstanceRegistration(instance: name, tenant: "acme", application: "x", priorityClass: "standard")))
        guard case .refused? = try program.reply() else { Issue.record("accepted"); return }
    }

    @Test("The end of a period reports the samples and then the heartbeat")
    func period() throws {
        let fixture = try Fixture()
        let telemetry = InstanceTelemetry(
            instance: instance.id, incarnation: 1, source: .processTree,
            samples: [TelemetrySample(at: .seconds(1), cpuMilli: 5)])
        fixture.inbox.post(.sampled([telemetry]))
        let message = fixture.surroundings.next { if case .report = $0 { true } else { false } }
        guard case .report(let report)? = message else { Issue.record("no report"); return }
        #expect(report.telemetry == [telemetry])
    }
}

@Suite("An agent's configuration")
struct AgentConfigurationTests {
    private let standard = AgentConfiguration(agent: AgentID(unchecked: "a"), softwareVersion: "1")

    @Test("The defaults are valid")
    func defaults() { #expect(standard.validate().isEmpty) }

    @Test("No two instances go by one name, those of further virtual GPUs counted")
    func names() {
        func problems(_ instances: [(name: String, gpus: Int)]) -> [String] {
            var configuration = standard
            configuration.instances = instances.map { name, gpus in
                var description = instance
                description.id = InstanceID(unchecked: name)
                return ConfiguredInstance(description: description, selector: .cgroup(path: "/a"), gpus: gpus)
            }
            return configuration.validate()
        }
        #expect(problems([("a", 2), ("a/gpu2", 2)]).isEmpty)
        let taken = problems([("a", 2), ("a/gpu1", 1)])
        #expect(taken.count == 1)
        #expect(taken.first?.hasPrefix("instances a and a/gpu1 both need the name a/gpu1") == true)
        #expect(problems([("a", 2), ("a", 2)]) == ["instance a is configured twice"])
        #expect(problems([("a", 17)]) == ["instance a has 17 virtual GPUs, and must have 1 to 16"])
        let long = String(repeating: "x", count: 124)
        #expect(problems([(long, 1)]).isEmpty)
        #expect(problems([(long, 2)]).first?.contains("too long for 2 virtual GPUs") == true)
    }

    @Test("All errors are said at once")
    func allErrors() {
        var configuration = standard
        configuration.period = .zero
        configuration.socketPath = "relative"
        configuration.stateDirectory = "relative"
        configuration.requestPatience = .zero
        configuration.telemetry.socketLooksPerPeriod = 0
        configuration.instances = [
            ConfiguredInstance(description: instance, selector: .processTree(root: 0)),
            ConfiguredInstance(description: instance, selector: .host),
        ]
        #expect(configuration.validate().count == 7)
    }
}
