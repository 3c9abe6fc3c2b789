import ControlLoop
import FleetModel
import InterfaceCore
import Testing

/// How the manager gets interface versions to where they are needed, and away from where they must not be.
@Suite struct ManagerInterfacesTests {
    private let next = InterfaceVersion(kind: "opencl", version: SemanticVersion(1, 1, 0), digest: .zero)

    private func publish(_ versions: [InterfaceVersion], in harness: inout ManagerHarness) -> [ManagerEffect] {
        harness.happens(.interfacesPublished(versions.map { InterfaceOffer($0) }, source: "http://manager"))
    }

    private func say(_ message: GPUServerMessage, on link: UInt64, in harness: inout ManagerHarness) -> [ManagerEffect]
    {
        harness.happens(.serverMessageReceived(message, LinkID(rawValue: link)))
    }

    @Test func gpuServersAreToldFirstAndAgentsOnceOneOfThemHasIt() {
        var harness = ManagerHarness()
        harness.serverSaysHello("s1", on: 1)
        harness.agentSaysHello(on: 2)
        let published = publish([ManagerHarness.version, next], in: &harness)
        #expect(published.prepared == [Prepared(next, link: 1, peers: [])])
        let installed = say(.interfaceInstalled(next), on: 1, in: &harness)
        #expect(installed.prepared == [Prepared(next, link: 2, peers: [])])
    }

    @Test func agentsFetchFromServersThatServeWhatTheyHave() {
        var harness = ManagerHarness()
        for (name, link) in [("s1", UInt64(1)), ("s2", 3)] {
            harness.happens(
                .serverMessageReceived(
                    .hello(
                        GPUServerHello(
                            server: GPUServerID(unchecked: name), softwareVersion: "test",
                            devices: [ManagerHarness.device(name)], epochs: [Epoch(term: 1, counter: 0)],
                            installed: [ManagerHarness.version, next], bundleSource: "http://\(name)")),
                    LinkID(rawValue: link)))
        }
        harness.agentSaysHello(on: 2)
        let published = publish([ManagerHarness.version, next], in: &harness)
        #expect(published.prepared.count == 1)
        #expect(published.prepared.first?.link == 2)
        #expect(Set(published.prepared.first?.peers ?? []) == ["http://s1", "http://s2"])
    }

    @Test func agentsAloneAreToldAtOnce() {
        var harness = ManagerHarness()
        harness.agentSaysHello(on: 2)
        #expect(publish([next], in: &harness).prepared == [Prepared(next, link: 2, peers: [])])
    }

    /// Found by the faulty world: the agent waited a minute with what the GPU server could not use.
    @Test func anAgentWithWhatNoServerCanUseIsToldOfWhatOneHas() {
        var harness = ManagerHarness()
        harness.happens(
            .agentMessageReceived(
                .hello(
                    AgentHello(
                        agent: AgentID(unchecked: "a1"), softwareVersion: "test", instances: [ManagerHarness.instance],
                        installed: [next])), LinkID(rawValue: 2)))
        _ = publish([ManagerHarness.version, next], in: &harness)
        harness.serverSaysHello("s1", on: 1)
        _ = say(.interfaceUnavailable(next, reason: "no room"), on: 1, in: &harness)
        let prepared = (1...6).flatMap { _ in harness.periodPasses(agents: [2], servers: [1]).prepared }
        #expect(prepared.first == Prepared(ManagerHarness.version, link: 2, peers: []))
    }

    @Test(arguments: [(true, 60...65), (false, 15...20)])
    func whoCannotUseAVersionIsLeftAloneWithItForAWhile(hasAnother: Bool, expected: ClosedRange<Int>) {
        var harness = ManagerHarness()
        harness.serverSaysHello("s1", on: 1)
        _ = publish(hasAnother ? [ManagerHarness.version, next] : [next], in: &harness)
        let said = say(.interfaceUnavailable(next, reason: "no room"), on: 1, in: &harness)
        #expect(said.failures.contains { $0.contains("no room") })
        var asked: [Int] = []
        for second in 1...70 where !harness.periodPasses(servers: [1]).prepared.isEmpty { asked.append(second) }
        #expect(asked.first.map(expected.contains) == true)
    }

    @Test func whatIsNotPublishedAnyLongerIsGivenUpUnlessAProgramHasIt() {
        var harness = ManagerHarness()
        harness.serverSaysHello("s1", on: 1)
        harness.agentSaysHello(on: 2)
        let request = GPURequest(request: RequestID(rawValue: 1), instance: ManagerHarness.instance.id)
        let begun = harness.happens(.agentMessageReceived(.gpuRequested(request), LinkID(rawValue: 2))).commands
        #expect(begun.map(\.goal) == [.reserved])
        let given = publish([], in: &harness)
        #expect(given.commands.map(\.goal) == [.released] || given.withdrawals == 1)
        // And a program that asks now gets nothing new.
        let second = GPURequest(request: RequestID(rawValue: 2), instance: ManagerHarness.instance.id)
        let after = harness.happens(.agentMessageReceived(.gpuRequested(second), LinkID(rawValue: 2)))
        #expect(after.commands.filter { $0.goal != .released } == [])
    }

    @Test func anInstanceIsKeptAtTheVersionThatItsTenantMayUse() throws {
        let pin = try #require(VersionRule("<1.1.0"))
        var harness = ManagerHarness(versionRules: VersionRules([.tenant(ManagerHarness.instance.tenant): pin]))
        harness.serverSaysHello("s1", on: 1, installed: [next, ManagerHarness.version])
        harness.agentSaysHello(on: 2)
        let published = publish([ManagerHarness.version, next], in: &harness)
        #expect(published.prepared == [], "the agent has what its instance may use, and the server both")
        _ = harness.happens(.agentMessageReceived(.interfaceInstalled(next), LinkID(rawValue: 2)))
        let request = GPURequest(request: RequestID(rawValue: 1), instance: ManagerHarness.instance.id)
        let begun = harness.happens(.agentMessageReceived(.gpuRequested(request), LinkID(rawValue: 2)))
        #expect(begun.commands.map(\.version) == [ManagerHarness.version])
    }

    @Test func aSlowerNewerVersionIsNotChosen() {
        var harness = ManagerHarness()
        harness.serverSaysHello("s1", on: 1, installed: [next, ManagerHarness.version])
        harness.agentSaysHello(on: 2)
        _ = publish([ManagerHarness.version, next], in: &harness)
        _ = harness.happens(.agentMessageReceived(.interfaceInstalled(next), LinkID(rawValue: 2)))
        for (version, rate) in [(ManagerHarness.version, 9_000.0), (next, 3_000)] {
            _ = say(
                .interfaceMeasured(
                    InterfaceMeasurement(version: version, timeToOpen: .milliseconds(50), commandRate: rate)),
                on: 1, in: &harness)
        }
        let request = GPURequest(request: RequestID(rawValue: 1), instance: ManagerHarness.instance.id)
        let begun = harness.happens(.agentMessageReceived(.gpuRequested(request), LinkID(rawValue: 2)))
        #expect(begun.commands.map(\.version) == [ManagerHarness.version])
    }

    @Test func aServerThatLostTheOnlySharedVersionIsNotPlacedOn() {
        var harness = ManagerHarness()
        harness.serverSaysHello("s1", on: 1)
        harness.agentSaysHello(on: 2)
        _ = say(.interfaceUnavailable(ManagerHarness.version, reason: "revoked"), on: 1, in: &harness)
        let request = GPURequest(request: RequestID(rawValue: 1), instance: ManagerHarness.instance.id)
        let asked = harness.happens(.agentMessageReceived(.gpuRequested(request), LinkID(rawValue: 2)))
        #expect(asked.commands.isEmpty)
    }
}

/// Who was asked to install what, and where it may be had besides the manager.
private struct Prepared: Hashable {
    var version: InterfaceVersion
    var link: UInt64
    var peers: [String]

    init(_ version: InterfaceVersion, link: UInt64, peers: [String]) {
        self.version = version
        self.link = link
        self.peers = peers
    }
}

extension [ManagerEffect] {
    fileprivate var prepared: [Prepared] {
        compactMap { effect in
            switch effect {
            case .sendToAgent(.prepareInterface(let version, let sources), let link),
                .sendToServer(.prepareInterface(let version, let sources), let link):
                Prepared(version, link: link.rawValue, peers: sources.peers)
            default: nil
            }
        }
    }

    fileprivate var failures: [String] {
        compactMap { effect in
            guard case .record(let event) = effect, event.kind == .failure else { return nil }
            return event.detail
        }
    }

    fileprivate var withdrawals: Int {
        count { effect in
            if case .sendToAgent(.withdrawal, _) = effect { true } else { false }
        }
    }
}
