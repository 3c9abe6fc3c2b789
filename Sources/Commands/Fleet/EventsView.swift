import Dashboard
import FleetModel
import Observability

/// What happened, as `presync events` shows it.
struct EventsView: RenderableAnswer {
    struct Row: Encodable, Hashable {
        /// From 1, without gaps, since the manager started.
        var sequence: UInt64
        /// When the manager recorded it, as RFC 3339 writes it, in UTC.
        var at: String
        var kind: String
        var instance: String?
        var grant: UInt64?
        var device: String?
        var detail: String

        init(_ recorded: RecordedEvent) {
            let event = recorded.event
            sequence = recorded.sequence
            at = WallClock.text(unixMilliseconds: recorded.recordedAtUnixMs)
            kind = event.kind.rawValue
            instance = event.instance?.rawValue
            grant = event.grant?.rawValue
            device = event.device?.description
            detail = event.detail
        }
    }

    var events: [Row]

    init(_ events: [RecordedEvent]) { self.events = events.map(Row.init) }

    func table() -> TextTable {
        var table = TextTable(
            titles: ["AT (UTC)", "KIND", "INSTANCE", "GRANT", "DEVICE", "DETAIL"], emptyText: "No events yet.")
        table.rows = events.map { row in
            [
                // To the second: the milliseconds are for programs.
                TextTable.Cell(String(row.at.prefix(19)).replacing("T", with: " ")), TextTable.Cell(row.kind),
                TextTable.Cell(row.instance ?? "-"), TextTable.Cell(row.grant.map { "g\($0)" } ?? "-"),
                TextTable.Cell(row.device ?? "-"), TextTable.Cell(row.detail),
            ]
        }
        return table
    }
}
