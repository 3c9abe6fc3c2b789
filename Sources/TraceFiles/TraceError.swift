/// What is wrong with a trace file, and where.
package struct TraceError: Error, Hashable, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        case cannotOpen
        case cannotRead
        case cannotWrite
        /// A line is longer, a file has more rows, or its times span more, than the limits allow.
        case limitExceeded
        case missingColumn
        /// A line has another number of fields than the header.
        case wrongFieldCount
        /// A field is not what its column holds.
        case invalidValue
        /// Times go back.
        case outOfOrder
    }

    package var code: Code
    package var file: String
    /// From 1; 0 when the error is about the file as a whole.
    package var line: Int
    /// The column's name, where one is to blame.
    package var column: String?
    package var cause: String

    package init(_ code: Code, file: String, line: Int = 0, column: String? = nil, cause: String) {
        self.code = code
        self.file = file
        self.line = line
        self.column = column
        self.cause = cause
    }

    /// `FILE:LINE: column NAME: CAUSE`, without the parts that are absent.
    package var description: String {
        let place = line > 0 ? "\(file):\(line)" : file
        return column.map { "\(place): column \($0): \(cause)" } ?? "\(place): \(cause)"
    }
}

/// Bounds on what is read from a file, whoever wrote it.
package struct TraceLimits: Hashable, Sendable {
    package var lineBytes: Int
    package var rows: Int
    /// From the first row of a telemetry trace to its last.
    package var seconds: Double

    package init(lineBytes: Int = 64 << 10, rows: Int = 50_000_000, seconds: Double = .infinity) {
        self.lineBytes = lineBytes
        self.rows = rows
        self.seconds = seconds
    }
}
