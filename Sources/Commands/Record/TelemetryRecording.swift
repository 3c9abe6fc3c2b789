import Dashboard
import FleetModel
import TraceFiles

/// Writes what instances do to a telemetry trace, ordered by second, each second of an instance once.
///
/// The file is made, or emptied, when something first comes, so that a watch that is refused leaves an older one of the
/// name as it was. What comes is held back for ``held`` seconds, because the seconds of one instance are known before
/// those of another. Memory: as many rows as come in that time.
actor TelemetryRecording {
    private static let held: Int64 = 4
    /// Seconds of a manager's clock, which counts from its host's start.
    private static let plausible: ClosedRange<Int64> = 0...1_000_000_000

    let path: String
    /// Nil until something came.
    private var writer: TelemetryTraceWriter?
    /// By second and instance.
    private var waiting: [Int64: [InstanceID: InstanceObservation]] = [:]
    private var taken: [InstanceID: Int64] = [:]
    private var newest: Int64 = 0
    private var origin: Int64?
    private var written: Int64 = -1
    private var rows = 0
    private var late = 0
    private var unwritable: CommandFailure?
    private var stopped: CommandFailure?

    init(path: String) { self.path = path }

    /// Makes the file, or empties it, unless that has been done. For who is sure that something will come.
    func makeFile() throws(CommandFailure) {
        guard writer == nil else { return }
        do { writer = try TelemetryTraceWriter(path: path) } catch {
            throw CommandFailure(
                .noInput, "\(error)", advice: "name a file in a folder that exists and that you may write to")
        }
    }

    /// Takes in what `client` tells of while `body` runs, and is stopped when the manager has no more to tell.
    nonisolated func run<Result: Sendable>(
        from client: any FleetClient, during body: () async throws -> Result
    ) async throws -> Result {
        try await withThrowingTaskGroup(of: Void.self, returning: Result.self) { group in
            group.addTask {
                do throws(CommandFailure) {
                    try await client.watchTelemetry { await self.take($0) }
                    await self.stop(for: client.ended)
                } catch {
                    await self.stop(for: error)
                }
            }
            defer { group.cancelAll() }
            return try await body()
        }
    }

    /// Takes in what is new among `observations`; with none it takes note that the manager has begun to tell.
    func take(_ observations: [InstanceObservation]) {
        if unwritable == nil { do throws(CommandFailure) { try makeFile() } catch { unwritable = error } }
        for observation in observations where Self.plausible.contains(observation.load.second) {
            let second = observation.load.second
            guard taken[observation.instance].map({ $0 < second }) ?? true else { continue }
            taken[observation.instance] = second
            guard second > written else {
                late += 1
                continue
            }
            newest = max(newest, second)
            waiting[second, default: [:]][observation.instance] = observation
        }
        write(through: newest - Self.held)
    }

    /// Notes that nothing more will come, and why.
    func stop(for reason: CommandFailure) { stopped = stopped ?? reason }

    /// Why the recording cannot go on; nil while it can.
    var failure: CommandFailure? { unwritable ?? stopped }

    /// What there is so far, in one line.
    var progress: String { "\(rows) rows of \(taken.count) instances, \(Quantity.clock(.seconds(span)))" }

    /// Writes what is held back, closes the file, and says what is in it.
    func finish() throws(CommandFailure) -> String {
        write(through: newest)
        guard let writer else {
            if let unwritable { throw unwritable }
            return "Nothing was recorded: \(path) was not touched."
        }
        do { try writer.close() } catch { throw Self.unwritable(error) }
        let lost = late > 0 ? "; \(late) came too late to stand in order and were left out" : ""
        return "Recorded to \(path): \(progress)\(lost)."
    }

    private var span: Int64 { origin.map { max(0, written - $0 + 1) } ?? 0 }

    private func write(through last: Int64) {
        guard unwritable == nil, let writer else { return }
        do {
            for second in waiting.keys.sorted() where second <= last {
                let start = origin ?? second
                origin = start
                for (_, observation) in (waiting[second] ?? [:]).sorted(by: { $0.key < $1.key }) {
                    try writer.append(TelemetryTraceRow(observation, origin: start))
                    rows += 1
                }
                waiting[second] = nil
                written = second
            }
        } catch {
            unwritable = Self.unwritable(error)
        }
    }

    private static func unwritable(_ error: any Error) -> CommandFailure {
        CommandFailure(.noInput, "\(error)", advice: "make room, or name another file")
    }
}
