import ArgumentParser
import FleetModel
import Observability

/// `presync record`.
struct RecordCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "record",
        abstract: "Record what the instances of a fleet do, to a telemetry trace.",
        discussion: """
            Writes a row per instance and second until the time is over or Ctrl-C ends it; 'presync simulate --trace' \
            replays the file through the shipped machines. It holds identifiers and load, nothing that programs send. \
            A file that exists is replaced. Progress goes to standard error.

            presync record --for 10m trace.csv.gz
            presync record --manager 10.0.0.5:7400 trace.csv
            presync simulate --trace trace.csv.gz
            """)

    @OptionGroup var manager: ManagerOptions

    @Option(
        name: .customLong("for"),
        help: ArgumentHelp("How long to record. Default: until Ctrl-C.", valueName: "duration"),
        transform: DurationArgument.parse)
    var length: DurationArgument?

    @Argument(help: ArgumentHelp("The file to write; gzip where its name ends in .gz.", valueName: "file"))
    var file: String

    private static let progressPeriod = Duration.seconds(5)
    private static let tick = Duration.milliseconds(100)

    func validate() throws {
        if let length, length.seconds < 1 { throw ValidationError("--for must be at least 1s") }
    }

    func run() async throws {
        try await CommandRunner.run {
            let interruption = Interruption()
            try await ManagerConnection.withClient(address: manager.address) { client in
                // An answer first: a watch waits for a manager that says nothing for as long as there is none.
                _ = try await client.overview()
                let recording = TelemetryRecording(path: file)
                // Read before the watch is cancelled, which is no failure.
                let failure = try await recording.run(from: client) {
                    await Self.waitForEnd(of: recording, length?.duration, interruption)
                    return await recording.failure
                }
                StandardError.write(try await recording.finish() + "\n")
                if let failure { throw failure }
            }
        }
    }

    /// Until the time is over, the user wants it or the recording cannot go on; says every few seconds how it goes.
    private static func waitForEnd(
        of recording: TelemetryRecording, _ length: Duration?, _ interruption: Interruption
    ) async {
        let start = MonotonicClock.now()
        var shown = start
        while !interruption.isRequested, await recording.failure == nil {
            let now = MonotonicClock.now()
            if let length, now - start >= length { return }
            if now - shown >= progressPeriod {
                shown = now
                StandardError.write("presync record: \(await recording.progress)\n")
            }
            try? await Task.sleep(for: tick)
        }
    }
}
