import ControlLoop
import FleetModel
import InterfaceCore
import Testing

/// Operators' rules about interface versions, and what two ends of different versions run.
@Suite struct ManagerVersionRulesTests {
    private static let old = InterfaceVersion(kind: "opencl", version: SemanticVersion(1, 0, 0), digest: .zero)
    private static let new = InterfaceVersion(
        kind: "opencl", version: SemanticVersion(1, 1, 0),
        digest: ContentDigest(bytes: [UInt8](repeating: 1, count: 32)) ?? .zero)
    private static let other = InstanceDescription(
        id: InstanceID(unchecked: "i2"), tenant: TenantID(unchecked: "t"), application: ApplicationType(unchecked: "x"))
    private let agentLink = LinkID(rawValue: 2)

    /// A GPU server with `server`, and an agent with `agent`, of two instances.
    private func fleet(server: [InterfaceVersion], agent: [InterfaceVersion]) -> ManagerHarness {
        var harness = ManagerHarness()
        harness.serverSaysHello("s1", on: 1, installed: server)
        let hello = AgentHello(
            agent: ManagerHarness.agent, softwareVersion: "test", instances: [ManagerHarness.instance, Self.other],
            installed: agent)
        harness.happens(.agentMessageReceived(.hello(hello), agentLink))
        return harness
    }

    private func offers(newServesOld: Bool = false) throws -> [InterfaceOffer] {
        func manifest(_ version: InterfaceVersion, serves: [ContentDigest]) throws -> BundleManifest {
            let files = try [("client", BundleFile.Role.clientLibrary), ("worker", .worker)].map { name, role in
                BundleFile(path: try #require(BundlePath(name)), role: role, size: 1, digest: .zero)
            }
            return try BundleManifest(
                kind: "opencl", version: version.version, platform: .current, wireRevisions: 1...1, files: files,
                testedWith: serves)
        }
        return [
            InterfaceOffer(Self.old, manifest: try manifest(Self.old, serves: [])),
            InterfaceOffer(Self.new, manifest: try manifest(Self.new, serves: newServesOld ? [Self.old.digest] : [])),
        ]
    }

    private func ask(_ instance: InstanceID, _ number: UInt64, _ harness: inout ManagerHarness) -> [ManagerEffect] {
        let request = GPURequest(request: RequestID(rawValue: number), instance: instance)
        return harness.happens(.agentMessageReceived(.gpuRequested(request), agentLink))
    }

    @Test func twoInstancesOfAHostUseTheVersionsThatTheyArePinnedTo() throws {
        var harness = fleet(server: [Self.old, Self.new], agent: [Self.old, Self.new])
        let published = harness.happens(.interfacesPublished(try offers(), source: ""))
        #expect(published.uses == [Self.new: [ManagerHarness.instance.id, Self.other.id]])
        let pin = try #require(VersionRule("1.0.0"))
        let pinned = try harness.change(.setVersionRule(.instance(Self.other.id), pin))
        #expect(pinned.uses == [Self.old: [Self.other.id]], "only what has changed is told")
        #expect(ask(ManagerHarness.instance.id, 1, &harness).commands.map(\.version) == [Self.new])
        #expect(ask(Self.other.id, 2, &harness).commands.map(\.version) == [Self.old])
        let back = try harness.change(.setVersionRule(.instance(Self.other.id), nil))
        #expect(back.uses == [Self.new: [Self.other.id]])
    }

    @Test func anInstanceThatComesIsToldEvenIfNothingHasChanged() throws {
        var harness = fleet(server: [Self.old, Self.new], agent: [Self.old, Self.new])
        _ = harness.happens(.interfacesPublished(try offers(), source: ""))
        let again = harness.happens(
            .agentMessageReceived(.instanceChanged(Self.other, present: true), agentLink))
        #expect(again.uses == [Self.new: [Self.other.id]], "its program waits for the answer")
    }

    @Test func anOrderGoesBeforeTheConfigurationAndThePinOfAnInstanceBeforeThatOfItsTenant() throws {
        var harness = fleet(server: [Self.old, Self.new], agent: [Self.old, Self.new])
        _ = harness.happens(.interfacesPublished(try offers(), source: ""))
        let (older, newer) = (try #require(VersionRule("<1.1.0")), try #require(VersionRule(">=1.1.0")))
        _ = try harness.change(.setVersionRule(.tenant(Self.other.tenant), older))
        _ = try harness.change(.setVersionRule(.instance(Self.other.id), newer))
        let told = try #require(harness.manager.explainInterface(of: Self.other.id))
        #expect(told.rule == newer && told.scope == .instance(Self.other.id))
        #expect(told.choices.map(\.worker) == [Self.new])
        let first = try #require(harness.manager.explainInterface(of: ManagerHarness.instance.id))
        #expect(first.scope == .tenant(Self.other.tenant))
        #expect(first.choices.first?.worker == Self.old)
        let refused = first.choices.first?.candidates.last
        #expect(refused?.version == Self.new && refused?.obstacles == ["only <1.1.0 is allowed"])
        #expect(first.choices.first?.decided == "it is the only one that is possible")
    }

    @Test func whyThereIsNoVersionNamesWhatBothSidesHave() throws {
        var harness = fleet(server: [Self.new], agent: [Self.old])
        _ = harness.happens(.interfacesPublished(try offers(), source: ""))
        let choice = try #require(harness.manager.explainInterface(of: Self.other.id)?.choices.first)
        #expect(choice.worker == nil && choice.wanted == Self.new)
        #expect(
            choice.decided.contains("the agent has opencl 1.0.0")
                && choice.decided.contains("GPU server has opencl 1.1.0"))
        #expect(harness.manager.explainInterface(of: InstanceID(unchecked: "nobody")) == nil)
    }

    @Test func aNewerWorkerIsStartedForAnOlderClientAndTheAgentIsToldOfItsOwn() throws {
        var harness = fleet(server: [Self.new], agent: [Self.old])
        _ = harness.happens(.interfacesPublished(try offers(newServesOld: true), source: ""))
        let command = try #require(ask(Self.other.id, 1, &harness).commands.first)
        #expect(command.version == Self.new)
        let answer = GrantCommandAnswer(
            grant: command.grant, epoch: command.epoch,
            outcome: .inForce(endpoint: SessionEndpoint(host: "s1", port: 1)))
        let effects = harness.happens(
            .serverMessageReceived(.commandAnswered(answer), LinkID(rawValue: 1)))
        #expect(effects.notifications.map(\.version) == [Self.old])
        let choice = try #require(harness.manager.explainInterface(of: Self.other.id)?.choices.first)
        #expect(choice.client == Self.old && choice.worker == Self.new)
        #expect(choice.decided.contains("was tested with clients of"))
    }

    @Test func whatIsPreparedInAVersionThatIsForbiddenIsGivenUp() throws {
        var harness = fleet(server: [Self.old, Self.new], agent: [Self.old, Self.new])
        _ = harness.happens(.interfacesPublished(try offers(), source: ""))
        #expect(ask(Self.other.id, 1, &harness).commands.map(\.version) == [Self.new])
        let pin = try #require(VersionRule("1.0.0"))
        let effects = try harness.change(.setVersionRule(.instance(Self.other.id), pin))
        #expect(effects.commands.map(\.goal) == [.released])
    }
}

extension [ManagerEffect] {
    /// Which instances were told of which version, ascending.
    fileprivate var uses: [InterfaceVersion: [InstanceID]] {
        reduce(into: [:]) { uses, effect in
            if case .sendToAgent(.useInterface(let version, let instances), _) = effect {
                uses[version, default: []] += instances
            }
        }
    }

    fileprivate var notifications: [AllocationNotification] {
        compactMap { effect in
            guard case .sendToAgent(.allocation(let notification), _) = effect else { return nil }
            return notification
        }
    }
}
