import ArgumentParser
import Dashboard
import FleetModel
import InterfaceCore
import InterfaceStore
import RemotingCore

/// `presync interface build`.
struct InterfaceBuildCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "build", abstract: "Make bundles of the interface versions of this build, in a store.",
        discussion: """
            A bundle is named by the SHA-256 of its manifest, which names the SHA-256 of each file: the same files make \
            the same bundle, whenever and wherever. A file that the store has is not written again.

            presync interface build store                          every edition; newer workers serve older clients
            presync interface build store --edition basic
            presync interface build store --edition current --serves 0123abcd...
            presync interface publish repository --store store
            """)

    @Argument(help: "The folder of the store; made where there is none.") var store: String

    @Option(help: "basic (no shared memory) or current. Default: both, the newer serving the clients of the older.")
    var edition: String?

    @Option(help: "With --edition: digests of older bundles in the store whose clients this worker serves.")
    var serves: [String] = []

    @Option(help: "Where the libraries and workers lie. Default: beside this program.") var from: String?

    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard edition == nil || InterfaceEdition(name: edition ?? "") != nil else {
            throw ValidationError("there are the editions basic and current")
        }
        guard serves.isEmpty || edition != nil else { throw ValidationError("--serves needs --edition") }
        if let wrong = serves.first(where: { ContentDigest($0) == nil }) {
            throw ValidationError("'\(wrong)' is no digest of 64 hexadecimal digits")
        }
    }

    func run() async throws {
        try await CommandRunner.runTrust {
            let target = LocalInterfaceStore(directory: FilePath.full(store))
            let folder = from.map(FilePath.full)
            guard let chosen = edition.flatMap(InterfaceEdition.init(name:)) else {
                return try output.write(InterfaceBuildView(try ThisBuild.allBundles(in: target, from: folder)))
            }
            let older = serves.compactMap { ContentDigest($0) }
            for digest in older {
                let served = try target.manifest(of: digest)
                guard served.manifest.version < SemanticVersion(chosen.version) ?? SemanticVersion(0, 0, 0) else {
                    throw CommandFailure(
                        .usage, "\(served.version) is not older than \(chosen.version)",
                        advice: "a newer worker serves older clients, never the other way round")
                }
            }
            let bundle = try ThisBuild.bundle(chosen, in: target, from: folder, serving: older)
            try output.write(InterfaceBuildView([bundle]))
        }
    }
}

/// Bundles, with all that their manifests say.
struct InterfaceBuildView: RenderableAnswer {
    struct Bundle: Encodable {
        struct File: Encodable {
            var path: String
            var role: String
            var bytes: Int64
            var digest: String
        }

        var kind: String
        var version: String
        var digest: String
        var platform: String
        var leastLibc: String
        var wireRevisions: [UInt32]
        var capabilities: [String]
        var requiredExtensions: [String]
        /// Absent for any.
        var leastOpenCL: String?
        /// Drivers by vendor, and the least version that will do.
        var drivers: [String: String]
        /// Digests of older bundles whose clients the worker serves.
        var serves: [String]
        var files: [File]

        init(_ bundle: InstalledBundle) {
            let manifest = bundle.manifest
            kind = manifest.kind
            version = manifest.version.description
            digest = bundle.version.digest.description
            platform = manifest.platform.description
            leastLibc = manifest.leastLibcVersion
            wireRevisions = [manifest.wireRevisions.lowerBound, manifest.wireRevisions.upperBound]
            capabilities = manifest.capabilities
            requiredExtensions = manifest.requiredCapabilities
            leastOpenCL = manifest.deviceNeeds.leastOpenCL?.description
            drivers = Dictionary(
                manifest.deviceNeeds.drivers.map { ($0.vendor, $0.least.description) }, uniquingKeysWith: { $1 })
            serves = manifest.testedWith.map(\.description)
            files = manifest.files.map {
                File(path: "\($0.path)", role: "\($0.role)", bytes: $0.size, digest: "\($0.digest)")
            }
        }
    }

    var bundles: [Bundle]

    init(_ bundles: [InstalledBundle]) { self.bundles = bundles.map(Bundle.init) }

    func table() -> TextTable {
        TextTable(
            titles: ["KIND", "VERSION", "WIRE", "CAPABILITIES", "SERVES", "LIBC", "SIZE", "DIGEST"],
            rows: bundles.map { bundle in
                [
                    bundle.kind, bundle.version, "\(bundle.wireRevisions[0])-\(bundle.wireRevisions[1])",
                    bundle.capabilities.joined(separator: " "),
                    bundle.serves.map { String($0.prefix(12)) }.joined(separator: " "), bundle.leastLibc,
                    Quantity.bytes(Bytes(bundle.files.map(\.bytes).reduce(0, +))), bundle.digest,
                ].map { TextTable.Cell($0) }
            })
    }
}
