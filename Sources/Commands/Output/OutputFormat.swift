import ArgumentParser
import Foundation
import Yams

/// How a command writes its answer.
enum OutputFormat: String, CaseIterable, ExpressibleByArgument {
    case table
    case json
    case yaml
}

/// An answer that can be written in every format: as a table for people, encoded for programs.
protocol RenderableAnswer: Encodable {
    func table() -> TextTable
}

/// The option that every command with an answer takes.
struct OutputOptions: ParsableArguments {
    @Option(name: [.short, .long], help: "How to write the answer: table, json or yaml.")
    var output: OutputFormat = .table

    @Flag(name: [.short, .long], help: "Leave out the table's header line.")
    var quiet = false

    /// Writes `answer` to standard output.
    func write(_ answer: some RenderableAnswer) throws {
        let style = TerminalStyle.standardOutput
        print(try AnswerRenderer(format: output, header: !quiet, style: style).render(answer), terminator: "")
    }
}

/// The one place where an answer becomes text. Keys are sorted, so that equal answers are equal text.
struct AnswerRenderer {
    var format: OutputFormat
    var header = true
    var style: TerminalStyle = .plain

    /// The text, ending in a line feed.
    func render(_ answer: some RenderableAnswer) throws -> String {
        switch format {
        case .table:
            return answer.table().rendered(header: header, style: style)
        case .json:
            return try JSONText.encode(answer, pretty: true) + "\n"
        case .yaml:
            return try Self.yaml(answer)
        }
    }

    /// YAML with sorted keys.
    static func yaml(_ value: some Encodable) throws -> String {
        let encoder = YAMLEncoder()
        encoder.options.sortKeys = true
        return try encoder.encode(value)
    }
}

/// JSON with sorted keys.
enum JSONText {
    static func encode(_ value: some Encodable, pretty: Bool = false) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting =
            pretty
            ? [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
            : [
                .sortedKeys, .withoutEscapingSlashes,
            ]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}

/// Whether colours and a live view are welcome where output goes.
struct TerminalStyle {
    var color: Bool

    static let plain = TerminalStyle(color: false)

    /// Colours only on a terminal, and not where `NO_COLOR` (no-color.org) is set to anything but the empty text.
    static var standardOutput: TerminalStyle {
        let environment = ProcessInfo.processInfo.environment
        let refused = environment["NO_COLOR"].map { !$0.isEmpty } ?? false || environment["TERM"] == "dumb"
        return TerminalStyle(color: !refused && isatty(STDOUT_FILENO) == 1)
    }
}
