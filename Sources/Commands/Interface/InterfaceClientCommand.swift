import ArgumentParser

/// `presync interface client`: see ``InterfaceClientProgram``.
struct InterfaceClientCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "client", abstract: "Only the client of The Update Framework, to be driven by other programs.",
        usage: InterfaceClientProgram.usage,
        discussion: "Options may stand anywhere. Ends with 0 or 1.", helpNames: [])

    /// Left to the program itself, which ends with no other status than 0 or 1.
    @Argument(parsing: .captureForPassthrough) var arguments: [String] = []

    func run() async throws {
        let status = await InterfaceClientProgram.run(arguments) { line in
            StandardError.write(line + "\n")
        }
        if status != 0 { throw ExitCode(status) }
    }
}
