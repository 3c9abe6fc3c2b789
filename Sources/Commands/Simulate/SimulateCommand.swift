import ArgumentParser
import FleetModel

/// `presync simulate`: the shipped machines in virtual time.
struct SimulateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Run the shipped state machines in virtual time: in a faulty world, or over a telemetry trace.",
        discussion: """
            With --faults every seed is one run: messages are lost, delayed, repeated and overtaken, processes pause \
            and crash, clocks drift. After every step checkers look for what must never happen. Equal seeds give \
            equal runs, to the byte; a violation prints the command that repeats it, and exits with status 1.

            With --trace demand comes from a recorded file, and the policies are printed side by side.

            presync simulate --faults --seed 1 --seeds 500
            presync simulate --trace panel.telemetry.csv.gz
            """)

    @Flag(help: "Simulate the faulty world.")
    var faults = false

    @Option(help: ArgumentHelp("Replay a telemetry trace, plain or gzip.", valueName: "file"))
    var trace: String?

    @Option(help: ArgumentHelp("The first seed.", valueName: "n"))
    var seed: UInt64 = 1

    @Option(help: ArgumentHelp("With --faults: how many seeds, one after the other.", valueName: "n"))
    var seeds: UInt64 = 1

    @Flag(help: "With --faults: print the last happenings of a run that found a violation.")
    var journal = false

    @Option(help: ArgumentHelp("With --trace: how many devices the GPU server has.", valueName: "n"))
    var devices = 4

    @Option(help: ArgumentHelp("With --trace: the memory of each device.", valueName: "bytes"))
    var deviceMemory = BytesArgument(.gibibytes(16))

    func validate() throws {
        guard faults != (trace != nil) else {
            throw ValidationError("say what to simulate: either --faults or --trace FILE")
        }
        guard (1...1_000_000).contains(seeds), seed <= UInt64.max - seeds else {
            throw ValidationError("--seeds must be between 1 and 1000000, and --seed not at the end of its range")
        }
        guard (1...1_024).contains(devices) else { throw ValidationError("--devices must be between 1 and 1024") }
        guard deviceMemory.bytes > .zero else { throw ValidationError("--device-memory must be above 0") }
    }

    func run() throws {
        var isClean = true
        try CommandRunner.run {
            if let trace {
                let simulation = TraceSimulation(
                    path: trace, devices: devices, deviceMemory: deviceMemory.bytes, seed: seed)
                isClean = try simulation.run()
            } else {
                isClean = FaultSimulation(seeds: seed..<seed + seeds, keepsJournal: journal).run()
            }
        }
        guard isClean else { throw ExitStatus.failure.code }
    }
}
