import ArgumentParser

/// `presync status`.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "The fleet in a few figures.",
        discussion: """
            presync status
            presync status -o json
            """)

    @OptionGroup var manager: ManagerOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await CommandRunner.run { try output.write(StatusView(try await manager.overview())) }
    }
}
