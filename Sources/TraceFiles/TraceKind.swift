/// What a trace file holds.
package enum TraceKind: Sendable {
    /// ``TelemetryTrace``
    case telemetry
    /// ``RequestTrace``
    case requests

    /// Tells by the header line: only request traces say how long answers are.
    package static func of(path: String, limits: TraceLimits = TraceLimits()) throws(TraceError) -> TraceKind {
        try TableReader(path: path, limits: limits).optionalColumn("generated_tokens") == nil ? .telemetry : .requests
    }
}
