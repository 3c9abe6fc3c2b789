import ControlLoop
import FleetModel
import Testing

/// Peers that lie, get lost, or come back.
@Suite struct ManagerPeersTests {
    @Test func aServerIsBelievedOnlyOnceNoEarlierManagerIsObeyed() {
        var fleet = ManagerHarness()
        let first = fleet.serverSaysHello("s1", on: 1, epochs: [Epoch(term: 0, counter: 7)])
        guard first.count == 1, case .sendToServer(.welcome(let welcome), _) = first[0] else {
            Issue.record("expected a welcome and nothing else, not \(first)")
            return
        }
        #expect(welcome.term == 1)
        #expect(fleet.manager.overview(at: fleet.now).devices.isEmpty)
        fleet.serverSaysHello("s1", on: 1)
        #expect(fleet.manager.overview(at: fleet.now).devices.map(\.available) == [true])
    }

    @Test func aServerThatHasObeyedALaterManagerEndsThisOne() {
        var fleet = ManagerHarness()
        let effects = fleet.serverSaysHello("s1", on: 1, epochs: [Epoch(term: 9, counter: 0)])
        guard case .resign(_, let seen)? = effects.last else {
            Issue.record("expected a resignation, not \(effects)")
            return
        }
        #expect(seen == 9)
    }

    @Test func aSecondNameOnOneLinkIsRefused() {
        var fleet = ManagerHarness()
        fleet.agentSaysHello(on: 1)
        #expect(fleet.agentSaysHello(AgentID(unchecked: "a2"), on: 1, instances: []).closedLinks == [1])
        fleet.serverSaysHello("s1", on: 2)
        #expect(fleet.serverSaysHello("s2", on: 2).closedLinks == [2])
    }

    @Test func anInstanceOfAnotherApplicationTypeIsForecastAsSuch() {
        var fleet = ManagerHarness()
        fleet.agentSaysHello(on: 1)
        var description = ManagerHarness.instance
        for application in ["x", "y", "y"] {
            description.application = ApplicationType(unchecked: application)
            fleet.happens(
                .agentMessageReceived(.instanceChanged(description, present: true), LinkID(rawValue: 1)))
        }
        #expect(fleet.script.described == [description])
        #expect(fleet.manager.overview(at: fleet.now).instances.map(\.description) == [description])
    }

    @Test func anIntroductionOnAnOlderLinkIsRefused() {
        var fleet = ManagerHarness()
        fleet.agentSaysHello(on: 5)
        #expect(fleet.agentSaysHello(on: 4, instances: []).closedLinks == [4])
        #expect(fleet.manager.overview(at: fleet.now).instances.count == 1)
    }

    @Test func anAgentThatReportsOfInstancesItHasNotIntroducedBeginsAnew() {
        var fleet = ManagerHarness()
        fleet.agentSaysHello(on: 1, instances: [])
        let telemetry = InstanceTelemetry(
            instance: ManagerHarness.instance.id, incarnation: 1, source: .host, samples: [])
        let closed = (1...3 as ClosedRange<UInt64>).map { sequence in
            let report = PredictionReport(sequence: sequence, sentAt: fleet.now, telemetry: [telemetry])
            return fleet.happens(.agentMessageReceived(.report(report), LinkID(rawValue: 1))).closedLinks
        }
        #expect(closed == [[], [1], []])
    }

    @Test func whatALostServerHeldForAProgramIsPreparedElsewhere() {
        var fleet = ManagerHarness()
        fleet.serverSaysHello("s1", on: 1)
        fleet.agentSaysHello(on: 2)
        let request = GPURequest(request: RequestID(rawValue: 1), instance: ManagerHarness.instance.id)
        let asked = fleet.happens(.agentMessageReceived(.gpuRequested(request), LinkID(rawValue: 2)))
        #expect(asked.commands.map(\.device.server.rawValue) == ["s1"])

        // It never answers, and is gone; another has room.
        fleet.serverSaysHello("s2", on: 3)
        fleet.happens(.linkClosed(LinkID(rawValue: 1)))
        var commands: [GrantCommand] = []
        for _ in 0..<8 { commands += fleet.periodPasses(agents: [2], servers: [3]).commands }
        #expect(commands.first?.device.server.rawValue == "s2")
        #expect(commands.first?.goal == .reserved)
    }

    @Test func withoutASharedVersionAProgramWaitsAndBothSidesAreNamed() {
        var fleet = ManagerHarness()
        var other = ManagerHarness.version
        other.version = SemanticVersion(2, 0, 0)
        fleet.serverSaysHello("s1", on: 1, installed: [other])
        fleet.agentSaysHello(on: 2)
        let request = GPURequest(request: RequestID(rawValue: 1), instance: ManagerHarness.instance.id)
        let effects = fleet.happens(.agentMessageReceived(.gpuRequested(request), LinkID(rawValue: 2)))
        let details = effects.compactMap { effect -> String? in
            guard case .record(let event) = effect, event.kind == .contention else { return nil }
            return event.detail
        }
        #expect(
            details == [
                "reserved 256 MiB and 250/1000 compute: no interface version is shared yet: no shared version of opencl: "
                    + "the agent has opencl 1.0.0 (000000000000), the GPU server has opencl 2.0.0 (000000000000), "
                    + "the repository publishes opencl 1.0.0 (000000000000)"
            ])
        #expect(fleet.manager.waitingRequests == 1)
        // As soon as a server has it, the program is served.
        fleet.serverSaysHello("s2", on: 3)
        #expect(fleet.periodPasses(agents: [2], servers: [1, 3]).commands.map(\.device.server.rawValue) == ["s2"])
        #expect(fleet.manager.waitingRequests == 0)
    }

    /// By a manager that has lost its state, what GPU servers and agents hold from before is not taken for what it grants.
    @Test func noGrantIsNumberedAsOneThatAPeerHolds() {
        var fleet = ManagerHarness()
        let device = ManagerHarness.device("s1")
        let held = [fleet.held(7, on: "s1", .attached), fleet.held(.max, on: "s1", .warm)]
        let hello = GPUServerHello(
            server: device.id.server, softwareVersion: "test", devices: [device], held: held,
            epochs: [Epoch(term: 1, counter: 0)], installed: [ManagerHarness.version])
        fleet.happens(.serverMessageReceived(.hello(hello), LinkID(rawValue: 2)))
        fleet.agentSaysHello(on: 1)
        fleet.ask(1)
        #expect(fleet.manager.heldGrants.map(\.grant.rawValue) == [8])
    }

    /// Nothing could be handed to it: what is opened would only lapse, and be opened again.
    @Test func nothingIsPreparedWhileAnAgentIsAway() throws {
        var fleet = ManagerHarness()
        let instance = ManagerHarness.instance.id
        fleet.serverSaysHello("s1", on: 2)
        fleet.agentSaysHello(on: 1)
        fleet.reports([instance])
        fleet.script.onset[instance] = 1
        fleet.happens(.linkClosed(LinkID(rawValue: 1)))
        for _ in 0..<5 { #expect(fleet.periodPasses(servers: [2]).commands.isEmpty) }
        #expect(fleet.manager.overview(at: fleet.now).instances.map(\.shortfall) == ["its agent is not connected"])
        let told = try #require(fleet.manager.explain(instance.rawValue, at: fleet.now).explanation)
        #expect(told.decision == .short && told.reason == "its agent is not connected" && told.change == .nothing)
        fleet.agentSaysHello(on: 3)
        #expect(!fleet.periodPasses(agents: [3], servers: [2]).commands.isEmpty)
    }

    @Test func anInstanceThatComesBackIsSaidToHaveAppeared() {
        var fleet = ManagerHarness()
        fleet.serverSaysHello("s1", on: 1)
        fleet.agentSaysHello(on: 2)
        let request = GPURequest(request: RequestID(rawValue: 1), instance: ManagerHarness.instance.id)
        fleet.happens(.agentMessageReceived(.gpuRequested(request), LinkID(rawValue: 2)))
        fleet.agentSaysHello(on: 3, instances: [])
        let appeared = fleet.agentSaysHello(on: 4).compactMap { effect -> FleetEvent.Kind? in
            if case .record(let event) = effect, event.instance != nil { event.kind } else { nil }
        }
        #expect(appeared.filter { $0 == .instanceAppeared }.count == 1)
    }

    @Test func whoHasBeenAwayForLongIsForgotten() {
        var fleet = ManagerHarness()
        fleet.serverSaysHello("s1", on: 1)
        fleet.agentSaysHello(on: 2)
        fleet.happens(.linkClosed(LinkID(rawValue: 1)))
        fleet.happens(.linkClosed(LinkID(rawValue: 2)))
        for _ in 0..<59 { fleet.periodPasses() }
        #expect(fleet.manager.overview(at: fleet.now).instances.count == 1)
        #expect(fleet.manager.overview(at: fleet.now).devices.count == 1)
        for _ in 0..<3 { fleet.periodPasses() }
        #expect(fleet.manager.overview(at: fleet.now).instances.isEmpty)
        #expect(fleet.manager.overview(at: fleet.now).devices.isEmpty)
        // And they may come back.
        fleet.serverSaysHello("s1", on: 3)
        fleet.agentSaysHello(on: 4)
        #expect(fleet.manager.overview(at: fleet.now).instances.count == 1)
        #expect(fleet.manager.overview(at: fleet.now).devices.count == 1)
    }

    @Test func sessionsThatFailToOpenAreTriedEverMoreRarely() {
        var fleet = ManagerHarness()
        fleet.serverSaysHello("s1", on: 1)
        fleet.agentSaysHello(on: 2)
        let request = GPURequest(request: RequestID(rawValue: 1), instance: ManagerHarness.instance.id)
        var tries: [Int64] = []
        var asked = 0
        func answer(_ effects: [ManagerEffect], _ fleet: inout ManagerHarness) {
            for case .sendToServer(.prepareInterface(let version, _), _) in effects {
                // It has it: that is not why.
                asked += 1
                answer(
                    fleet.happens(.serverMessageReceived(.interfaceInstalled(version), LinkID(rawValue: 1))), &fleet)
            }
            for command in effects.commands {
                if command.goal == .reserved { tries.append(fleet.now.secondIndex - 1_000) }
                let outcome: GrantCommandAnswer.Outcome =
                    command.goal == .released ? .inForce(endpoint: nil) : .failed("no such device")
                let next = fleet.happens(
                    .serverMessageReceived(
                        .commandAnswered(
                            GrantCommandAnswer(grant: command.grant, epoch: command.epoch, outcome: outcome)),
                        LinkID(rawValue: 1)))
                answer(next, &fleet)
            }
        }
        answer(fleet.happens(.agentMessageReceived(.gpuRequested(request), LinkID(rawValue: 2))), &fleet)
        for _ in 0..<30 { answer(fleet.periodPasses(agents: [2], servers: [1]), &fleet) }
        #expect(tries == [0, 1, 3, 7, 15, 23])
        #expect(asked == 5, "whether it has the version, from the second failure on")
    }
}
