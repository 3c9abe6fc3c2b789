import TraceFiles

extension RequestDealer {
    /// Memory stays below 200 MB.
    private static let maximumRequests = 5_000_000
    private static let maximumTokens = 1_000_000

    /// The requests in the file at `path`, ascending by time.
    static func read(_ path: String) throws(CommandFailure) -> [Arrival] {
        do {
            let trace = try RequestTrace.read(path: path, limits: TraceLimits(rows: maximumRequests))
            return trace.rows.map { row in
                Arrival(
                    at: row.timestamp, contextTokens: min(max(row.contextTokens, 1), maximumTokens),
                    generatedTokens: min(max(row.generatedTokens, 1), maximumTokens))
            }
        } catch {
            throw CommandFailure(
                .noInput, String(describing: error),
                advice: "give a CSV file, plain or gzip, with the columns timestamp_s, context_tokens, generated_tokens"
            )
        }
    }
}
