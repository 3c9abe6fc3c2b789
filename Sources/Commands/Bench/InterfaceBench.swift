import FleetModel
import Foundation
import Observability

/// Runs the measured program where it is to be measured.
struct InterfaceBench {
    var isSmall: Bool

    /// What was measured in one place.
    struct Column {
        var times: [InterfaceMeasure: MeasuredTimes] = [:]
        var starts: [FirstCommand] = []

        /// First commands of programs that found a level from `level` up to `next`.
        func starts(found level: Readiness, below next: Readiness) -> [FirstCommand] {
            starts.filter { (level.rawValue..<next.rawValue).contains($0.found ?? Readiness.cold.rawValue) }
        }
    }

    /// How long the system may take until the first program has its GPU.
    private static let patience = Duration.seconds(60)
    private var starts: Int { isSmall ? 3 : 20 }

    func raw() throws(CommandFailure) -> [InterfaceMeasure: MeasuredTimes] {
        progress("the bare connection")
        return isSmall
            ? try RawTransport.measure(commands: 20, transfers: 2) : try RawTransport.measure()
    }

    func local() throws -> Column {
        progress("the local platform")
        var column = Column()
        column.times = try decode([InterfaceMeasure: MeasuredTimes].self, run([], program(first: false)))
        for _ in 0..<starts {
            column.starts.append(try decode(FirstCommand.self, run([], program(first: true))))
        }
        return column
    }

    func remote() throws -> Column {
        progress("through Presync")
        let folder = NSTemporaryDirectory() + "presync-bench-\(getpid())"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let layout = try LocalSystem.Layout(
            folder: folder, policy: .presync, memory: .gibibytes(1), period: .milliseconds(500))
        let system = try LocalSystem(layout: layout)
        defer { system.stop() }
        try system.startManager()
        try system.startGPUServer()
        try system.startAgent(watchesUsers: false)
        var column = Column()
        // The agent has nothing yet: the first program takes all there is to pay.
        column.starts.append(try firstProgram(layout, system))
        column.times = try decode(
            [InterfaceMeasure: MeasuredTimes].self, run(onInstance(layout), program(first: false)))
        column.starts += try decode(
            [FirstCommand].self, run(onInstance(layout), ["bench", "interface-program", "--starts", String(starts)]))
        return column
    }

    /// Sessions that are opened at once; with the system at rest.
    func opens() throws -> MeasuredTimes? {
        progress("many sessions at once")
        return try OpenMeasure.run(sessions: isSmall ? 20 : 1_000)
    }

    private func firstProgram(_ layout: LocalSystem.Layout, _ system: LocalSystem) throws -> FirstCommand {
        let deadline = MonotonicClock.now() + Self.patience
        // Until the system is up each try says what it lacks, first an agent. That is told only where it stays so.
        let log = layout.log("first-program")
        while true {
            do {
                return try decode(
                    FirstCommand.self, run(onInstance(layout), program(first: true), errors: .file(log)))
            } catch {
                try system.checkAlive()
                guard MonotonicClock.now() < deadline else {
                    throw CommandFailure(
                        .unavailable,
                        "no program had its virtual GPU within \(Int(Self.patience.inSeconds)) s\n" + LogTail.read(log))
                }
                MonotonicClock.sleep(until: MonotonicClock.now() + .milliseconds(200))
            }
        }
    }

    private func onInstance(_ layout: LocalSystem.Layout) -> [String] {
        ["run", "--instance", "bench", "--agent-socket", layout.agentSocket, "--"]
    }

    private func program(first: Bool) -> [String] {
        ["bench", "interface-program"] + (first ? ["--first"] : []) + (isSmall ? ["--small"] : [])
    }

    /// What the program prints, started below `launcher`, which is this executable's too.
    private func run(
        _ launcher: [String], _ program: [String], errors: ChildProcess.Stream = .inherited
    ) throws(CommandFailure) -> Data {
        try Self.output(of: launcher.isEmpty ? program : launcher + [OwnExecutable.path] + program, errors: errors)
    }

    /// What this executable prints with `arguments`.
    static func output(
        of arguments: [String], errors: ChildProcess.Stream = .inherited
    ) throws(CommandFailure) -> Data {
        let child = try ChildProcess(
            ChildProcess.Launch(executable: OwnExecutable.path, arguments: arguments, output: .pipe, errors: errors))
        let text = (try? child.output?.readToEnd()) ?? Data()
        let end = child.wait()
        guard end.succeeded else {
            throw CommandFailure(.unavailable, "the measured program ended with \(end)")
        }
        return text
    }

    private func decode<Value: Decodable>(_ type: Value.Type, _ data: Data) throws -> Value {
        try JSONDecoder().decode(type, from: data)
    }

    private func progress(_ part: String) { StandardError.write("presync bench: \(part)\n") }
}
