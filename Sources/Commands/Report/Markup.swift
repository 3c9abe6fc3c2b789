/// A piece of a page, in text that is HTML and XML alike.
///
/// Text and attributes are escaped on the way in, wherever they come from; names of elements and attributes are the
/// program's own.
struct Markup: ExpressibleByStringInterpolation {
    let source: String

    private init(source: String) { self.source = source }

    /// Text. Characters that XML does not allow, and those that turn the direction of writing, are replaced.
    init(_ text: String) { source = Self.escaped(text) }

    init(stringLiteral text: String) { self.init(text) }

    static func element(
        _ name: String, _ attributes: KeyValuePairs<String, String> = [:], _ content: [Markup] = []
    ) -> Markup {
        var source = "<" + name
        for (key, value) in attributes { source += " \(key)=\"\(escaped(value))\"" }
        // HTML takes `<p/>` for `<p>`, and `<meta></meta>` for a mistake.
        guard !["meta", "br"].contains(name) else { return Markup(source: source + "/>") }
        return Markup(source: source + ">" + content.map(\.source).joined() + "</\(name)>")
    }

    private static func escaped(_ text: String) -> String {
        var result = ""
        result.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x26: result += "&amp;"
            case 0x3C: result += "&lt;"
            case 0x3E: result += "&gt;"
            case 0x22: result += "&quot;"
            case 0x27: result += "&#39;"
            case 0x09, 0x0A: result.unicodeScalars.append(scalar)
            case 0..<0x20, 0x7F..<0xA0, 0x202A...0x202E, 0x2066...0x2069, 0xFFFE, 0xFFFF: result += "\u{FFFD}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

extension Markup {
    static func paragraph(_ text: String) -> Markup { .element("p", [:], [Markup(text)]) }

    /// Terms, each with what is said of it.
    static func definitions(_ entries: [(term: String, text: String)]) -> Markup {
        .element(
            "dl", [:],
            entries.flatMap { entry -> [Markup] in
                [.element("dt", [:], [Markup(entry.term)]), .element("dd", [:], [Markup(entry.text)])]
            })
    }
}
