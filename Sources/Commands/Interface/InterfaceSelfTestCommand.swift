import ArgumentParser
import Dashboard
import DeviceDrivers
import FleetModel
import Foundation
import InterfaceCore
import InterfaceSelfTest
import InterfaceStore

/// `presync interface self-test`.
struct InterfaceSelfTestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "self-test",
        abstract: "Try interface versions on this host's devices: real kernels, every result compared.",
        discussion: """
            As a GPU server does before it uses a version. Each test is a process of its own, which is confined, and ended \
            after --limit. The exit status is 1 where one fails.

            presync interface self-test                                        this build
            presync interface self-test --store /var/lib/presync/gpu-server/interfaces
            presync interface self-test --store S --kind opencl --version 1.2.0 -o json
            """)

    @Option(help: "A store whose bundles are tested, as GPU servers keep one. Default: what lies beside this program.")
    var store: String?

    @Option(help: "With --store: only bundles of this version.") var version: String?

    @Option(help: "Only this device, as opencl:0:0. Default: every device of the OpenCL loader.") var device: String?

    @Option(help: "How long one test may take. Default: 60s.", transform: DurationArgument.parse)
    var limit = DurationArgument(.seconds(60))

    @OptionGroup var output: OutputOptions

    func run() async throws {
        var isBad = false
        try await CommandRunner.runTrust {
            let devices = try selectors()
            let process = SelfTestProcess(program: OwnExecutable.path, deadline: limit.duration)
            var results: [InterfaceSelfTestView.Result] = []
            try await withBundles { bundle in
                for device in devices {
                    let report = await process.run(
                        SelfTestOrder(
                            interface: bundle.version, servedClients: bundle.bundle.manifest.testedWith,
                            clientLibrary: bundle.clientLibrary, worker: bundle.worker, device: device,
                            clientRevisions: bundle.bundle.manifest.wireRevisions))
                    results.append(InterfaceSelfTestView.Result(bundle.version, report))
                }
            }
            isBad = results.contains { $0.report.failure != nil }
            try output.write(InterfaceSelfTestView(results: results))
        }
        if isBad { throw ExitStatus.failure.code }
    }

    private func selectors() throws -> [DeviceSelector] {
        if let device {
            guard let selector = DeviceSelector(device) else {
                throw CommandFailure(.usage, "\(device) names no device", advice: "write it as opencl:0:0")
            }
            return [selector]
        }
        do {
            let found = try OpenCLDeviceDriver(libraryPath: OpenCLLibrary.standardPath)
                .discover(for: GPUServerID(unchecked: "self-test"), startingAt: 0)
            return found.map(\.selector)
        } catch {
            throw CommandFailure(.unavailable, "no device can be tested: \(error)", advice: "clinfo lists devices")
        }
    }

    /// Bundles with every file checked: those of the store, or this build's, which is put together in a temporary folder.
    private func withBundles(_ body: (ActiveBundle) async throws -> Void) async throws {
        if let store {
            let source = LocalInterfaceStore(directory: FilePath.full(store))
            let found = try source.installed().filter { version == nil || $0.version.description == version }
            guard !found.isEmpty else { throw CommandFailure(.noInput, "\(store) has no such bundle") }
            for name in found { try await body(try source.openVerified(name)) }
            return
        }
        try await TemporaryStore.withThisBuild { store, bundle in try await body(try store.openVerified(bundle.version))
        }
    }
}

/// A store that lasts as long as it is needed.
enum TemporaryStore {
    /// Runs `body` with a store that holds the bundle of this build.
    static func withThisBuild<Result>(
        _ body: (LocalInterfaceStore, InstalledBundle) async throws -> Result
    ) async throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appending(path: "presync-store-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let store = LocalInterfaceStore(directory: folder)
        return try await body(store, try ThisBuild.bundle(in: store))
    }
}

/// `presync interface self-test-device`: the process in which one test runs.
struct InterfaceSelfTestDeviceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "self-test-device", shouldDisplay: false)

    @Argument(parsing: .captureForPassthrough) var arguments: [String] = []

    func run() throws {
        guard let (order, folder) = SelfTestArguments.decode(arguments) else {
            throw ValidationError("this is for presync interface self-test, and for GPU servers")
        }
        let report = SelfTest(order, in: folder).run()
        try FileHandle.standardOutput.write(contentsOf: Data(try JSONText.encode(report).utf8))
        // At once: what a bad library does when a process ends is not to be waited for.
        _exit(report.failure == nil ? 0 : 1)
    }
}

/// What self-tests found.
struct InterfaceSelfTestView: RenderableAnswer {
    struct Result: Encodable {
        var version: String
        var digest: String
        var report: SelfTestReport

        init(_ version: InterfaceVersion, _ report: SelfTestReport) {
            self.version = "\(version.kind) \(version.version)"
            digest = version.digest.description
            self.report = report
        }
    }

    var results: [Result]

    func table() -> TextTable {
        TextTable(
            titles: ["VERSION", "DEVICE", "RESULT", "TRANSPORT", "OPEN", "COMMANDS/S"],
            rows: results.map { result in
                let report = result.report
                return [
                    TextTable.Cell(result.version), TextTable.Cell(report.device),
                    report.failure.map { TextTable.Cell($0, .bad) } ?? TextTable.Cell("passed", .good),
                    TextTable.Cell(report.transport), TextTable.Cell("\(report.timeToOpenNs / 1_000_000) ms"),
                    TextTable.Cell("\(Int(report.commandRate))"),
                ]
            }, emptyText: "nothing was tested")
    }
}
