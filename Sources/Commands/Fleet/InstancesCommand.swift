import ArgumentParser

/// `presync instances`.
struct InstancesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "instances",
        abstract: "The instances: readiness, load, forecast, and why one has not what it should.",
        discussion: """
            presync instances
            presync instances -o yaml --manager 10.0.0.5:7400
            """)

    @OptionGroup var manager: ManagerOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await CommandRunner.run { try output.write(InstancesView(try await manager.overview())) }
    }
}
