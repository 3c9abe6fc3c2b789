import ArgumentParser

/// `presync interface`.
struct InterfaceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "interface", abstract: "Interface versions: the trusted repository that they come from.",
        subcommands: [InterfaceClientCommand.self])
}
