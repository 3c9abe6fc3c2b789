import ArgumentParser
import Dashboard
import Foundation
import Yams

/// How a command writes its answer.
enum OutputFormat: String, CaseIterable, ExpressibleByArgument {
    case table
    case json
    case yaml
}

/// An answer that can be written in every format: for people, most often as a table, and encoded for programs.
protocol RenderableAnswer: Encodable {
    func table() -> TextTable
    /// What people read; not wider than `width` columns where the answer can be made to fit.
    func lines(header: Bool, width: Int) -> [StyledLine]
}

extension RenderableAnswer {
    func lines(header: Bool, width: Int) -> [StyledLine] { table().lines(header: header) }
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

    /// Writes one of several answers that follow each other: JSON on a line, a document of YAML, or a table.
    func writeNext(_ answer: some RenderableAnswer) throws {
        let text =
            switch output {
            case .table: try AnswerRenderer(format: .table, header: !quiet, style: .standardOutput).render(answer)
            case .json: try JSONText.encode(answer)
            case .yaml: "---\n" + (try AnswerRenderer.yaml(answer))
            }
        try FileHandle.standardOutput.write(contentsOf: Data((text + "\n").utf8))
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
            return style.render(answer.lines(header: header, width: style.width))
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
        let text = try encoder.encode(value)
        guard let node = try Yams.compose(yaml: text) else { return text }
        return try Yams.serialize(node: withPlainNumbers(node))
    }

    /// Numbers with a point, which YAML 1.1 knows as numbers as well: to it the encoder's `2e+0` is a string.
    private static func withPlainNumbers(_ node: Node) -> Node {
        switch node {
        case .scalar(var scalar):
            guard scalar.style == .plain || scalar.style == .any, scalar.string.contains("e"),
                let value = Double(scalar.string)
            else { return node }
            let text = "\(value)"
            scalar.string = text.contains(".") ? text : text.replacingOccurrences(of: "e", with: ".0e")
            return .scalar(scalar)
        case .mapping(let mapping):
            let pairs = mapping.map { ($0.key, withPlainNumbers($0.value)) }
            return .mapping(Node.Mapping(pairs, mapping.tag, mapping.style))
        case .sequence(let sequence):
            return .sequence(Node.Sequence(sequence.map(withPlainNumbers), sequence.tag, sequence.style))
        default:
            return node
        }
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

/// What can be shown where output goes.
struct TerminalStyle {
    var color: Bool
    /// Whether characters beyond ASCII are shown.
    var unicode = true
    /// Columns.
    var width = 80

    static let plain = TerminalStyle(color: false)

    static var standardOutput: TerminalStyle {
        TerminalStyle(
            environment: ProcessInfo.processInfo.environment, isTerminal: isatty(STDOUT_FILENO) == 1,
            width: Terminal.sizeOfStandardOutput?.width)
    }

    /// Lines as text, each ending in a line feed.
    func render(_ lines: [StyledLine]) -> String {
        lines.map { $0.rendered(color: color, unicode: unicode) + "\n" }.joined()
    }
}

extension TerminalStyle {
    /// Colours only on a terminal, and not where `NO_COLOR` (no-color.org) is set to anything but the empty text; ASCII
    /// only where the locale names another encoding than UTF-8, as `C` does.
    init(environment: [String: String], isTerminal: Bool, width: Int?) {
        let refused = environment["NO_COLOR"].map { !$0.isEmpty } ?? false || environment["TERM"] == "dumb"
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap { environment[$0] }.first { !$0.isEmpty }
        let encoding = locale?.uppercased().replacing("-", with: "") ?? "UTF8"
        self.init(color: !refused && isTerminal, unicode: encoding.contains("UTF8"), width: width ?? 80)
    }
}
