import DeviceDrivers
import FleetModel
import Foundation
import Testing

@testable import InterfaceSelfTest

/// Real libraries, workers and devices: those of this build.
@Suite struct SelfTestProcessTests {
    static func built(_ name: String) -> String {
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return URL(fileURLWithPath: own).deletingLastPathComponent().appendingPathComponent(name).path
    }

    private static func order(
        version: String = "0.1.0", worker: String? = nil, library: String? = nil, device: DeviceSelector = .synthetic
    ) throws -> SelfTestOrder {
        let version = InterfaceVersion(
            kind: "opencl", version: try #require(SemanticVersion(version)), digest: .zero)
        return SelfTestOrder(
            interface: version, clientLibrary: library ?? built("libPresyncOpenCL.so"),
            worker: worker ?? built("presync-worker"), device: device, clientRevisions: 1...2)
    }

    private static let process = SelfTestProcess(program: built("presync"), deadline: .seconds(120))

    @Test func thisBuildComputesRight() async throws {
        let report = await Self.process.run(try Self.order(device: .openCL(platform: 0, device: 0)))
        #expect(report.failure == nil)
        #expect(report.passed.contains("atomics") && report.passed.last == "end")
        #expect(report.timeToOpenNs > 0 && report.commandRate > 0)
    }

    @Test func aDeviceThatRunsNoKernelsKeepsBytesAndItsLimit() async throws {
        let report = await Self.process.run(try Self.order())
        #expect(report.failure == nil)
        #expect(report.passed == ["open", "buffers", "memory limit", "end"])
    }

    @Test func aLibraryOfAnotherVersionThanItsBundleIsFound() async throws {
        let report = await Self.process.run(try Self.order(version: "9.9.9"))
        #expect(report.failure?.contains("its bundle opencl 9.9.9") == true)
        #expect(report.passed.isEmpty)
    }

    @Test(arguments: ["/bin/true", "/nowhere/worker"])
    func aWorkerThatDoesNotServeIsFound(worker: String) async throws {
        let report = await Self.process.run(try Self.order(worker: worker))
        #expect(report.failure?.contains("worker") == true)
    }

    @Test func aLibraryThatIsNoneIsFound() async throws {
        let report = await Self.process.run(try Self.order(library: "/etc/passwd"))
        #expect(report.failure?.contains("cannot be loaded") == true)
    }

    /// A worker that says nothing at all. It is written by a process of its own: a child that another test forks meanwhile
    /// would hold a file that this process writes, and what is held for writing cannot be started (execve(2), ETXTBSY).
    @Test func aTestThatDoesNotEndIsEnded() async throws {
        let script = NSTemporaryDirectory() + "worker-\(UUID())"
        let writer = popen("printf '#!/bin/sh\\nexec sleep 100\\n' > '\(script)' && chmod 755 '\(script)'", "r")
        #expect(pclose(writer) == 0)
        defer { try? FileManager.default.removeItem(atPath: script) }
        var process = Self.process
        process.deadline = .milliseconds(300)
        let report = await process.run(try Self.order(worker: script))
        #expect(report.failure?.contains("did not end within") == true, "\(report)")
    }

    @Test func aProgramThatCannotRunTestsIsSaid() async throws {
        var process = Self.process
        process.program = "/bin/false"
        #expect(await process.run(try Self.order()).failure?.contains("ended without a result") == true)
        process.program = "/nowhere/presync"
        #expect(await process.run(try Self.order()).failure?.contains("cannot be started") == true)
    }
}
