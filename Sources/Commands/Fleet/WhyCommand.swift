import ArgumentParser
import FleetModel

/// `presync why`.
struct WhyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "why",
        abstract: "Why an instance has what it has, and the least that would have to change for it to have more.",
        discussion: """
            It is the manager's own plan that is asked, with those served who come before: what stands here is what its \
            next step does, as things are.

            presync why chat-1
            presync why r12
            presync why chat-1 -o json --manager 10.0.0.5:7400
            """)

    @OptionGroup var manager: ManagerOptions
    @OptionGroup var output: OutputOptions

    @Argument(
        help: ArgumentHelp(
            "An instance, as 'presync instances' names it, or a request that waits.", valueName: "instance|request"))
    var subject: String

    func run() async throws {
        try await CommandRunner.run {
            let answer = try await ManagerConnection.withClient(address: manager.address) { client in
                try await client.explain(subject)
            }
            guard let explanation = answer.explanation else { throw Self.unknown(subject, answer.nearest) }
            try output.write(WhyView(explanation))
        }
    }

    /// What is said where the manager knows no such name.
    static func unknown(_ subject: String, _ nearest: [InstanceID]) -> CommandFailure {
        let names = nearest.map(\.rawValue).joined(separator: ", ")
        return CommandFailure(
            .failure, "the manager knows no instance and no waiting request \(subject)",
            advice: nearest.isEmpty
                ? "see which there are with 'presync instances'" : "perhaps one of these is meant: \(names)")
    }
}
