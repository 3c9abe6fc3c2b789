import ArgumentParser

/// `presync pool`.
struct PoolCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pool", abstract: "The devices: memory and compute, reserved and used.",
        discussion: """
            presync pool
            presync pool -o json
            """)

    @OptionGroup var manager: ManagerOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await CommandRunner.run { try output.write(PoolView(try await manager.overview())) }
    }
}
