import ArgumentParser
import FleetModel
import Foundation
import Observability

/// `presync bench`: what this machine measures of this build.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measure this build on this machine.",
        subcommands: [InterfaceBenchCommand.self, InterfaceProgramCommand.self])
}

/// `presync bench interface`.
struct InterfaceBenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "interface",
        abstract: "Measure OpenCL through Presync beside the local platform and the bare connection.",
        discussion: """
            Starts a manager, a GPU server and an agent of its own on this machine, runs one program on the local \
            platform and through its virtual GPU, and exchanges the same amounts over a bare TCP connection. With \
            --transport the agent and the program connect in that way or not at all, as with PRESYNC_TRANSPORT. Times are \
            of this machine as busy as it is: compare the columns of one run. It takes about two minutes.

            presync bench interface
            presync bench interface --transport shared-memory --json
            """)

    @Option(help: ArgumentHelp("How client and worker are connected: tcp, shared-memory or auto.", valueName: "name"))
    var transport = "tcp"

    @Flag(help: "Few samples: whether it works, not how fast.")
    var small = false

    @Flag(help: "Write one JSON object.")
    var json = false

    func validate() throws {
        guard Self.transports.contains(transport) else {
            throw ValidationError("--transport must be one of \(Self.transports.joined(separator: ", "))")
        }
    }

    private static let transports = ["tcp", "shared-memory", "auto"]

    func run() throws {
        try CommandRunner.run {
            // What this starts takes it over: agent and program.
            setenv("PRESYNC_TRANSPORT", transport, 1)
            let bench = InterfaceBench(isSmall: small)
            let local = try bench.local()
            var remote = try bench.remote()
            remote.times[.open1000] = try bench.opens()
            let view = InterfaceBenchView(transport: transport, local: local, remote: remote, raw: try bench.raw())
            print(
                try AnswerRenderer(format: json ? .json : .table, style: .standardOutput).render(view), terminator: "")
        }
    }
}

/// The program that is measured; the bench starts it on the local platform and on an instance.
struct InterfaceProgramCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "interface-program", abstract: "The program that 'presync bench interface' measures.",
        shouldDisplay: false)

    @Flag(help: "Only the first command.")
    var first = false

    @Option(help: "Start so many programs one after the other, for their first commands.")
    var starts = 0

    @Flag(help: "Few samples.")
    var small = false

    /// Demand ended just now: soon it is expected again.
    private static let pause = Duration.milliseconds(1_500)

    func run() throws {
        do {
            guard starts == 0 else { return print(try JSONText.encode(try firstCommands())) }
            let text =
                first ? try JSONText.encode(try FirstCommand.measure()) : try JSONText.encode(try measures().run())
            print(text)
        } catch {
            StandardError.write("presync bench: \(error)\n")
            throw ExitStatus.unavailable.code
        }
    }

    private func firstCommands() throws -> [FirstCommand] {
        try (0..<starts).map { _ in
            MonotonicClock.sleep(until: MonotonicClock.now() + Self.pause)
            return try JSONDecoder().decode(
                FirstCommand.self, from: try InterfaceBench.output(of: ["bench", "interface-program", "--first"]))
        }
    }

    private func measures() -> SessionMeasures {
        small ? SessionMeasures(commands: 20, runs: 2, kernels: 100, transfers: 2) : SessionMeasures()
    }
}
