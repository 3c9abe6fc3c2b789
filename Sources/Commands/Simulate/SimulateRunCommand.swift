import AllocationCore
import ArgumentParser
import FleetModel
import Simulation

/// `presync simulate run`, and what `presync simulate` does with options alone: the shipped machines and judgement in
/// virtual time.
struct SimulateRunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run what ships in virtual time: in a faulty world, or over recorded demand beside other policies.",
        discussion: """
            With --faults every seed is one run: messages are lost, delayed, repeated and overtaken, processes pause \
            and crash, clocks drift. After every step checkers look for what must never happen. Equal seeds give \
            equal runs, to the byte; a violation prints the command that repeats it, and exits with status 1.

            With --trace demand comes from a recorded file, of telemetry or of requests, and policies are compared: what \
            each start of demand found, how long it waited, and what stood idle for that. Each policy is run with \
            several settings of its own knob; the table shows its own one, --json and --report all. Requests that do not \
            say whose they are are dealt to --instances.

            With --machines, too, the trace goes through manager, agent and GPU server themselves, message by message.

            presync simulate --faults --seed 1 --seeds 500
            presync simulate --trace panel.telemetry.csv.gz --report policies.html
            presync simulate --trace requests.csv.gz --policies presync,keep-alive-60,oracle --json
            """)

    @Flag(help: "Simulate the faulty world.")
    var faults = false

    @Option(
        help: ArgumentHelp("Replay a telemetry or request trace, plain or gzip. May be repeated.", valueName: "file"))
    var trace: [String] = []

    @Option(
        help: ArgumentHelp(
            "With --trace: the policies, parted by commas. Default: all.",
            discussion: PolicyName.allCases.map(\.rawValue).joined(separator: ", "), valueName: "list"))
    var policies: String?

    @Flag(help: "With --trace: run each policy with its own knob only.")
    var noSweep = false

    @Option(help: ArgumentHelp("With --trace: deal requests without a client to so many.", valueName: "n"))
    var instances = 64

    @Option(
        help: ArgumentHelp(
            "With --trace: deal them by Zipf's law with this exponent; zipf:0 deals to all alike.",
            valueName: "zipf:exponent"))
    var deal = "zipf:1"

    @Option(
        name: [.long, .customLong("devices")],
        help: ArgumentHelp("With --trace: the pool's devices. Default: 60 % of the peak demand.", valueName: "n"))
    var gpus: Int?

    @Option(help: ArgumentHelp("With --trace: the memory of each device.", valueName: "bytes"))
    var deviceMemory = BytesArgument(.gibibytes(80))

    @OptionGroup(title: "Costs of the steps") var costs: LadderCostOptions

    @Flag(help: "With --trace: run the shipped machines, presync and reactive only.")
    var machines = false

    @Flag(help: "With --trace: write one JSON object.")
    var json = false

    @Option(help: ArgumentHelp("With --trace: also write a report, one HTML page.", valueName: "file"))
    var report: String?

    @Option(help: ArgumentHelp("The first seed, or the one that requests are dealt by.", valueName: "n"))
    var seed: UInt64 = 1

    @Option(help: ArgumentHelp("With --faults: how many seeds, one after the other.", valueName: "n"))
    var seeds: UInt64 = 1

    @Flag(help: "With --faults: print the last happenings of a run that found a violation.")
    var journal = false

    private var exponent: Double? {
        guard deal.hasPrefix("zipf:"), let value = Double(deal.dropFirst("zipf:".count)), (0...10).contains(value)
        else { return nil }
        return value
    }

    func validate() throws {
        guard faults == trace.isEmpty else {
            throw ValidationError("say what to simulate: either --faults or --trace FILE")
        }
        guard (1...1_000_000).contains(seeds), seed <= UInt64.max - seeds else {
            throw ValidationError("--seeds must be between 1 and 1000000, and --seed not at the end of its range")
        }
        if let gpus, !(1...10_000).contains(gpus) { throw ValidationError("--gpus must be between 1 and 10000") }
        guard (1...100_000).contains(instances) else {
            throw ValidationError("--instances must be between 1 and 100000")
        }
        guard exponent != nil else { throw ValidationError("--deal must be zipf:EXPONENT, between 0 and 10") }
        guard deviceMemory.bytes > .zero else { throw ValidationError("--device-memory must be above 0") }
        guard !machines || (trace.count == 1 && !json && report == nil && policies == nil) else {
            throw ValidationError("--machines takes one --trace, and neither --policies, --json nor --report")
        }
        try costs.validate()
    }

    func run() throws {
        var isClean = true
        try CommandRunner.run {
            if faults {
                isClean = FaultSimulation(seeds: seed..<seed + seeds, keepsJournal: journal).run()
            } else if machines {
                let simulation = TraceSimulation(
                    path: trace[0], devices: gpus ?? 4, deviceMemory: deviceMemory.bytes, seed: seed)
                isClean = try simulation.run()
            } else {
                try comparison().run()
            }
        }
        guard isClean else { throw ExitStatus.failure.code }
    }

    private func comparison() throws(CommandFailure) -> PolicySimulation {
        PolicySimulation(
            traces: trace.map {
                DemandTraceFile(path: $0, instances: instances, exponent: exponent ?? 1, seed: seed)
            },
            policies: try policies.map { text throws(CommandFailure) in try PolicyList(text).policies }
                ?? PolicyName.standard,
            sweeps: !noSweep, devices: gpus, deviceMemory: deviceMemory.bytes, costs: costs.costs, json: json,
            report: try report.map { path throws(CommandFailure) in try OutputFile(path, sparing: trace) })
    }
}

/// What the steps up the readiness ladder cost, where that is not what this project measured.
struct LadderCostOptions: ParsableArguments {
    @Option(help: ArgumentHelp("A first command where all was prepared.", valueName: "ms"))
    var attachMs = LadderCosts().attachMs

    @Option(help: ArgumentHelp("More without memory set aside.", valueName: "ms"))
    var reserveMs = LadderCosts().reserveMs

    @Option(help: ArgumentHelp("More without a worker and a context.", valueName: "ms"))
    var openMs = LadderCosts().openMs

    @Option(help: ArgumentHelp("More without the bundle.", valueName: "ms"))
    var stageMs = LadderCosts().stageMs

    @Option(help: ArgumentHelp("What a warm session holds of a device and its host.", valueName: "share"))
    var warmShare = LadderCosts().warmShare

    func validate() throws {
        guard [attachMs, reserveMs, openMs, stageMs].allSatisfy({ (0...1e7).contains($0) }) else {
            throw ValidationError("the costs of the steps must be between 0 and 10000000 ms")
        }
        guard (0...1).contains(warmShare) else { throw ValidationError("--warm-share must be between 0 and 1") }
    }

    var costs: LadderCosts {
        LadderCosts(
            attachMs: attachMs, reserveMs: reserveMs, openMs: openMs, stageMs: stageMs, warmShare: warmShare)
    }
}
