import FleetModel
import Testing

@testable import Commands

@Suite struct OutputTests {
    private let events = [
        RecordedEvent(
            sequence: 8, recordedAtUnixMs: 1_764_000_013_042,
            event: FleetEvent(
                at: .seconds(65), kind: .reserved, instance: InstanceID(unchecked: "i1"), grant: GrantID(rawValue: 7),
                detail: "p=0.91")),
        RecordedEvent(
            sequence: 9, recordedAtUnixMs: 1_764_000_014_000,
            event: FleetEvent(at: .seconds(70), kind: .contention, detail: "\u{1B}[31mred")),
    ]
    private var view: EventsView { EventsView(events) }

    @Test func `a table has columns as wide as their widest cell, and times of the wall clock`() throws {
        #expect(
            try AnswerRenderer(format: .table).render(view) == """
                AT (UTC)             KIND        INSTANCE  GRANT  DEVICE  DETAIL
                2025-11-24 16:00:13  reserved    i1        g7     -       p=0.91
                2025-11-24 16:00:14  contention  -         -      -       ?[31mred

                """)
    }

    @Test func `the header can be left out, and an empty table says what to do`() throws {
        let text = try AnswerRenderer(format: .table, header: false).render(view)
        #expect(text.hasPrefix("2025-11-24 16:00:13"))
        #expect(try AnswerRenderer(format: .table).render(EventsView([])) == "No events yet.\n")
    }

    @Test func `JSON has sorted keys and leaves out what is absent`() throws {
        let text = try AnswerRenderer(format: .json).render(EventsView([events[1]]))
        #expect(
            text == """
                {
                  "events" : [
                    {
                      "at" : "2025-11-24T16:00:14.000Z",
                      "detail" : "\\u001b[31mred",
                      "kind" : "contention",
                      "sequence" : 9
                    }
                  ]
                }

                """)
    }

    @Test func `YAML has sorted keys`() throws {
        let text = try AnswerRenderer(format: .yaml).render(EventsView([events[0]]))
        #expect(
            text == """
                events:
                - at: '2025-11-24T16:00:13.042Z'
                  detail: p=0.91
                  grant: 7
                  instance: i1
                  kind: reserved
                  sequence: 8

                """)
    }

    @Test func `events that are followed are a table, a line of JSON each, or one list of YAML`() throws {
        func text(_ format: OutputFormat) throws -> String {
            let lines = EventLines(format: format, header: true, style: .plain)
            return try lines.first([events[0]]) + lines.next(events[1])
        }
        let table = try text(.table).split(separator: "\n")
        #expect(table.count == 3)
        #expect(table[0].hasPrefix("AT (UTC)"))
        let columns = zip(table.dropFirst(), ["p=0.91", "?[31mred"]).map { $0.ranges(of: $1).first?.lowerBound }
        let widths = zip(table.dropFirst(), columns).map { line, column in
            column.map { line.distance(from: line.startIndex, to: $0) }
        }
        #expect(widths[0] != nil && widths[0] == widths[1])
        #expect(try text(.json).split(separator: "\n").allSatisfy { $0.hasPrefix("{") && $0.hasSuffix("}") })
        #expect(try text(.yaml).split(separator: "\n").count { $0.hasPrefix("- at: ") } == 2)
    }

    @Test(arguments: [
        (["LANG": "de_DE.UTF-8"], true), (["LANG": "en_US.utf8", "LC_ALL": ""], true), ([:], true),
        (["LC_ALL": "C", "LANG": "en_US.UTF-8"], false), (["LC_CTYPE": "POSIX"], false), (["LANG": "de_DE"], false),
        (["LC_ALL": "C.UTF-8"], true),
    ])
    func `what is not ASCII is written unless the locale says otherwise`(
        environment: [String: String], unicode: Bool
    ) {
        let style = TerminalStyle(environment: environment, isTerminal: true, width: 100)
        #expect(style.unicode == unicode)
        #expect(style.color)
        #expect(style.width == 100)
    }

    @Test func `colours are for terminals, and for those that want them`() {
        func color(_ environment: [String: String], isTerminal: Bool = true) -> Bool {
            TerminalStyle(environment: environment, isTerminal: isTerminal, width: nil).color
        }
        #expect(color([:]))
        #expect(color(["NO_COLOR": ""]))
        #expect(!color(["NO_COLOR": "1"]))
        #expect(!color(["TERM": "dumb"]))
        #expect(!color([:], isTerminal: false))
    }

    @Test func `what a follower missed is counted`() {
        let gaps = SequenceGaps(after: 4)
        #expect(gaps.next == 5)
        #expect(gaps.missed(before: 5) == nil)
        #expect(gaps.missed(before: 9) == 3)
        #expect(gaps.missed(before: 10) == nil)
    }

    @Test func `a fleet with more memory than a sum can hold is shown`() throws {
        let device = DeviceOverview(
            description: DeviceDescription(
                id: DeviceID(server: GPUServerID(unchecked: "s"), index: 0), kind: .synthetic, model: "", vendor: "",
                driverVersion: "", apiVersion: "", memory: Bytes(1 << 60), computeUnits: 1, extensions: []),
            available: true, reservedMemory: Bytes(1 << 60), reservedCompute: .zero, usedMemory: Bytes(1 << 60),
            usedCompute: .zero, warmSessions: 0, reservedSessions: 0, attachedSessions: 0)
        let overview = FleetOverview(
            at: .seconds(9_999), term: 3, instances: [], devices: Array(repeating: device, count: 9),
            totals: FleetTotals(), accuracy: AccuracyOverview(), uptime: .seconds(65),
            startedAtUnixMs: 1_764_000_013_042)
        let status = StatusView(overview)
        #expect(status.memoryBytes == .max)
        #expect(status.uptimeSeconds == 65)
        let text = try AnswerRenderer(format: .table).render(status)
        #expect(text.contains("term 3, up 01:05, since 2025-11-24T16:00:13.042Z"))
    }

    @Test func `a device of which less than all is promised says so`() throws {
        var device = DeviceOverview(
            description: DeviceDescription(
                id: DeviceID(server: GPUServerID(unchecked: "s"), index: 0), kind: .synthetic, model: "", vendor: "",
                driverVersion: "", apiVersion: "", memory: Bytes(1 << 30), computeUnits: 1, extensions: []),
            available: true, reservedMemory: .zero, reservedCompute: MilliShare(300), usedMemory: .zero,
            usedCompute: .zero, warmSessions: 0, reservedSessions: 0, attachedSessions: 0)
        func shown() throws -> String {
            let overview = FleetOverview(
                at: .seconds(1), term: 1, instances: [], devices: [device], totals: FleetTotals(),
                accuracy: AccuracyOverview(), uptime: .seconds(1), startedAtUnixMs: 0)
            return try AnswerRenderer(format: .table).render(PoolView(overview))
        }
        #expect(try shown().contains(" 30 % ") && !shown().contains(" of "))
        device.promisableCompute = MilliShare(400)
        #expect(try shown().contains(" 30 % of 40 % "))
    }
}
