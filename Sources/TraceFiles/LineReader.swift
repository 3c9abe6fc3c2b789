import CZlib

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The lines of a text file, plain or gzip (told apart by its first bytes), read as a stream in 64 KiB pieces.
///
/// A line ends with LF or CR LF. Text that is not UTF-8 is an error, and so is a gzip file that ends early.
final class LineReader {
    private static let pieceBytes = 64 << 10

    let path: String
    private(set) var line = 0
    private let limits: TraceLimits
    private let file: gzFile
    private var piece: [UInt8]
    private var position = 0
    private var end = 0
    private var isFinished = false

    init(path: String, limits: TraceLimits) throws(TraceError) {
        guard let file = gzopen(path, "rb") else {
            throw TraceError(.cannotOpen, file: path, cause: "cannot open: \(String(cString: strerror(errno)))")
        }
        self.path = path
        self.limits = limits
        self.file = file
        piece = Array(repeating: 0, count: Self.pieceBytes)
    }

    deinit { gzclose(file) }

    /// The next line without its end, or nil after the last.
    func next() throws(TraceError) -> String? {
        var bytes: [UInt8] = []
        var hasAny = false
        while true {
            if position == end {
                try fill()
                if end == 0 { break }
            }
            hasAny = true
            let rest = piece[position..<end]
            let lineEnd = rest.firstIndex(of: UInt8(ascii: "\n"))
            let part = rest[..<(lineEnd ?? rest.endIndex)]
            guard bytes.count + part.count <= limits.lineBytes else {
                throw error(.limitExceeded, "line is longer than \(limits.lineBytes) bytes", line: line + 1)
            }
            bytes += part
            position = lineEnd.map { $0 + 1 } ?? end
            if lineEnd != nil { break }
        }
        guard hasAny else { return nil }
        line += 1
        if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw error(.cannotRead, "not UTF-8 text", line: line)
        }
        return text
    }

    private func fill() throws(TraceError) {
        position = 0
        end = 0
        guard !isFinished else { return }
        let count = piece.withUnsafeMutableBytes { gzread(file, $0.baseAddress, UInt32($0.count)) }
        var status: Int32 = Z_OK
        let message = gzerror(file, &status).map { String(cString: $0) } ?? ""
        // A file that ends within a gzip stream gives its last bytes first, and then this.
        guard count >= 0, status == Z_OK || status == Z_STREAM_END else {
            let cause = status == Z_ERRNO ? String(cString: strerror(errno)) : message
            throw error(.cannotRead, "cannot read: \(cause)", line: line + 1)
        }
        isFinished = count == 0
        end = Int(count)
    }

    private func error(_ code: TraceError.Code, _ cause: String, line: Int) -> TraceError {
        TraceError(code, file: path, line: line, cause: cause)
    }
}
