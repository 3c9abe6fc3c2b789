import ArgumentParser
import Dashboard
import FleetModel

/// `presync interface why`.
struct InterfaceWhyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "why", abstract: "Which interface version an instance gets on each device, and why not another.",
        discussion: """
            presync interface why chat-1
            presync interface why chat-1 -o json
            """)

    @OptionGroup var manager: ManagerOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: "The instance, as 'presync instances' names it.") var instance: String

    func run() async throws {
        try await CommandRunner.run {
            guard let id = InstanceID(rawValue: instance) else {
                throw CommandFailure(.usage, "'\(instance)' is no instance's name")
            }
            let answer = try await ManagerConnection.withClient(address: manager.address) { client in
                try await client.explainInterface(of: id)
            }
            guard let answer else {
                throw CommandFailure(
                    .failure, "the manager knows no instance \(instance)",
                    advice: "see which there are with 'presync instances'")
            }
            try output.write(InterfaceWhyView(answer))
        }
    }
}

/// What both ends have, what removed each version, and what decided.
struct InterfaceWhyView: RenderableAnswer {
    struct Candidate: Encodable {
        var version: String
        var digest: String
        var atInstance: Bool
        var atServer: Bool
        /// What speaks against it; empty where it is possible.
        var obstacles: [String]
        /// Older clients at the instance that its worker serves.
        var serves: [String]
        var opened: UInt64
        var failed: UInt64
        var timeToOpenMs: Double?
        var commandsPerSecond: Double?
    }

    struct Choice: Encodable {
        var device: String
        var atServer: [String]
        var candidates: [Candidate]
        /// Absent: no session can open.
        var worker: String?
        var client: String?
        var wanted: String?
        var decided: String
    }

    var instance: String
    var kind: String
    /// Absent: it is not there.
    var agent: String?
    var platform: String
    var atInstance: [String]
    /// Absent: every version is allowed.
    var pin: String?
    var pinnedFor: String?
    var choices: [Choice]

    init(_ answer: InterfaceExplanation) {
        func text(_ version: InterfaceVersion) -> String { version.version.description }
        instance = answer.instance.rawValue
        kind = answer.kind
        agent = answer.agent?.rawValue
        platform = answer.platform.description
        atInstance = answer.installed.map(text)
        pin = answer.rule?.description
        pinnedFor = answer.scope?.description
        choices = answer.choices.map { choice in
            Choice(
                device: choice.device.description, atServer: choice.installed.map(text),
                candidates: choice.candidates.map { one in
                    Candidate(
                        version: text(one.version), digest: one.version.digest.description,
                        atInstance: one.isAtClient, atServer: one.isAtServer, obstacles: one.obstacles,
                        serves: one.serves.map(text), opened: one.opened, failed: one.failed,
                        timeToOpenMs: one.timeToOpen.map { $0 / .milliseconds(1) },
                        commandsPerSecond: one.commandRate)
                }, worker: choice.worker.map(text), client: choice.client.map(text),
                wanted: choice.wanted.map(text), decided: choice.decided)
        }
    }

    func table() -> TextTable {
        var table = TextTable(titles: ["DEVICE", "VERSION", "INSTANCE", "SERVER", "OPENED", "FAILED", "COMMANDS/S", ""])
        func note(_ text: String, _ style: TextTable.Cell) {
            table.rows.append([style] + Array(repeating: TextTable.Cell(""), count: 6) + [TextTable.Cell(text)])
        }
        let allowed = pin.map { "only \($0) is allowed (\(pinnedFor ?? ""))" } ?? "every version is allowed"
        let host = agent.map { "\($0) (\(platform)) has \(list(atInstance))" } ?? "its agent is not there"
        note("\(instance): \(host); \(allowed)", TextTable.Cell(""))
        for choice in choices {
            for one in choice.candidates {
                let isChosen = one.version == choice.worker && one.obstacles.isEmpty
                table.rows.append([
                    TextTable.Cell(choice.device), TextTable.Cell(one.version),
                    TextTable.Cell(one.atInstance ? "there" : one.serves.isEmpty ? "-" : "older"),
                    TextTable.Cell(one.atServer ? "there" : "-"), TextTable.Cell("\(one.opened)"),
                    TextTable.Cell("\(one.failed)"),
                    TextTable.Cell(one.commandsPerSecond.map { "\(Int($0))" } ?? "-"),
                    one.obstacles.isEmpty
                        ? TextTable.Cell(isChosen ? "chosen" : "possible", isChosen ? .good : .faint)
                        : TextTable.Cell(one.obstacles.joined(separator: "; "), .bad),
                ])
            }
            note(choice.decided, TextTable.Cell(choice.device))
        }
        return table
    }

    private func list(_ versions: [String]) -> String {
        versions.isEmpty ? "none" : versions.joined(separator: ", ")
    }
}
