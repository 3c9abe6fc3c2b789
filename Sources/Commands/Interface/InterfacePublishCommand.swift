import ArgumentParser
import FleetModel
import InterfaceCore
import InterfaceStore

/// `presync interface publish`.
struct InterfacePublishCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "publish", abstract: "Publish interface versions: this build's, or those of a store.",
        discussion: """
            presync interface publish repository
            presync interface publish repository --store /var/lib/presync/interfaces
            """)

    @OptionGroup var repository: InterfaceRepositoryOptions

    @Option(help: "A store whose bundles are published, as managers, agents and GPU servers keep one.")
    var store: String?

    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await CommandRunner.runTrust {
            let owner = repository.owner()
            guard let store else { return try await publishThisBuild(owner) }
            let source = LocalInterfaceStore(directory: FilePath.full(store))
            let bundles = try source.installed()
            guard !bundles.isEmpty else {
                throw CommandFailure(.noInput, "\(store) has no bundle", advice: "name a store with --store")
            }
            try output.write(InterfaceChangeView(try owner.publish(bundles, from: source)))
        }
    }

    private func publishThisBuild(_ owner: TrustRepository) async throws {
        try await TemporaryStore.withThisBuild { source, bundle in
            try output.write(InterfaceChangeView(try owner.publish([bundle.version], from: source)))
        }
    }
}

/// `presync interface revoke`.
struct InterfaceRevokeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke", abstract: "Say of a published version that it must not be used any longer.",
        discussion: "presync interface revoke repository opencl 1.2.0 --reason 'wrong results on one GPU'")

    @OptionGroup var repository: InterfaceRepositoryOptions
    @OptionGroup var version: InterfaceVersionArguments

    @Option(help: "Why, for people who find it revoked.") var reason: String

    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await CommandRunner.runTrust {
            let owner = repository.owner()
            let chosen = try version.choose(from: try owner.bundles())
            try output.write(InterfaceChangeView(try owner.revoke(chosen.map(\.path), reason: reason)))
        }
    }
}

/// `presync interface refresh-metadata`.
struct InterfaceRefreshMetadataCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "refresh-metadata",
        abstract: "Renew the timestamp, and what else is halfway to its expiry or signed by keys that were replaced.",
        discussion: "Run it more often than the timestamp expires: daily, for the 7 days that it is valid for.")

    @OptionGroup var repository: InterfaceRepositoryOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await CommandRunner.runTrust {
            try output.write(InterfaceChangeView(try repository.owner().refreshMetadata()))
        }
    }
}
