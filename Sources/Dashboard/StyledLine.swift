/// How a piece of text looks on a terminal that has colours.
package enum TextStyle: Hashable, Sendable {
    case plain
    case strong
    case faint
    case good
    case notice
    case warning
    case bad

    /// The parameters of the terminal's "select graphic rendition" sequence (ECMA-48, section 8.3.117).
    var renditionCode: String? {
        switch self {
        case .plain: nil
        case .strong: "1"
        case .faint: "2"
        case .good: "32"
        case .notice: "36"
        case .warning: "33"
        case .bad: "31"
        }
    }
}

/// One line of styled text whose width on the screen is known.
///
/// Each character takes one column: ``append(_:_:)`` replaces whatever could take another width or move the cursor, so
/// text from outside (a model name, an event's detail) can neither break the layout nor control the terminal.
package struct StyledLine: Hashable, Sendable {
    private struct Span: Hashable {
        var text: String
        var style: TextStyle
    }

    private var spans: [Span] = []
    /// Columns on the screen.
    package private(set) var width = 0

    package init(_ text: String = "", _ style: TextStyle = .plain) { append(text, style) }

    package mutating func append(_ text: String, _ style: TextStyle = .plain) {
        guard !text.isEmpty else { return }
        let safe = Self.sanitized(text)
        width += safe.count
        spans.append(Span(text: safe, style: style))
    }

    package mutating func append(_ line: StyledLine) {
        spans.append(contentsOf: line.spans)
        width += line.width
    }

    /// Appends `text` in a field of `columns`: cut when longer, padded when shorter.
    package mutating func append(_ text: String, columns: Int, trailing: Bool = false, _ style: TextStyle = .plain) {
        let safe = String(Self.sanitized(text).prefix(max(0, columns)))
        let padding = String(repeating: " ", count: max(0, columns - safe.count))
        append(trailing ? padding + safe : safe + padding, style)
    }

    /// The line cut to at most `columns` columns.
    package func clipped(to columns: Int) -> StyledLine {
        guard width > columns else { return self }
        var result = StyledLine()
        for span in spans where result.width < columns {
            result.append(String(span.text.prefix(columns - result.width)), span.style)
        }
        return result
    }

    /// The line cut or filled with spaces to exactly `columns` columns.
    package func padded(to columns: Int) -> StyledLine {
        var line = clipped(to: columns)
        line.append(String(repeating: " ", count: max(0, columns - line.width)))
        return line
    }

    /// `parts` with dots between them, on as few lines of at most `width` columns as hold them; lines after the first
    /// begin with `indent` spaces. A part that is longer has a line of its own.
    package static func flowed(_ parts: [StyledLine], width: Int, indent: Int) -> [StyledLine] {
        var lines: [StyledLine] = []
        for part in parts {
            if var line = lines.last, line.width + 3 + part.width <= width {
                line.append(" · ")
                line.append(part)
                lines[lines.count - 1] = line
            } else {
                var line = StyledLine(lines.isEmpty ? "" : String(repeating: " ", count: indent))
                line.append(part)
                lines.append(line)
            }
        }
        return lines
    }

    /// The text alone.
    package var plainText: String { spans.map(\.text).joined() }

    /// The text with the terminal's colour sequences where `color` is wanted, and in ASCII where `unicode` is not.
    package func rendered(color: Bool, unicode: Bool = true) -> String {
        spans.map { span in
            let text = unicode ? span.text : Self.ascii(span.text)
            guard color, let code = span.style.renditionCode else { return text }
            return "\u{1B}[\(code)m\(text)\u{1B}[0m"
        }.joined()
    }

    private static func ascii(_ text: String) -> String {
        String(text.unicodeScalars.map { Glyphs.ascii[$0] ?? Character($0) })
    }

    /// `text` with everything replaced that is neither printable ASCII nor one of this module's own glyphs.
    package static func sanitized(_ text: String) -> String {
        guard !text.utf8.allSatisfy({ (0x20..<0x7F).contains($0) }) else { return text }
        return String(
            text.unicodeScalars.map { scalar -> Character in
                let isPlain = (0x20..<0x7F).contains(scalar.value)
                return isPlain || Glyphs.ascii[scalar] != nil ? Character(scalar) : "?"
            })
    }
}
