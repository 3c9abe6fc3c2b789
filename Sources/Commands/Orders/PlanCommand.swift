import ArgumentParser
import ControlProtocol
import FleetModel
import Foundation

/// `presync plan`.
struct PlanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "Shows what changes would do at once, and keeps that for 'presync apply'.",
        discussion: """
            The file has a command a line, as it would be given to presync: class set, class remove, class rule add or \
            remove, class quota set or remove, and order with all that it can do. # begins a comment. Nothing is changed.

            echo 'order maintenance gpu-2' | presync plan -
            presync plan changes.txt --to night.plan
            presync apply night.plan
            """)

    @OptionGroup var manager: ManagerOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: ArgumentHelp("The file of changes; - for standard input.", valueName: "file"))
    var file: String

    @Option(help: ArgumentHelp("Where the plan is kept.", valueName: "file"))
    var to: String?

    func run() async throws {
        try await CommandRunner.run {
            let kept = try to.map { path throws(CommandFailure) in try OutputFile(path, sparing: [file]) }
            let name = file == "-" ? "standard input" : file
            let changes = try ChangeFile(text: try Self.read(file, name), name: name).changes
            let plan = try await ManagerConnection.withClient(address: manager.address) { client in
                let plan = try await client.plan(changes)
                await OrderNotes.write(on: changes, asking: client)
                return plan
            }
            if let kept {
                guard let text = try? plan.savedText() else {
                    throw CommandFailure(.software, "the plan cannot be written as JSON")
                }
                try kept.write(text + "\n")
            }
            try output.write(PlanView(plan))
        }
    }

    private static func read(_ path: String, _ name: String) throws(CommandFailure) -> String {
        let data =
            path == "-"
            ? (try? FileHandle.standardInput.readToEnd()) ?? Data() : FileManager.default.contents(atPath: path)
        guard let data else {
            throw CommandFailure(.noInput, "\(name) cannot be read", advice: "name a file of changes, a command a line")
        }
        return String(decoding: data, as: UTF8.self)
    }
}

/// `presync apply`.
struct ApplyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply", abstract: "Carries out a plan that 'presync plan' kept: all of it, or nothing.",
        discussion: """
            It is refused, with status 1, where something that it depends on has changed since: the settings, or what an \
            instance holds that it is about. Then plan anew.

            presync apply night.plan
            """)

    @OptionGroup var manager: ManagerOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: "The file of the plan.")
    var file: String

    func run() async throws {
        try await CommandRunner.run {
            let plan = try Self.read(file)
            _ = try await ManagerConnection.withClient(address: manager.address) { client in
                try await client.apply(plan)
            }
            try output.write(PlanView(plan))
        }
    }

    private static func read(_ file: String) throws(CommandFailure) -> ChangePlan {
        guard let data = FileManager.default.contents(atPath: file) else {
            throw CommandFailure(
                .noInput, "\(file) cannot be read", advice: "name a file that 'presync plan CHANGES --to FILE' wrote")
        }
        guard let plan = try? ChangePlan(savedText: String(decoding: data, as: UTF8.self)) else {
            throw CommandFailure(
                .noInput, "\(file) is no plan", advice: "make one: 'presync plan \(file) --to FILE', if it has changes")
        }
        return plan
    }
}

/// The changes in a file: a command a line.
struct ChangeFile {
    var changes: [OperatorChange] = []

    /// - Throws: ``CommandFailure``, with the line that is not understood.
    init(text: String, name: String) throws(CommandFailure) {
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            var words = Self.words(line)
            if words.first == "presync" { words.removeFirst() }
            guard !words.isEmpty else { continue }
            do {
                let command = try PresyncCommand.parseAsRoot(words)
                guard let changing = command as? any ChangingCommand else {
                    throw ValidationError("'\(words.joined(separator: " "))' changes nothing")
                }
                changes += try changing.changes()
            } catch {
                throw CommandFailure(
                    .noInput, "\(name), line \(index + 1): \(PresyncCommand.message(for: error))",
                    advice: "write a command a line, such as: order pin chat-1 gpu-1#0")
            }
        }
        guard !changes.isEmpty else {
            throw CommandFailure(
                .noInput, "\(name) has no changes",
                advice: "write a command a line, such as: order pin chat-1 gpu-1#0")
        }
    }

    /// The words of a line: parted by blanks that do not stand within quotes; # before a word begins a comment.
    static func words(_ line: Substring) -> [String] {
        var words: [String] = []
        var word: String?
        var quote: Character?
        for character in line {
            switch (character, quote) {
            case (let end, let open?) where end == open: quote = nil
            case (_, .some): word?.append(character)
            case ("'", nil), ("\"", nil):
                quote = character
                word = word ?? ""
            case ("#", nil) where word == nil: return words
            case (_, nil) where character.isWhitespace:
                if let whole = word { words.append(whole) }
                word = nil
            default: word = (word ?? "") + String(character)
            }
        }
        if let whole = word { words.append(whole) }
        return words
    }
}
