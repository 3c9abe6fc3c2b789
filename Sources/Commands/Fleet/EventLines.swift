import FleetModel
import Synchronization

/// Events as text that goes on: what is written first, and then each as it comes.
struct EventLines {
    var format: OutputFormat
    var header: Bool
    var style: TerminalStyle

    /// Wide enough for most: what comes later cannot widen the columns of what stands there.
    private static let widths = [20, 20, 12, 7, 12]

    /// The events that are there at the start, with the header where one is wanted.
    func first(_ events: [RecordedEvent]) throws -> String {
        guard format == .table else { return try events.map(next).joined() }
        return table(events).rendered(header: header, style: style, leastWidths: Self.widths, evenEmpty: true)
    }

    func next(_ event: RecordedEvent) throws -> String {
        switch format {
        case .table: return table([event]).rendered(header: false, style: style, leastWidths: Self.widths)
        case .json: return try JSONText.encode(EventsView.Row(event)) + "\n"
        // Lists of one element after the other are one list.
        case .yaml: return try AnswerRenderer.yaml([EventsView.Row(event)])
        }
    }

    private func table(_ events: [RecordedEvent]) -> TextTable { EventsView(events).table() }
}

/// Notices events that a watcher was not given.
final class SequenceGaps: Sendable {
    private let last: Mutex<UInt64>

    init(after last: UInt64) { self.last = Mutex(last) }

    /// The sequence number that comes next.
    var next: UInt64 { last.withLock { $0 &+ 1 } }

    /// How many are missing before `sequence`; nil when none is.
    func missed(before sequence: UInt64) -> UInt64? {
        last.withLock { last in
            defer { last = sequence }
            return sequence > last &+ 1 ? sequence - last - 1 : nil
        }
    }
}
