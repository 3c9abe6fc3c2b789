import Testing

@testable import Commands

@Suite struct MarkupTests {
    @Test func `text and attributes cannot leave their place`() {
        let hostile = "</title><script>alert(\"1\")</script>&amp;'"
        let escaped = "&lt;/title&gt;&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;amp;&#39;"
        #expect(Markup(hostile).source == escaped)
        #expect(Markup.element("p", ["title": hostile]).source == "<p title=\"\(escaped)\"></p>")
        let interpolated: Markup = "<b>\(hostile)</b>"
        #expect(interpolated.source == "&lt;b&gt;\(escaped)&lt;/b&gt;")
    }

    @Test func `characters that XML forbids or that turn the text around are replaced`() {
        #expect(
            Markup("a\u{0}b\u{1B}c\u{202E}d\u{2066}e\u{FFFE}f\u{85}g\r").source.unicodeScalars.filter {
                $0 == "\u{FFFD}"
            }.count == 7)
        #expect(Markup("a\tb\nc é 界 🙂").source == "a\tb\nc é 界 🙂")
    }

    @Test func `elements are closed as both HTML and XML want it`() {
        #expect(Markup.element("meta", ["charset": "utf-8"]).source == "<meta charset=\"utf-8\"/>")
        #expect(Markup.element("td").source == "<td></td>")
        #expect(
            Markup.definitions([("a<b", "c")]).source == "<dl><dt>a&lt;b</dt><dd>c</dd></dl>")
    }
}
