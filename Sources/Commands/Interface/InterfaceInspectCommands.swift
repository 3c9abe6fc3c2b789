import ArgumentParser
import FleetModel
import InterfaceCore
import InterfaceStore

/// `presync interface list`.
struct InterfaceListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "What is published, and what is revoked.")

    @OptionGroup var repository: InterfaceRepositoryOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await CommandRunner.runTrust { try output.write(InterfaceListView(try repository.owner().bundles())) }
    }
}

/// `presync interface show`.
struct InterfaceShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "One published version: its state, digest and files.",
        discussion: "presync interface show repository opencl 1.2.0")

    @OptionGroup var repository: InterfaceRepositoryOptions
    @OptionGroup var version: InterfaceVersionArguments
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await CommandRunner.runTrust {
            let owner = repository.owner()
            let chosen = try version.choose(from: try owner.bundles())
            guard let bundle = chosen.first, chosen.count == 1 else {
                let platforms = chosen.map(\.platform).joined(separator: ", ")
                throw CommandFailure(.usage, "it is published for \(platforms)", advice: "choose one with --platform")
            }
            let files = try owner.files(of: bundle).map { file in
                InterfaceShowView.File(
                    path: file.path.text, bytes: file.length,
                    digest: file.hashes.sha256.map { Hexadecimal.encode($0) } ?? "")
            }
            try output.write(InterfaceShowView(bundle: InterfaceListView.Bundle(bundle), files: files))
        }
    }
}

/// `presync interface verify`.
struct InterfaceVerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check a repository as a client does, from its first root, and every file in it.",
        discussion: """
            Ends with 1 where something is wrong. Without --root the repository's own first root is trusted: that shows
            that everything fits together, not whose it is.
            """)

    @OptionGroup var repository: InterfaceRepositoryOptions

    @Option(help: "A root that is trusted, instead of the repository's own first.") var root: String?

    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await CommandRunner.runTrust {
            let report = try await repository.owner().verify(trusting: root.map(FilePath.full))
            try output.write(InterfaceVerificationView(report))
            guard report.problems.isEmpty else {
                throw CommandFailure(.failure, "\(report.problems.count) problem(s) were found")
            }
        }
    }
}
