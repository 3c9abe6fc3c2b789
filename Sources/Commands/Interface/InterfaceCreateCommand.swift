import ArgumentParser
import InterfaceCore
import InterfaceStore

/// `presync interface create`.
struct InterfaceCreateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Make a repository, and keys where there are none.",
        discussion: """
            presync interface create repository
            presync interface create repository --root-key 6e1f… --root-key 9b02… --root-threshold 2

            With --root-key the root's private keys stay where they are: the root then waits for their signatures.
            """)

    @OptionGroup var repository: InterfaceRepositoryOptions

    @Option(help: "A public root key: 64 hexadecimal digits (Ed25519), or a file of a public key in PEM.")
    var rootKey: [String] = []

    @Option(help: "How many root keys must sign.") var rootThreshold: Int = 1

    @Option(help: "Days for which a root is valid.") var rootDays: Int = 365
    @Option(help: "Days for which the targets' metadata is valid.") var targetsDays: Int = 90
    @Option(help: "Days for which a snapshot is valid.") var snapshotDays: Int = 30
    @Option(help: "Days for which a timestamp is valid.") var timestampDays: Int = 7

    @OptionGroup var output: OutputOptions

    func validate() throws {
        for days in [rootDays, targetsDays, snapshotDays, timestampDays] where !(1...36_500).contains(days) {
            throw ValidationError("Days are from 1 to 36500.")
        }
        guard (1...max(1, rootKey.count)).contains(rootThreshold) else {
            throw ValidationError("--root-threshold is from 1 to the number of root keys.")
        }
    }

    func run() async throws {
        try await CommandRunner.runTrust {
            let owner = repository.owner()
            let change = try owner.create(
                rootKeys: try rootKey.map(PublicKeyArgument.record), rootThreshold: Int64(rootThreshold),
                days: [
                    .root: Int64(rootDays), .targets: Int64(targetsDays), .snapshot: Int64(snapshotDays),
                    .timestamp: Int64(timestampDays),
                ])
            try output.write(
                InterfaceChangeView(
                    change,
                    notes: [
                        "private keys are in \(owner.keys.path): keep them away from the web server",
                        "clients start from \(owner.directory)/metadata/1.root.json, brought to them by a way you trust",
                    ]))
        }
    }
}

/// A public key on the command line.
enum PublicKeyArgument {
    static func record(_ text: String) throws -> KeyRecord {
        if let key = Hexadecimal.decode(text), key.count == 32 {
            return KeyRecord(ed25519: key, by: SwiftCryptography())
        }
        return try PublicKeyFile.record(FilePath.full(text))
    }
}
