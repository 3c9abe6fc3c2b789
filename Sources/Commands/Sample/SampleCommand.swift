import ArgumentParser
import FleetModel
import Foundation
import Observability

/// `presync sample`: a program with real GPU work in bursts.
struct SampleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sample",
        abstract: "Do real GPU work in bursts, as a program on an instance would.",
        discussion: """
            An ordinary OpenCL program that knows nothing of Presync. Each burst is a new process: it receives a \
            payload over the network, works on the CPU, and then runs kernels on the OpenCL devices of the first \
            platform that has any, in proportion to its tokens. Results are read back and checked. Each burst leaves \
            one JSON line.

            With a virtual GPU:     presync run --instance i1 -- presync sample
            With two:               presync run --instance i1 --gpus 2 -- presync sample
            On this machine's own:  presync sample --mean-gap 5 --minimum-gap 2
            From a trace:           presync sample --requests requests.csv.gz
            """,
        subcommands: [BurstCommand.self, PayloadServerCommand.self])

    @OptionGroup var load: LoadOptions

    @Option(help: ArgumentHelp("The name in the results.", valueName: "id"))
    var instance = "sample"

    @Option(
        name: .customLong("for"), help: ArgumentHelp("How long to go on. Default: 60s.", valueName: "duration"),
        transform: DurationArgument.parse)
    var length = DurationArgument(.seconds(60))

    @Option(
        help: ArgumentHelp(
            "Append to this file instead of standard output: a JSON line when a burst begins, and one at its end.",
            valueName: "file"))
    var results: String?

    @Option(help: ArgumentHelp("Which member of the fleet this is, from 0.", valueName: "n"))
    var member = 0

    @Option(help: ArgumentHelp("How many members run.", valueName: "n"))
    var members = 1

    @Option(help: ArgumentHelp("Bursts before the clock starts.", valueName: "n"))
    var warmUp = 0

    @Option(
        help: ArgumentHelp(
            "Port of a payload server on this host; without it one is started.", valueName: "port"))
    var payloadPort: UInt16?

    @Flag(help: "Start the clock when a line 'start NANOSECONDS' (monotonic) comes on standard input.")
    var waitForStart = false

    func run() throws {
        try CommandRunner.run {
            let arrivals = try load.arrivals(for: length.seconds, member: member, of: members)
            let server = try payloadPort == nil ? PayloadServerProcess() : nil
            defer { server?.stop() }
            guard let port = payloadPort ?? server?.port else {
                throw CommandFailure(.software, "the payload server did not say its port")
            }
            let writer = try ResultsWriter(path: results)
            var driver = SampleDriver(
                instance: instance, load: load, runner: BurstRunner(payloadPort: port, uplink: load.uplink),
                writer: writer)
            for index in 0..<warmUp { try driver.warmUp(index) }
            let clock = waitForStart ? try SampleDriver.awaitStart() : MonotonicClock.now()
            guard let clock else { return }
            if let user = load.user(before: arrivals, for: length.seconds, member: member) {
                SampleUserReports.start(user, clock: clock)
            }
            let late = try driver.run(arrivals, clock: clock, until: clock + length.duration, member: member)
            if late > 0 {
                StandardError.write("presync sample: time was over before \(late) bursts that were due had begun\n")
            }
        }
    }
}

/// `presync sample burst`: one burst, in a process of its own.
struct BurstCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "burst", abstract: "Carry out one burst and print its measurements.", shouldDisplay: false)

    // Named unlike the options of `sample`, which would take them for its own.
    @Option var plan: String
    @Option var payloadFrom: UInt16
    @Option var pace: Int
    @Flag(help: .hidden) var untilInputEnds = false

    func run() throws {
        if untilInputEnds { ParentWatch.endWithInput() }
        let began = MonotonicClock.now()
        guard let plan = try? JSONDecoder().decode(BurstPlan.self, from: Data(plan.utf8)) else {
            throw ValidationError("--plan is not a plan")
        }
        let burst = Burst(plan: plan, payloadPort: payloadFrom, bytesPerSecond: pace, began: began)
        print(try JSONText.encode(burst.run()))
    }
}

/// `presync sample payload-server`: the other end of the network.
struct PayloadServerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "payload-server",
        abstract: "Send payloads at the pace of an uplink, until standard input ends.", shouldDisplay: false)

    func run() throws {
        try CommandRunner.run {
            let server = try PayloadServer()
            print(server.listener.port)
            fflush(nil)
            Thread.detachNewThread { server.run() }
            ParentWatch.discardInput()
        }
    }
}
