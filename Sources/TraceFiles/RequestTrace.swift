/// One request to a service of language models.
package struct RequestTraceRow: Hashable, Sendable {
    /// Arrival in seconds, 0 to 10^9; it does not fall from row to row. A trace need not begin at 0.
    package var timestamp: Double
    /// Length of the prompt in tokens.
    package var contextTokens: Int
    /// Length of the answer in tokens.
    package var generatedTokens: Int
    /// Who asked, where the trace tells: its `client` or `instance` column.
    package var client: String?

    package init(timestamp: Double, contextTokens: Int, generatedTokens: Int, client: String? = nil) {
        self.timestamp = timestamp
        self.contextTokens = contextTokens
        self.generatedTokens = generatedTokens
        self.client = client
    }
}

/// Reads a request trace, plain or gzip, row by row. Memory does not grow with the file.
///
/// Columns `timestamp_s`, `context_tokens` and `generated_tokens`, and optionally `client` or `instance`.
package final class RequestTraceReader {
    private static let times = 0.0...1e9
    private static let tokens = 0.0...1e9
    private static let clientLength = 128

    private let table: TableReader
    private let timestamp: TableColumn
    private let contextTokens: TableColumn
    private let generatedTokens: TableColumn
    private let client: TableColumn?
    private var lastTime = 0.0

    package init(path: String, limits: TraceLimits = TraceLimits()) throws(TraceError) {
        table = try TableReader(path: path, limits: limits)
        timestamp = try table.column("timestamp_s")
        contextTokens = try table.column("context_tokens")
        generatedTokens = try table.column("generated_tokens")
        client = table.optionalColumn("client") ?? table.optionalColumn("instance")
    }

    /// The next row, or nil after the last.
    package func next() throws(TraceError) -> RequestTraceRow? {
        guard let row = try table.next() else { return nil }
        let now = try row.number(timestamp, in: Self.times)
        guard now >= lastTime else {
            throw TraceError(
                .outOfOrder, file: row.file, line: row.line, column: timestamp.name,
                cause: "\(now) after \(lastTime)")
        }
        lastTime = now
        let name = client.map { row.text($0) }
        if let client, let name, name.utf8.count > Self.clientLength {
            throw row.invalid(client, "longer than \(Self.clientLength) bytes")
        }
        return RequestTraceRow(
            timestamp: now, contextTokens: Int(try row.number(contextTokens, in: Self.tokens)),
            generatedTokens: Int(try row.number(generatedTokens, in: Self.tokens)),
            client: name.flatMap { $0.isEmpty ? nil : $0 })
    }
}

/// A whole request trace in memory.
package struct RequestTrace: Sendable {
    /// In file order: arrivals do not fall.
    package var rows: [RequestTraceRow]

    package init(rows: [RequestTraceRow]) { self.rows = rows }

    /// Reads a whole file. `limits.rows` bounds the memory: about 50 bytes a row.
    package static func read(path: String, limits: TraceLimits = TraceLimits()) throws(TraceError) -> RequestTrace {
        let reader = try RequestTraceReader(path: path, limits: limits)
        var rows: [RequestTraceRow] = []
        while let row = try reader.next() { rows.append(row) }
        return RequestTrace(rows: rows)
    }
}
