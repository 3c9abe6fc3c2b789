import ControlProtocol
import FleetModel
import ForecastCore
import GRPCCore
import Observability
import Testing

@testable import ManagerRuntime

/// The shell over real sockets.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct ManagerServiceTests {
    @Test func anAgentIsWelcomedAndItsHeartbeatsAreAcknowledged() async throws {
        let folder = StateFolder()
        try await withManager(in: folder) { addresses in
            try await withLink(AgentRole.self, to: addresses.control) { link in
                // Where other tests hold this process's threads for long, the link is opened more than once.
                var acknowledged: UInt64?
                while acknowledged == nil, let event = await link.events.next() {
                    switch event {
                    case .opened: link.send(agentHello())
                    case .received(.welcome(let welcome)):
                        #expect(welcome.term == 1)
                        link.send(.heartbeat(AgentHeartbeat(sequence: 41, held: [])))
                    case .received(.heartbeatAcknowledged(let sequence)): acknowledged = sequence
                    default: break
                    }
                }
                #expect(acknowledged == 41)
            }
        }
    }

    @Test func anAgentOfAnotherRevisionIsToldBoth() async throws {
        let folder = StateFolder()
        try await withManager(in: folder) { addresses in
            try await withLink(AgentRole.self, to: addresses.control) { link in
                // Where other tests hold this process's threads for long, the link is opened more than once.
                var reason = ""
                for _ in 0..<40 where !reason.contains("99") {
                    switch await link.events.next() {
                    case .opened: link.send(agentHello(revision: 99))
                    case .closed(let why): reason = why
                    default: break
                    }
                }
                #expect(reason.contains("99"))
            }
        }
    }

    @Test func aLinkOutlivesItsManager() async throws {
        let folder = StateFolder()
        var terms: [UInt64] = []
        let address = ManagerAddress(host: "127.0.0.1", port: try #require(steadyPort()))
        try await withManager(in: folder, at: address) { _ in }
        try await withLink(AgentRole.self, to: address) { link in
            for _ in 0..<2 {
                try await waitUntilFree(address.port)
                try await withManager(in: folder, at: address) { _ in
                    while let event = await link.events.next() {
                        if event == .opened { link.send(agentHello()) }
                        if case .received(.welcome(let welcome)) = event {
                            terms.append(welcome.term)
                            break
                        }
                    }
                }
                // Either end may have taken the other for dead before, and then the link finds nobody any more.
                var isOver = false
                while !isOver, let event = await link.events.next() {
                    switch event {
                    case .closed(let reason):
                        isOver = reason.contains("shutting down")
                        #expect(isOver || reason.contains("silent"), "\(reason)")
                    case .unreachable: isOver = true
                    case .opened, .received: break
                    }
                }
            }
        }
        #expect(terms == [2, 3])
    }

    @Test func aMessageThatIsNotValidEndsTheStreamWithTheField() async throws {
        let folder = StateFolder()
        try await withManager(in: folder) { addresses in
            let error = await #expect(throws: RPCError.self) {
                try await withGRPCClient(transport: try ControlTransport.client(to: addresses.control)) { client in
                    try await WireAgentLink.Client(wrapping: client).connect { writer in
                        var envelope = WireAgentEnvelope()
                        envelope.hello.agent = "two words"
                        try await writer.write(envelope)
                    } onResponse: { response in
                        for try await _ in response.messages {}
                    }
                }
            }
            #expect(error?.code == .invalidArgument)
            #expect(error?.message == "hello.agent: malformed")
        }
    }

    /// Runs `body` with a tool's client of a manager to which an agent is linked.
    private func withTool(_ body: (AdminClient) async throws -> Void) async throws {
        let folder = StateFolder()
        try await withManager(in: folder) { addresses in
            try await withAgent(of: addresses.control) { _ in
                try await AdminClient.withConnection(to: addresses.control) { try await body($0) }
            }
        }
    }

    @Test func toolsSeeTheFleetAndItsEvents() async throws {
        try await withTool { admin in
            let overview = try await admin.overview()
            #expect(overview.term == 1)
            // Not since the host was started, as its clock counts.
            #expect(overview.uptime > .zero && overview.uptime < .seconds(60))
            #expect(overview.startedAtUnixMs > 1_700_000_000_000)
            let events = try await admin.events()
            #expect(events.first?.event.kind == .agentConnected)
            #expect(events.map(\.sequence) == Array(1...UInt64(events.count)))
            let (first, seen) = AsyncStream<RecordedEvent>.makeStream()
            let watching = Task { try await admin.watchEvents { seen.yield($0) } }
            var watched = first.makeAsyncIterator()
            #expect(await watched.next() == events.first)
            watching.cancel()
            _ = await watching.result
        }
    }

    /// More than may watch at once come one after the other, while nothing happens that would be written to them.
    @Test func watchersThatLeaveMakeRoomForOthers() async throws {
        try await withTool { admin in
            for _ in 0..<70 {
                let (events, seen) = AsyncStream<RecordedEvent>.makeStream()
                let watching = Task {
                    defer { seen.finish() }
                    try await admin.watchEvents { seen.yield($0) }
                }
                var watched = events.makeAsyncIterator()
                #expect(await watched.next()?.event.kind == .agentConnected)
                watching.cancel()
                _ = await watching.result
            }
        }
    }

    @Test func whatWasLearnedIsKeptAtTheEnd() async throws {
        let folder = StateFolder()
        let instance = InstanceDescription(
            id: InstanceID(unchecked: "i1"), tenant: TenantID(unchecked: "t"),
            application: ApplicationType(unchecked: "chat"))
        try await withManager(in: folder) { addresses in
            try await withAgent(of: addresses.control, instances: [instance]) { link in
                try await AdminClient.withConnection(to: addresses.control) { admin in
                    var sequence: UInt64 = 0
                    while try await admin.overview().instances.first?.forecast == nil {
                        sequence += 1
                        let now = MonotonicClock.now()
                        let sample = TelemetrySample(at: now, gpuMemory: .mebibytes(100), gpuCompute: MilliShare(100))
                        let telemetry = InstanceTelemetry(
                            instance: instance.id, incarnation: 1, source: .trace, samples: [sample])
                        link.send(.report(PredictionReport(sequence: sequence, sentAt: now, telemetry: [telemetry])))
                        try await Task.sleep(for: .milliseconds(200))
                    }
                }
            }
        }
        let kept = try SnapshotFile(stateDirectory: folder.path).restore(.init())
        #expect(try #require(kept).rememberedInstances == 1)
    }

    @Test func toolsSeeOneInstancesForecast() async throws {
        let folder = StateFolder()
        try await withManager(in: folder) { addresses in
            let instance = InstanceDescription(
                id: InstanceID(unchecked: "i1"), tenant: TenantID(unchecked: "t"),
                application: ApplicationType(unchecked: "chat"))
            try await withAgent(of: addresses.control, instances: [instance]) { _ in
                try await AdminClient.withConnection(to: addresses.control) { admin in
                    let shown = try #require(try await admin.forecast(of: instance.id))
                    #expect(shown.instance.description == instance)
                    // Nothing was reported of it yet.
                    #expect(shown.instance.forecast == nil && shown.instance.trust == nil)
                    #expect(shown.course == DemandCourse())
                    #expect(try await admin.forecast(of: InstanceID(unchecked: "i2")) == nil)
                }
            }
        }
    }

    @Test func toolsAreToldWhy() async throws {
        let folder = StateFolder()
        try await withManager(in: folder) { addresses in
            let instance = InstanceDescription(
                id: InstanceID(unchecked: "chat-1"), tenant: TenantID(unchecked: "t"),
                application: ApplicationType(unchecked: "chat"))
            try await withAgent(of: addresses.control, instances: [instance]) { _ in
                try await AdminClient.withConnection(to: addresses.control) { admin in
                    let told = try #require(try await admin.explain("chat-1").explanation)
                    #expect(told.instance == instance.id && told.held == .cold && told.devices.isEmpty)
                    #expect(try await admin.explain("caht-1") == ExplanationAnswer(nearest: [instance.id]))
                    let error = await #expect(throws: AdminError.self) {
                        try await admin.explain(String(repeating: "x", count: 1_000))
                    }
                    guard case .refused = error else {
                        Issue.record("\(String(describing: error))")
                        return
                    }
                }
            }
        }
    }

    @Test func whatAToolSetsOutlivesTheManager() async throws {
        let folder = StateFolder()
        let batch = PriorityClass.batch.name
        try await withManager(in: folder) { addresses in
            try await AdminClient.withConnection(to: addresses.control) { admin in
                #expect(try await admin.classRules().classes == PriorityClass.builtIn)
                let set = try await admin.change(.set(batch, ClassFigures(idleBudget: 0.25)))
                #expect(set.classes.last?.idleBudget == 0.25)
                _ = try await admin.change(.addRule(ClassRule(tenant: "t*", priorityClass: batch), at: nil))
                let error = await #expect(throws: AdminError.self) { try await admin.change(.removeRule(5)) }
                #expect(error == .refused("there is no rule 6: the last is 1"))
            }
        }
        try await withManager(in: folder) { addresses in
            try await AdminClient.withConnection(to: addresses.control) { admin in
                let kept = try await admin.classRules()
                #expect(kept.classes.last?.idleBudget == 0.25 && kept.rules.count == 1)
            }
        }
    }

    @Test func aToolIsToldThatThereIsNoManager() async throws {
        let folder = StateFolder()
        var address = ManagerAddress.standard
        try await withManager(in: folder) { address = $0.control }
        try await AdminClient.withConnection(to: address) { admin in
            let error = await #expect(throws: AdminError.self) { try await admin.overview() }
            guard case .unreachable = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    @Test func aPortThatIsTakenIsReported() async throws {
        let folder = StateFolder()
        try await withManager(in: folder) { addresses in
            let other = StateFolder()
            let error = await #expect(throws: ManagerError.self) {
                try await withManager(in: other, at: addresses.control) { _ in }
            }
            guard case .listening(let why) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(why.contains("\(addresses.control.port)"))
        }
    }
}

struct ManagerConfigurationTests {
    @Test func theDefaultsAreValid() {
        #expect(ManagerConfiguration().validate().isEmpty)
    }

    @Test func allErrorsAreReportedAtOnce() {
        var configuration = ManagerConfiguration()
        configuration.listen.host = "manager.example"
        configuration.period = .milliseconds(1)
        configuration.timeToLive = .zero
        configuration.stateDirectory = ""
        configuration.classes[0].serviceLevel = 2
        configuration.snapshotPeriod = .milliseconds(1)
        #expect(configuration.validate().count == 6)
    }

    @Test(arguments: [("0.0.0.0", true), ("::", true), ("127.0.0.1", false), ("10.0.0.5", false), ("::1", false)])
    func everyAddressOfAMachineIsNoneToFetchFrom(host: String, needsURL: Bool) {
        var configuration = ManagerConfiguration()
        configuration.httpListen.host = host
        #expect(configuration.validate().contains { $0.hasPrefix("http-url: must be given") } == needsURL)
        configuration.httpURL = "http://10.0.0.5:7401"
        #expect(configuration.validate().isEmpty)
    }
}
