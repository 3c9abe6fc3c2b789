import Foundation

/// What a process has used since it began.
struct ProcessUsage {
    var cpuSeconds: Double
    var residentMebibytes: Double
    var anonymousMebibytes: Double
    /// Bytes that it had the kernel write to storage; 0 where the kernel does not count them.
    var storedBytes: Double

    /// Reads it from `/proc`; nil where the process is gone.
    init?(of pid: Int32) {
        guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
            let status = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
        else { return nil }
        // After the name come the state as field 3, and user and system time as fields 14 and 15 (proc(5)).
        let fields = stat.split(separator: ")").last?.split(separator: " ") ?? []
        let ticks = fields.count > 12 ? [fields[11], fields[12]].compactMap { Double($0) }.reduce(0, +) : 0
        func mebibytes(_ name: String) -> Double {
            let line = status.split(separator: "\n").first { $0.hasPrefix(name) } ?? ""
            return (line.split(separator: " ").dropLast().last.flatMap { Double($0) } ?? 0) / 1_024
        }
        cpuSeconds = ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
        residentMebibytes = mebibytes("VmRSS:")
        anonymousMebibytes = mebibytes("RssAnon:")
        let io = (try? String(contentsOfFile: "/proc/\(pid)/io", encoding: .utf8)) ?? ""
        let line = io.split(separator: "\n").first { $0.hasPrefix("write_bytes:") }
        storedBytes = line.flatMap { $0.split(separator: " ").last }.flatMap { Double($0) } ?? 0
    }
}

/// A process of this build that ends with this one, however this one ends.
final class BenchmarkProcess {
    private let process = Process()
    private let input = Pipe()

    var pid: Int32 { process.processIdentifier }

    /// Starts `program` of this build's folder, which must end when its standard input does.
    init(_ program: String, _ arguments: [String]) throws {
        let folder = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        process.executableURL = folder.appending(path: program)
        process.arguments = arguments
        process.standardInput = input
        process.standardOutput = FileHandle.nullDevice
        try process.run()
    }

    /// Kills it, so that nothing of it can say goodbye.
    func kill() { Foundation.kill(pid, SIGKILL) }

    /// Stops it, as a host that loses its power or its network: its sockets stay open and nothing answers.
    func stop() { Foundation.kill(pid, SIGSTOP) }

    /// Ends it, at latest by force after five seconds.
    func end() {
        try? input.fileHandleForWriting.close()
        for _ in 0..<500 where process.isRunning { usleep(10_000) }
        if process.isRunning { kill() }
    }
}
