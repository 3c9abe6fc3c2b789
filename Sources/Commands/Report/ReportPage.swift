/// One page that needs nothing beside it and runs nothing.
struct ReportPage {
    var title: String
    var content: [Markup]

    private static let policy = "default-src 'none'; style-src 'unsafe-inline'"

    var html: String {
        let head = Markup.element(
            "head", [:],
            [
                .element("meta", ["charset": "utf-8"]),
                .element("meta", ["http-equiv": "Content-Security-Policy", "content": Self.policy]),
                .element("meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"]),
                .element("title", [:], [Markup(title)]), .element("style", [:], [Markup(ReportStyle.sheet)]),
            ])
        let body = Markup.element("body", [:], [.element("h1", [:], [Markup(title)])] + content)
        let page = Markup.element(
            "html", ["xmlns": "http://www.w3.org/1999/xhtml", "lang": "en"], [head, body])
        return "<!DOCTYPE html>\n" + page.source + "\n"
    }

    /// A path without its folders: those say more of a machine than of what was recorded.
    static func fileName(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }

    static func section(_ title: String, _ content: [Markup]) -> [Markup] {
        [.element("h2", [:], [Markup(title)])] + content
    }

    static func figure(_ title: String, _ explanation: String, _ drawing: Markup) -> [Markup] {
        section(title, [.paragraph(explanation), .element("figure", [:], [drawing])])
    }
}
