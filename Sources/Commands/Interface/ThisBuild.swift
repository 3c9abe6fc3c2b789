import FleetModel
import InterfaceCore
import InterfaceStore
import RemotingCore

/// The interface versions that this build has beside its program.
enum ThisBuild {
    /// Puts the bundle of an edition into a store.
    ///
    /// - Parameters:
    ///   - folder: where libraries and workers lie; nil for beside this program.
    ///   - serving: older bundles whose clients the worker was tested with.
    static func bundle(
        _ edition: InterfaceEdition = .current, in store: LocalInterfaceStore, from folder: String? = nil,
        serving: [ContentDigest] = []
    ) throws -> InstalledBundle {
        guard let version = SemanticVersion(edition.version) else {
            throw CommandFailure(.software, "no version")
        }
        let folder = try folder ?? BundleBuilder.folderOfThisProgram()
        let suffix: (library: String, worker: String) = edition == .basic ? ("Basic", "-basic") : ("", "")
        return try BundleBuilder(store: store).build(
            kind: OpenCLInterface.kind, version: version,
            wireRevisions: UInt32(edition.revisions.lowerBound)...UInt32(edition.revisions.upperBound),
            clientLibrary: "\(folder)/libPresyncOpenCL\(suffix.library).so",
            worker: "\(folder)/presync-worker\(suffix.worker)", capabilities: edition.capabilities,
            testedWith: serving, deviceNeeds: DeviceNeeds(leastOpenCL: DottedVersion("1.2")))
    }

    /// Every edition, the oldest first, each serving the clients of those before it.
    static func allBundles(in store: LocalInterfaceStore, from folder: String? = nil) throws -> [InstalledBundle] {
        var bundles: [InstalledBundle] = []
        for edition in InterfaceEdition.allCases {
            bundles.append(
                try bundle(edition, in: store, from: folder, serving: bundles.map(\.version.digest)))
        }
        return bundles
    }
}
