import FleetModel
import InterfaceCore
import Testing

@testable import ControlLoop

/// Programs that had loaded their client library before a newer version came: sessions that open for them are ones that
/// they can use.
@Suite struct LoadedLibrariesTests {
    private static let old = ManagerHarness.version
    private static let new = InterfaceVersion(
        kind: "opencl", version: SemanticVersion(1, 1, 0),
        digest: ContentDigest(bytes: [UInt8](repeating: 1, count: 32)) ?? .zero)
    private let link = LinkID(rawValue: 2)

    /// Both ends have both versions, the newer of which serves clients of the older or not.
    private func fleet(newServesOld: Bool) throws -> ManagerHarness {
        var harness = ManagerHarness()
        let both = [Self.old, Self.new]
        harness.serverSaysHello("s1", on: 1, installed: both)
        let hello = AgentHello(
            agent: ManagerHarness.agent, softwareVersion: "test", instances: [ManagerHarness.instance], installed: both)
        harness.happens(.agentMessageReceived(.hello(hello), link))
        let offers = try both.map { version in
            let files = try [("client", BundleFile.Role.clientLibrary), ("worker", .worker)].map { name, role in
                BundleFile(path: try #require(BundlePath(name)), role: role, size: 1, digest: .zero)
            }
            let serves = version == Self.new && newServesOld ? [Self.old.digest] : []
            return InterfaceOffer(
                version,
                manifest: try BundleManifest(
                    kind: "opencl", version: version.version, platform: .current, wireRevisions: 1...1, files: files,
                    testedWith: serves))
        }
        harness.happens(.interfacesPublished(offers, source: ""))
        return harness
    }

    /// A program that has loaded `library` asks; the worker that is started for it is ready at once.
    private func ask(
        _ library: SemanticVersion?, _ number: UInt64, _ harness: inout ManagerHarness
    ) throws -> (command: GrantCommand, notification: AllocationNotification?, withdrawn: [GrantID]) {
        let request = GPURequest(
            request: RequestID(rawValue: number), instance: ManagerHarness.instance.id, library: library)
        let asked = harness.happens(.agentMessageReceived(.gpuRequested(request), link))
        let command = try #require(asked.commands.last { !$0.goal.isEnd }, "\(asked)")
        let answer = GrantCommandAnswer(
            grant: command.grant, epoch: command.epoch,
            outcome: .inForce(endpoint: SessionEndpoint(host: "s1", port: 1)))
        let told = harness.happens(.serverMessageReceived(.commandAnswered(answer), LinkID(rawValue: 1)))
        return (command, told.notifications.last, (asked + told).withdrawals)
    }

    @Test func aNewerWorkerServesTheOlderLibraryThatAProgramHasLoaded() throws {
        var harness = try fleet(newServesOld: true)
        let (command, notification, _) = try ask(Self.old.version, 1, &harness)
        #expect(command.version == Self.new)
        #expect(notification?.version == Self.old)
        let choice = try #require(harness.manager.explainInterface(of: ManagerHarness.instance.id)?.choices.first)
        #expect(choice.client == Self.old && choice.worker == Self.new)
        #expect(choice.decided == "its programs have loaded 1.0.0, and \(Self.new) was tested with it")
        #expect(choice.candidates.allSatisfy { $0.isAtClient }, "both are there, whatever programs have loaded")
    }

    @Test func withoutSuchAWorkerThePairOfBeforeIsUsed() throws {
        var harness = try fleet(newServesOld: false)
        let (command, notification, _) = try ask(Self.old.version, 1, &harness)
        #expect(command.version == Self.old && notification?.version == Self.old)
    }

    @Test(arguments: [nil, SemanticVersion(1, 1, 0), SemanticVersion(0, 5, 0)])
    func otherProgramsGetTheBest(_ library: SemanticVersion?) throws {
        var harness = try fleet(newServesOld: true)
        let (command, notification, _) = try ask(library, 1, &harness)
        #expect(command.version == Self.new && notification?.version == Self.new)
    }

    /// And the next is prepared for the library that was asked with.
    @Test func whatIsPreparedForAnotherLibraryMakesRoom() throws {
        var harness = try fleet(newServesOld: true)
        let prepared = try ask(nil, 1, &harness).command.grant
        let ready = NotificationAcknowledgement(
            grant: prepared, epoch: try #require(harness.manager.grants[prepared]?.notified?.epoch), outcome: .ready)
        harness.happens(.agentMessageReceived(.acknowledged(ready), link))
        let (command, notification, withdrawn) = try ask(Self.old.version, 2, &harness)
        #expect(command.grant != prepared)
        #expect(notification?.version == Self.old && notification?.request == RequestID(rawValue: 2))
        #expect(withdrawn == [prepared])
        let instance = try #require(harness.manager.record(of: command.instance))
        #expect(harness.manager.fitsLibrary(command.grant, instance.library))
    }

    /// Programs that come load what is best: the one that asked last does not decide for them.
    @Test func aProgramThatComesGetsTheNewLibrary() throws {
        var harness = try fleet(newServesOld: true)
        _ = try ask(Self.old.version, 1, &harness)
        let again = harness.happens(
            .agentMessageReceived(.instanceChanged(ManagerHarness.instance, present: true), link))
        let used = again.compactMap { effect -> InterfaceVersion? in
            guard case .sendToAgent(.useInterface(let version, _), _) = effect else { return nil }
            return version
        }
        #expect(used == [Self.new])
    }
}

extension [ManagerEffect] {
    fileprivate var notifications: [AllocationNotification] {
        compactMap { effect in
            guard case .sendToAgent(.allocation(let notification), _) = effect else { return nil }
            return notification
        }
    }

    fileprivate var withdrawals: [GrantID] {
        compactMap { effect in
            guard case .sendToAgent(.withdrawal(let withdrawal), _) = effect else { return nil }
            return withdrawal.grant
        }
    }
}
