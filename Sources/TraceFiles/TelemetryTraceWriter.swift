import CZlib
import FleetModel

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Writes a telemetry trace with all columns, to be read again by ``TelemetryTraceReader``: as gzip where the file's
/// name ends in `.gz`, else as plain text.
///
/// Rows are buffered: what was written is only sure to be in the file after ``close()``.
package final class TelemetryTraceWriter {
    private let path: String
    private var file: gzFile?

    /// Creates the file, or empties it.
    package init(path: String) throws(TraceError) {
        // "T": as it is, without compression.
        guard let file = gzopen(path, path.hasSuffix(".gz") ? "wbe" : "wbTe") else {
            throw TraceError(.cannotOpen, file: path, cause: "cannot create: \(String(cString: strerror(errno)))")
        }
        self.path = path
        self.file = file
        try write(TelemetryTraceColumn.allCases.map(\.rawValue).joined(separator: ","))
    }

    deinit { if let file { gzclose(file) } }

    /// Appends a row. Nothing is checked: a reader refuses times that fall.
    package func append(_ row: TelemetryTraceRow) throws(TraceError) {
        var text = "\(row.time),\(row.instance),\(row.application),\(row.gpuMemory.rawValue),\(row.gpuCompute)"
        let memory = row.memory.map { Double($0.rawValue) }
        for value in [row.requests, row.cpuMilli, memory, row.networkInRate, row.networkOutRate, row.userIdle] {
            text += value.map { ",\($0)" } ?? ","
        }
        try write(text)
    }

    /// Writes out what is buffered, and closes the file. Rows after it are an error.
    package func close() throws(TraceError) {
        guard let file else { return }
        self.file = nil
        guard gzclose(file) == Z_OK else { throw failure() }
    }

    private func write(_ line: String) throws(TraceError) {
        guard let file else { throw TraceError(.cannotWrite, file: path, cause: "cannot write: closed") }
        guard gzputs(file, line + "\n") > 0 else { throw failure() }
    }

    private func failure() -> TraceError {
        TraceError(.cannotWrite, file: path, cause: "cannot write: \(String(cString: strerror(errno)))")
    }
}
