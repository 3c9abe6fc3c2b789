import FleetModel
import Foundation
import Observability

/// Starts the bursts of one instance when they are due, and writes down what each met.
struct SampleDriver {
    let instance: String
    let load: LoadOptions
    let runner: BurstRunner
    let writer: ResultsWriter
    private var lastEnd: MonotonicTime?
    private var count = 0

    init(instance: String, load: LoadOptions, runner: BurstRunner, writer: ResultsWriter) {
        self.instance = instance
        self.load = load
        self.runner = runner
        self.writer = writer
    }

    /// One burst of middling size before the clock: it fills caches that last, of compiled kernels above all.
    mutating func warmUp(_ index: Int) throws(CommandFailure) {
        let model = load.model
        let arrival = Arrival(
            at: 0, contextTokens: Int(model.contextTokens.median), generatedTokens: Int(model.generatedTokens.median))
        try carryOut(arrival, phase: .warmUp, clock: MonotonicClock.now(), seed: UInt64(index))
    }

    /// Carries out `arrivals`. One that is due while another runs starts when that has ended. Returns how many were
    /// due and had not begun at `end`.
    mutating func run(
        _ arrivals: [Arrival], clock: MonotonicTime, until end: MonotonicTime, member: Int
    ) throws(CommandFailure) -> Int {
        for (index, arrival) in arrivals.enumerated() {
            let due = clock + .seconds(arrival.at)
            if due > MonotonicClock.now() { MonotonicClock.sleep(until: min(due, end)) }
            guard MonotonicClock.now() < end else { return arrivals.count - index }
            let seed = load.seed &+ UInt64(member) << 32 &+ UInt64(index)
            try carryOut(arrival, phase: .measured, clock: clock, seed: seed)
        }
        MonotonicClock.sleep(until: end)
        return 0
    }

    private mutating func carryOut(
        _ arrival: Arrival, phase: BurstRecord.Phase, clock: MonotonicTime, seed: UInt64
    ) throws(CommandFailure) {
        let plan = load.plan(for: arrival, seed: seed)
        let started = MonotonicClock.now()
        var record = BurstRecord(
            instance: instance, index: count, phase: phase, scheduledSeconds: arrival.at,
            startedSeconds: (started - clock).inSeconds, idleGapSeconds: lastEnd.map { (started - $0).inSeconds },
            durationSeconds: nil, plan: plan, measured: BurstMeasurements())
        if writer.tellsOfBeginnings { try writer.append(record) }
        record.measured = runner.run(plan)
        let ended = MonotonicClock.now()
        record.durationSeconds = (ended - started).inSeconds
        lastEnd = ended
        count += 1
        try writer.append(record)
    }

    /// Waits for a line `start NANOSECONDS` on standard input; nil when the input ends first. Once it has come, the end
    /// of the input ends the process: whoever gave the line is gone.
    static func awaitStart() throws(CommandFailure) -> MonotonicTime? {
        guard let line = readLine() else { return nil }
        let words = line.split(separator: " ")
        guard words.count == 2, words[0] == "start", let time = Int64(words[1]) else {
            throw CommandFailure(.usage, "standard input says '\(line.prefix(40))' instead of 'start NANOSECONDS'")
        }
        ParentWatch.endWithInput()
        return MonotonicTime(rawValue: time)
    }
}

/// Runs bursts as processes of their own.
struct BurstRunner {
    var payloadPort: UInt16
    var uplink: Int
    /// A burst that takes longer is ended, and counts as failed.
    var limit = Duration.seconds(90)

    func run(_ plan: BurstPlan) -> BurstMeasurements {
        do {
            return try launch(plan)
        } catch {
            var failed = BurstMeasurements()
            failed.error = error.cause
            return failed
        }
    }

    private func launch(_ plan: BurstPlan) throws(CommandFailure) -> BurstMeasurements {
        guard let text = try? JSONText.encode(plan) else { throw CommandFailure(.software, "plan cannot be encoded") }
        let arguments = [
            "sample", "burst", "--plan", text, "--payload-from", String(payloadPort), "--pace", String(uplink),
            "--until-input-ends",
        ]
        let child = try ChildProcess(
            ChildProcess.Launch(executable: OwnExecutable.path, arguments: arguments, input: .pipe, output: .pipe))
        // The child writes one short line at its end, which the pipe holds: waiting before reading cannot block it.
        guard let end = child.wait(until: MonotonicClock.now() + limit) else {
            child.send(SIGKILL)
            child.wait()
            throw CommandFailure(.failure, "not finished after \(limit)")
        }
        let line = child.output?.readDataToEndOfFile() ?? Data()
        guard end.succeeded, let measured = try? JSONDecoder().decode(BurstMeasurements.self, from: line) else {
            throw CommandFailure(.failure, "the burst ended with \(end) and no measurements")
        }
        return measured
    }
}

/// A payload server in a process of its own: its traffic is the network's, not the instance's.
final class PayloadServerProcess {
    let port: UInt16
    private let child: ChildProcess

    init() throws(CommandFailure) {
        child = try ChildProcess(
            ChildProcess.Launch(
                executable: OwnExecutable.path, arguments: ["sample", "payload-server"], input: .pipe, output: .pipe,
                leadsGroup: true))
        let line = child.output?.availableData ?? Data()
        let text = String(decoding: line, as: UTF8.self).split(whereSeparator: \.isNewline).first ?? ""
        guard let port = UInt16(text) else {
            child.send(SIGKILL)
            child.wait()
            throw CommandFailure(.software, "the payload server did not say its port")
        }
        self.port = port
    }

    func stop() {
        child.send(SIGTERM)
        child.wait()
    }
}
