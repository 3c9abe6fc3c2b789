import Glibc

/// A process that cannot be mistaken for a later one with the same number: its id, when it started, and in which boot.
package struct ProcessRecord: Hashable, Sendable, LosslessStringConvertible {
    package let pid: Int32
    /// Clock ticks from the boot to the start of the process.
    private let startTicks: UInt64
    private let boot: String

    /// The record of a process that runs now; nil when there is none with that id, or it has ended and waits to be
    /// reaped.
    package init?(of pid: Int32) {
        guard let start = Self.startTicks(of: pid), let boot = Self.currentBoot else { return nil }
        self.pid = pid
        startTicks = start
        self.boot = boot
    }

    package init?(_ text: String) {
        let parts = text.split(whereSeparator: \.isWhitespace)
        guard parts.count == 3, let pid = Int32(parts[0]), pid > 1, let start = UInt64(parts[1]) else { return nil }
        self.pid = pid
        startTicks = start
        boot = String(parts[2])
    }

    package var description: String { "\(pid) \(startTicks) \(boot)" }

    /// Whether that very process still runs.
    package var isRunning: Bool {
        Self.currentBoot == boot && Self.startTicks(of: pid) == startTicks
    }

    /// Ends the process at once if it still is the one of the record.
    package func kill() {
        if isRunning { _ = Glibc.kill(pid, SIGKILL) }
    }

    private static var currentBoot: String? {
        SmallFile.read("/proc/sys/kernel/random/boot_id").map { String($0.filter { !$0.isWhitespace }) }
    }

    /// Field 22 of `/proc/PID/stat` (proc(5)). The command's name, field 2, may hold anything, so that fields are
    /// counted from the last parenthesis.
    private static func startTicks(of pid: Int32) -> UInt64? {
        guard let fields = fieldsBehindName(of: pid), fields[0] != "Z", fields[0] != "X" else { return nil }
        return UInt64(fields[19])
    }

    /// Processor time that the process has taken, fields 14 and 15; nil where it is another by now. What it has others do, as
    /// builds, is not in it.
    package var processorTime: Duration? {
        guard let fields = Self.fieldsBehindName(of: pid), UInt64(fields[19]) == startTicks else { return nil }
        let ticks = fields[11...12].reduce(0.0) { $0 + (Double($1) ?? 0) }
        return .seconds(ticks / Double(max(sysconf(Int32(_SC_CLK_TCK)), 1)))
    }

    /// From field 3 on, at least to field 22.
    private static func fieldsBehindName(of pid: Int32) -> [Substring]? {
        guard let stat = SmallFile.read("/proc/\(pid)/stat"), let name = stat.lastIndex(of: ")") else { return nil }
        let fields = stat[stat.index(after: name)...].dropFirst().split(separator: " ")
        return fields.count >= 20 ? fields : nil
    }
}

/// Files of at most 4 KiB, read and written whole.
package enum SmallFile {
    package static let maximumSize = 4_096

    /// The first 4 KiB of a file; nil when it cannot be opened.
    package static func read(_ path: String) -> String? {
        let number = open(path, O_RDONLY | O_CLOEXEC)
        guard number >= 0 else { return nil }
        let file = Descriptor(owning: number)
        var buffer = [UInt8](repeating: 0, count: maximumSize)
        var count = 0
        while count < buffer.count {
            let outcome = buffer.withUnsafeMutableBytes {
                file.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[count...]))
            }
            guard case .bytes(let more) = outcome else { break }
            count += more
        }
        return String(decoding: buffer[..<count], as: UTF8.self)
    }

    /// Writes a file for its owner only; a reader sees all of it or nothing.
    package static func write(_ text: String, to path: String) throws(SystemError) {
        let draft = path + ".new"
        let number = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard number >= 0 else { throw SystemError("open \(draft)") }
        let file = Descriptor(owning: number)
        let bytes = Array(text.utf8)
        guard Glibc.write(file.number, bytes, bytes.count) == bytes.count else { throw SystemError("write \(draft)") }
        guard rename(draft, path) == 0 else { throw SystemError("rename \(draft)") }
    }
}
