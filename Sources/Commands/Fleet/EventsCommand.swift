import ArgumentParser

/// `presync events`.
struct EventsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events", abstract: "What happened: the newest events, oldest first.",
        discussion: """
            presync events
            presync events --last 500 -o json
            """)

    @OptionGroup var manager: ManagerOptions
    @OptionGroup var output: OutputOptions

    @Option(help: ArgumentHelp("How many events.", valueName: "n"))
    var last = 50

    func validate() throws {
        guard (1...100_000).contains(last) else { throw ValidationError("--last must be between 1 and 100000") }
    }

    func run() async throws {
        try await CommandRunner.run {
            let events = try await ManagerConnection.withClient(address: manager.address) { client in
                try await client.events(limit: last)
            }
            try output.write(EventsView(events))
        }
    }
}
