import FleetModel
import Testing

@testable import Commands

@Suite struct OutputTests {
    private let view = EventsView([
        FleetEvent(
            at: .seconds(65), kind: .reserved, instance: InstanceID(unchecked: "i1"), grant: GrantID(rawValue: 7),
            detail: "p=0.91"),
        FleetEvent(at: .seconds(70), kind: .contention, detail: "\u{1B}[31mred"),
    ])

    @Test func `a table has columns as wide as their widest cell`() throws {
        #expect(
            try AnswerRenderer(format: .table).render(view) == """
                AT     KIND        INSTANCE  GRANT  DEVICE  DETAIL
                01:05  reserved    i1        g7     -       p=0.91
                01:10  contention  -         -      -       ?[31mred

                """)
    }

    @Test func `the header can be left out, and an empty table says what to do`() throws {
        let text = try AnswerRenderer(format: .table, header: false).render(view)
        #expect(text.hasPrefix("01:05"))
        #expect(try AnswerRenderer(format: .table).render(EventsView([])) == "No events yet.\n")
    }

    @Test func `JSON has sorted keys and leaves out what is absent`() throws {
        let text = try AnswerRenderer(format: .json).render(
            EventsView(Array(repeating: .init(at: .zero, kind: .prepared), count: 1)))
        #expect(
            text == """
                {
                  "events" : [
                    {
                      "atSeconds" : 0,
                      "detail" : "",
                      "kind" : "prepared"
                    }
                  ]
                }

                """)
    }

    @Test func `YAML has sorted keys`() throws {
        let text = try AnswerRenderer(format: .yaml).render(EventsView([.init(at: .zero, kind: .prepared)]))
        #expect(text == "events:\n- atSeconds: 0e+0\n  detail: ''\n  kind: prepared\n")
    }
}
