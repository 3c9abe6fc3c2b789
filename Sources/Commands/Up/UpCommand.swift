import ArgumentParser
import Dashboard
import FleetModel
import Foundation
import GPUServerRuntime

/// `presync up`: the whole system on one machine, live.
struct UpCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "up",
        abstract: "Run the whole system on this machine, with sample instances, and watch it.",
        discussion: """
            Starts a manager, a GPU server with the first GPU that OpenCL finds (a processor where there is none), an \
            agent, and instances that do real GPU work in bursts. The pool is too small for all instances at once: \
            what is reserved for one that does not need it is missing to another. A live view shows telemetry, \
            forecasts and readiness; on a pipe, a line every 5 seconds. Ctrl-C or q ends it; all processes end with \
            it, logs are kept. The status is 1 when a start failed.

            Watch:              presync up
            Compare policies:   presync up --compare --for 120s
            Replay a trace:     presync up --requests requests.csv.gz --for 5m
            For programs:       presync up --compare --for 60s --json
            Record telemetry:   presync up --for 5m --record trace.csv.gz
            """)

    @Option(help: ArgumentHelp("How many instances.", valueName: "n"))
    var instances = 4

    @Option(
        name: .customLong("for"),
        help: ArgumentHelp("How long to run, for each policy. Default: until Ctrl-C or q.", valueName: "duration"),
        transform: DurationArgument.parse)
    var length: DurationArgument?

    @Option(
        help: ArgumentHelp(
            "How the manager decides: presync, or reactive (prepares bundles only).", valueName: "policy"))
    var policy = Policy.presync

    @Flag(help: "Run both policies on the same arrivals, one after the other, and print them side by side.")
    var compare = false

    @Flag(help: "Print one JSON object on standard output and nothing else.")
    var json = false

    @OptionGroup var load: LoadOptions

    @Option(help: ArgumentHelp("Bursts of each instance before the clock starts.", valueName: "n"))
    var warmUp = 1

    @Option(
        help: ArgumentHelp(
            "A longer gap than this counts as idle. Default: the grace period, "
                + "\(DurationArgument(PriorityClass.standard.grace)).",
            valueName: "duration"),
        transform: DurationArgument.parse)
    var idleThreshold = DurationArgument(PriorityClass.standard.grace)

    @Option(
        help: ArgumentHelp("Period of telemetry and of the manager's step. Default: 1s.", valueName: "duration"),
        transform: DurationArgument.parse)
    var period = DurationArgument(.seconds(1))

    @Option(
        help: ArgumentHelp("Where state, logs and results go. Default: a new temporary folder.", valueName: "folder"))
    var stateDir: String?

    @Option(
        help: ArgumentHelp(
            "Write what the instances do to this file, a telemetry trace for 'presync simulate --trace'.",
            discussion: "From the start of the clock on; gzip where the name ends in .gz.", valueName: "file"))
    var record: String?

    /// Longest run: a day. What is to run for good is started as daemons.
    private static let endless = Duration.seconds(86_400)

    func validate() throws {
        var problems: [String] = []
        if !(1...64).contains(instances) { problems.append("--instances must be between 1 and 64") }
        if !(0...20).contains(warmUp) { problems.append("--warm-up must be between 0 and 20") }
        if let length, length.seconds < 1 { problems.append("--for must be at least 1s") }
        if compare, length == nil { problems.append("--compare needs --for, for example --for 120s") }
        if poolMemory < GPUServerConfiguration.leastMemoryLimit {
            problems.append("--memory-cap is too small: a GPU server offers 16MiB or more, and that must not fit all")
        }
        if json, length == nil { problems.append("--json needs --for, for example --for 60s") }
        if compare, record != nil { problems.append("--record takes one run, and --compare makes two") }
        if !(0.1...10).contains(period.seconds) { problems.append("--period must be between 100ms and 10s") }
        guard problems.isEmpty else { throw ValidationError(problems.joined(separator: "\n")) }
    }

    func run() async throws {
        var failed = false
        try await CommandRunner.run {
            _ = try load.arrivals(for: 1, member: 0, of: instances)
            let recording = record.map(TelemetryRecording.init)
            // Its own manager refuses no watch, and what cannot be written is said before anything starts.
            try await recording?.makeFile()
            let folder = try makeStateFolder()
            defer { removeState(of: folder) }
            let interruption = Interruption()
            let view: any LiveView = json ? PlainView() : Terminal().map(TerminalView.init) ?? PlainView()
            defer { view.close() }
            var outcomes: [PolicyRun.Outcome] = []
            for policy in compare ? Policy.allCases : [policy] where !interruption.isRequested {
                var run = PolicyRun(
                    policy, parameters(recording), folder: "\(folder)/\(policy.rawValue)",
                    interruption: interruption)
                do {
                    outcomes.append(try await run.run(view: view))
                } catch  where interruption.isRequested && !outcomes.isEmpty {
                    // What the policies before it did is told all the same.
                    StandardError.write("presync: \(policy) was cut short: \(error)\n")
                }
            }
            view.close()
            try report(outcomes, folder: folder)
            if let recording { StandardError.write(try await recording.finish() + "\n") }
            failed = outcomes.contains { $0.summary.errors > 0 }
        }
        if failed { throw ExitStatus.failure.code }
    }

    private func parameters(_ recording: TelemetryRecording?) -> PolicyRun.Parameters {
        PolicyRun.Parameters(
            instances: instances, length: length?.duration ?? Self.endless, memory: poolMemory, warmUp: warmUp,
            load: load, idleThreshold: idleThreshold.seconds, period: period.duration,
            recording: recording)
    }

    /// Half a reservation less than all instances need, so that all but one fit at once.
    private var poolMemory: Bytes {
        let halves = Int64(max(3, 2 * instances - 1))
        return Bytes(load.memoryCap.bytes.rawValue / 2 * halves)
    }

    private func makeStateFolder() throws(CommandFailure) -> String {
        if let stateDir { return URL(fileURLWithPath: stateDir).path }
        let parent = URL(fileURLWithPath: NSTemporaryDirectory()).path
        var template = Array((parent + "/presync-up-XXXXXX").utf8CString)
        guard let path = mkdtemp(&template) else {
            throw CommandFailure(.noInput, "cannot make a temporary folder", advice: "name one with --state-dir")
        }
        return String(cString: path)
    }

    /// Of a temporary folder the logs and results stay; what the daemons kept, a hundred megabytes of bundles for the most part,
    /// is of no use without them.
    private func removeState(of folder: String) {
        guard stateDir == nil else { return }
        for policy in Policy.allCases { LocalSystem.removeState(below: "\(folder)/\(policy.rawValue)") }
    }

    private func report(_ outcomes: [PolicyRun.Outcome], folder: String) throws {
        let report = RunReport(
            policies: outcomes.map(\.summary), instances: instances, warmUp: warmUp,
            records: outcomes.flatMap(\.records), cutShort: outcomes.reduce(0) { $0 + $1.cutShort })
        if json {
            print(try JSONText.encode(report))
        } else {
            print(report.table().rendered(header: true, style: .standardOutput))
            for sentence in report.sentences() { print(sentence) }
        }
        StandardError.write("Logs and results: \(folder)\n")
    }
}

extension Policy: ExpressibleByArgument {}
