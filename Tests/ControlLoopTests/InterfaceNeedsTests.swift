import FleetModel
import InterfaceCore
import Testing

@testable import ControlLoop

/// What an instance's programs have used of an interface decides which version their next sessions open in.
@Suite struct InterfaceNeedsTests {
    private static let old = ManagerHarness.version
    private static let new = InterfaceVersion(
        kind: "opencl", version: SemanticVersion(1, 1, 0),
        digest: ContentDigest(bytes: [UInt8](repeating: 1, count: 32)) ?? .zero)

    static let cases: [(Set<String>, InterfaceVersion)] = [
        (["images"], old), (["buffers"], new), (["what nobody offers"], new), ([], new),
    ]

    @Test(arguments: cases)
    func theVersionThatHasWhatWasUsedIsPreferred(used: Set<String>, chosen: InterfaceVersion) throws {
        var harness = ManagerHarness()
        let both = [Self.old, Self.new]
        harness.serverSaysHello("s1", on: 1, installed: both)
        let hello = AgentHello(
            agent: ManagerHarness.agent, softwareVersion: "test", instances: [ManagerHarness.instance], installed: both)
        harness.happens(.agentMessageReceived(.hello(hello), LinkID(rawValue: 2)))
        harness.happens(
            .interfacesPublished(
                [try Self.offer(Self.old, ["buffers", "images"]), try Self.offer(Self.new, ["buffers"])], source: ""))
        let request = GPURequest(request: RequestID(rawValue: 1), instance: ManagerHarness.instance.id)
        harness.happens(.agentMessageReceived(.gpuRequested(request), LinkID(rawValue: 2)))
        let grant = try #require(harness.manager.heldGrants.first?.grant)
        var held = harness.held(grant.rawValue, on: "s1", .attached)
        held.activity.capabilities = used
        harness.periodPasses(agents: [2], servers: [1], held: [held])
        let choice = try #require(harness.manager.explainInterface(of: ManagerHarness.instance.id)?.choices.first)
        #expect(choice.worker == chosen)
        if chosen == Self.old { #expect(choice.decided.contains("it leaves less of what the workload uses unmet")) }
    }

    private static func offer(_ version: InterfaceVersion, _ capabilities: [String]) throws -> InterfaceOffer {
        let files = try [("client", BundleFile.Role.clientLibrary), ("worker", .worker)].map { name, role in
            BundleFile(path: try #require(BundlePath(name)), role: role, size: 1, digest: .zero)
        }
        return InterfaceOffer(
            version,
            manifest: try BundleManifest(
                kind: "opencl", version: version.version, platform: .current, wireRevisions: 1...1, files: files,
                capabilities: capabilities))
    }
}
