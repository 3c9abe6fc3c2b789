import DeviceDrivers
import FleetModel
import Foundation
import Testing

@testable import InterfaceSelfTest

/// The versions that this tree builds, each client with each worker: real libraries and worker processes.
@Suite struct EditionTests {
    enum Edition: String, CaseIterable {
        case basic, current

        var version: SemanticVersion { self == .basic ? SemanticVersion(0, 0, 9) : SemanticVersion(0, 1, 0) }
        var revisions: ClosedRange<UInt32> { self == .basic ? 1...1 : 1...2 }
        var library: String { self == .basic ? "libPresyncOpenCLBasic.so" : "libPresyncOpenCL.so" }
        var worker: String { self == .basic ? "presync-worker-basic" : "presync-worker" }
        var digest: ContentDigest {
            ContentDigest(bytes: [UInt8](repeating: self == .basic ? 1 : 2, count: 32)) ?? .zero
        }
        var interface: InterfaceVersion { InterfaceVersion(kind: "opencl", version: version, digest: digest) }
    }

    private static func run(
        client: Edition, worker: Edition, serves: [Edition] = [], device: DeviceSelector = .synthetic
    ) async -> SelfTestReport {
        let process = SelfTestProcess(program: SelfTestProcessTests.built("presync"), deadline: .seconds(120))
        return await process.run(
            SelfTestOrder(
                interface: worker.interface, servedClients: serves.map(\.digest), client: client.interface,
                clientLibrary: SelfTestProcessTests.built(client.library),
                worker: SelfTestProcessTests.built(worker.worker), device: device, clientRevisions: client.revisions))
    }

    @Test(arguments: [(Edition.basic, "tcp"), (.current, "shared-memory")])
    func bothEndsOfAVersionComputeRight(edition: Edition, transport: String) async {
        let report = await Self.run(client: edition, worker: edition, device: .openCL(platform: 0, device: 0))
        #expect(report.failure == nil)
        #expect(report.transport == transport, "what the versions differ in")
    }

    @Test func aNewerWorkerServesTheOlderClientThatItNames() async {
        let report = await Self.run(
            client: .basic, worker: .current, serves: [.basic], device: .openCL(platform: 0, device: 0))
        #expect(report.failure == nil)
        #expect(report.transport == "tcp", "both speak revision 1")
    }

    @Test(arguments: [(Edition.basic, Edition.current), (.current, .basic)])
    func aClientThatAWorkerDoesNotNameOpensNoSession(client: Edition, worker: Edition) async {
        let report = await Self.run(client: client, worker: worker)
        #expect(report.failure?.contains("not a shared version") == true)
        #expect(report.passed.isEmpty)
    }
}
