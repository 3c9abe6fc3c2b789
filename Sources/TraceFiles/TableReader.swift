/// The rows of a comma-separated file with a header, by column name.
///
/// Columns that are not asked for are ignored. Quoted fields are not supported: no column of a trace needs them.
final class TableReader {
    private let lines: LineReader
    private let limits: TraceLimits
    private let columns: [String]
    private var rows = 0

    init(path: String, limits: TraceLimits) throws(TraceError) {
        lines = try LineReader(path: path, limits: limits)
        self.limits = limits
        guard var header = try lines.next() else {
            throw TraceError(.missingColumn, file: path, line: 1, cause: "file is empty: a header is expected")
        }
        if header.unicodeScalars.first == "\u{FEFF}" { header.unicodeScalars.removeFirst() }
        columns = header.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }

    /// The position of a column that the file may lack.
    func optionalColumn(_ name: String) -> TableColumn? {
        columns.firstIndex(of: name).map { TableColumn(name: name, position: $0) }
    }

    func column(_ name: String) throws(TraceError) -> TableColumn {
        guard let column = optionalColumn(name) else {
            throw TraceError(
                .missingColumn, file: lines.path, line: 1, column: name,
                cause: "missing; the header has: \(columns.joined(separator: ","))")
        }
        return column
    }

    /// The next row, or nil after the last. Empty lines are skipped.
    func next() throws(TraceError) -> TableRow? {
        while let text = try lines.next() {
            guard !text.isEmpty else { continue }
            rows += 1
            guard rows <= limits.rows else {
                throw TraceError(
                    .limitExceeded, file: lines.path, line: lines.line, cause: "more than \(limits.rows) rows")
            }
            let fields = text.split(separator: ",", omittingEmptySubsequences: false)
            guard fields.count == columns.count else {
                throw TraceError(
                    .wrongFieldCount, file: lines.path, line: lines.line,
                    cause: "\(fields.count) fields where the header has \(columns.count)")
            }
            return TableRow(file: lines.path, line: lines.line, fields: fields)
        }
        return nil
    }
}

/// A column of one file.
struct TableColumn {
    let name: String
    let position: Int
}

/// One row, and what its fields mean.
struct TableRow {
    let file: String
    let line: Int
    let fields: [Substring]

    /// A number in `range`.
    func number(_ column: TableColumn, in range: ClosedRange<Double>) throws(TraceError) -> Double {
        guard let value = try optionalNumber(column, in: range) else {
            throw invalid(column, "empty where a number is expected")
        }
        return value
    }

    /// A number in `range`, or nil where the field is empty or the file has no such column.
    func optionalNumber(_ column: TableColumn?, in range: ClosedRange<Double>) throws(TraceError) -> Double? {
        guard let column, !fields[column.position].isEmpty else { return nil }
        guard let value = Double(fields[column.position]) else {
            throw invalid(column, "'\(excerpt(column))' is not a number")
        }
        guard range.contains(value) else {
            throw invalid(column, "\(excerpt(column)) is outside \(range.lowerBound)...\(range.upperBound)")
        }
        return value
    }

    func text(_ column: TableColumn) -> String { String(fields[column.position]) }

    func invalid(_ column: TableColumn, _ cause: String) -> TraceError {
        TraceError(.invalidValue, file: file, line: line, column: column.name, cause: cause)
    }

    /// As much of a field as an error message shows.
    func excerpt(_ column: TableColumn) -> String { String(fields[column.position].prefix(40)) }
}
