import ArgumentParser
import Dashboard
import FleetModel

/// `presync queue`.
struct QueueCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queue", abstract: "The programs that wait for a slice, in the order in which they are served.",
        discussion: """
            presync queue
            presync queue -o json
            """)

    @OptionGroup var manager: ManagerOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await CommandRunner.run { try output.write(QueueView(try await manager.overview())) }
    }
}

/// The programs that wait, as `presync queue` shows them.
struct QueueView: RenderableAnswer {
    struct Row: Encodable {
        var request: String
        var instance: String
        var agent: String
        var waitedSeconds: Double
        /// In how long it is expected to be served; absent where that cannot be told.
        var estimateSeconds: Double?
        var reason: String
    }

    /// Who is served first comes first.
    var waiting: [Row]

    init(_ overview: FleetOverview) {
        waiting = overview.waiting.map {
            Row(
                request: $0.request.description, instance: $0.instance.rawValue, agent: $0.agent.rawValue,
                waitedSeconds: $0.waited.inSeconds, estimateSeconds: $0.estimate?.inSeconds, reason: $0.reason)
        }
    }

    func table() -> TextTable {
        var table = TextTable(
            titles: ["REQUEST", "INSTANCE", "WAITED", "EXPECTED IN", "WHY"], emptyText: "No program waits.")
        table.rows = waiting.map { row in
            [
                row.request, row.instance, Quantity.decimal(row.waitedSeconds, digits: 1) + " s",
                row.estimateSeconds.map { Quantity.decimal($0, digits: 1) + " s" } ?? "-", row.reason,
            ].map { TextTable.Cell($0) }
        }
        return table
    }
}
