import Foundation
import Glibc

/// Appends records to a results file, a JSON line each.
struct ResultsWriter {
    private let descriptor: Int32
    /// Whether somebody reads the file while it grows and wants to know of bursts that have begun.
    let tellsOfBeginnings: Bool

    /// Standard output where `path` is nil; `emptied` takes away what is in the file.
    init(path: String?, emptied: Bool = false) throws(CommandFailure) {
        tellsOfBeginnings = path != nil
        guard let path else {
            descriptor = STDOUT_FILENO
            return
        }
        let mode = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC
        descriptor = open(path, emptied ? mode | O_TRUNC : mode, 0o644)
        guard descriptor >= 0 else {
            throw CommandFailure(
                .noInput, "cannot write \(path): \(String(cString: strerror(errno)))",
                advice: "name a file in a folder that exists and that you may write to")
        }
    }

    func close() { _ = Glibc.close(descriptor) }

    func append(_ record: BurstRecord) throws(CommandFailure) {
        guard let text = try? JSONText.encode(record) else {
            throw CommandFailure(.software, "record cannot be encoded")
        }
        let line = Array((text + "\n").utf8)
        // One write: a reader sees whole lines, or the last one cut and completed at its next look.
        guard write(descriptor, line, line.count) == line.count else {
            throw CommandFailure(.software, "cannot write the results: \(String(cString: strerror(errno)))")
        }
    }
}

/// Reads a results file while it grows.
struct ResultsReader {
    private let path: String
    private var offset: UInt64 = 0

    init(path: String) { self.path = path }

    /// The records that were completed since the last call; none while the file does not exist.
    mutating func next() -> [BurstRecord] {
        guard let file = FileHandle(forReadingAtPath: path) else { return [] }
        defer { file.closeIgnoringErrors() }
        guard (try? file.seek(toOffset: offset)) != nil, let data = try? file.readToEnd() else { return [] }
        guard let lastEnd = data.lastIndex(of: 0x0A) else { return [] }
        let complete = data[data.startIndex...lastEnd]
        offset += UInt64(complete.count)
        return complete.split(separator: 0x0A).compactMap { try? JSONDecoder().decode(BurstRecord.self, from: $0) }
    }
}
