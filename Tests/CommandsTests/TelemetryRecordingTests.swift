import FleetModel
import Foundation
import Testing
import TraceFiles

@testable import Commands

@Suite struct TelemetryRecordingTests {
    private let path = NSTemporaryDirectory() + "/presync-recording-\(UUID().uuidString).csv.gz"

    private func observation(_ instance: String, _ second: Int64, cpu: Double? = nil) -> InstanceObservation {
        InstanceObservation(
            instance: InstanceID(unchecked: instance), application: ApplicationType(unchecked: "chat"),
            load: LoadObservation(second: second, gpuMemory: 5, gpuCompute: 2, cpuMilli: cpu))
    }

    @Test func `rows stand in the order of seconds, each second of an instance once`() async throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let recording = TelemetryRecording(path: path)
        await recording.take([observation("b", 101), observation("a", 100, cpu: 30)])
        await recording.take([observation("a", 100), observation("a", 101)])
        await recording.take([observation("c", 99), observation("a", 103)])
        let said = try await recording.finish()
        let rows = try TelemetryTrace.read(path: path).rows
        #expect(rows.map { "\(Int($0.time)) \($0.instance)" } == ["0 c", "1 a", "2 a", "2 b", "4 a"])
        #expect(rows[1].cpuMilli == 30)
        #expect(said == "Recorded to \(path): 5 rows of 3 instances, 00:05.")
    }

    @Test func `what comes too late to stand in order is left out and said`() async throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let recording = TelemetryRecording(path: path)
        await recording.take([observation("a", 100), observation("a", 110)])
        await recording.take([observation("b", 99), observation("c", -1), observation("c", .max)])
        let said = try await recording.finish()
        #expect(try TelemetryTrace.read(path: path).rows.map(\.time) == [0, 10])
        #expect(said.contains("; 1 came too late"))
    }

    @Test func `an older file stays as it was until the manager has taken on the watch`() async throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        try "older".write(toFile: path, atomically: true, encoding: .utf8)
        let refused = TelemetryRecording(path: path)
        await refused.stop(for: CommandFailure(.software, "too many watchers"))
        #expect(try await refused.finish() == "Nothing was recorded: \(path) was not touched.")
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "older")
        let accepted = TelemetryRecording(path: path)
        await accepted.take([])
        _ = try await accepted.finish()
        #expect(try TelemetryTrace.read(path: path).rows.isEmpty)
    }

    @Test func `a file that cannot be made is named`() async {
        let recording = TelemetryRecording(path: "/proc/presync.csv")
        await #expect(throws: CommandFailure.self) { try await recording.makeFile() }
        await recording.take([])
        let failure = await recording.failure
        await #expect(throws: CommandFailure.self) { try await recording.finish() }
        #expect(failure?.status == .noInput)
        #expect(failure?.cause.hasPrefix("/proc/presync.csv: cannot create") == true)
    }

    @Test func `a disk without room ends the recording`() async throws {
        let recording = TelemetryRecording(path: "/dev/full")
        for second in 0..<5_000 as Range<Int64> { await recording.take([observation("a", second)]) }
        #expect(await recording.failure != nil)
        await #expect(throws: CommandFailure.self) { try await recording.finish() }
    }
}
