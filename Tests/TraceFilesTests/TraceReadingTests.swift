import CZlib
import Determinism
import FleetModel
import Foundation
import Testing

@testable import TraceFiles

private let header = "time_s,instance,application,gpu_memory_bytes,gpu_compute_millishare,requests"

private func gzipped(_ text: String) throws -> [UInt8] {
    let file = try TemporaryFile()
    let handle = try #require(gzopen(file.path, "wb"))
    let bytes = Array(text.utf8)
    #expect(gzwrite(handle, bytes, UInt32(bytes.count)) == Int32(bytes.count))
    #expect(gzclose(handle) == Z_OK)
    return try Array(Data(contentsOf: URL(fileURLWithPath: file.path)))
}

@Suite struct TelemetryTraceTests {
    @Test func plainAndGzipReadAlike() throws {
        let text = header + "\n0,a00,llm-chat,0,0.000,0\n1,a01,llm-chat,54067724,67.481,1\n"
        let plain = try TemporaryFile(text)
        let packed = try TemporaryFile(try gzipped(text))
        let rows = try TelemetryTrace.read(path: plain.path).rows
        #expect(rows == (try TelemetryTrace.read(path: packed.path).rows))
        #expect(
            rows.last
                == TelemetryTraceRow(
                    time: 1, instance: InstanceID(unchecked: "a01"),
                    application: ApplicationType(unchecked: "llm-chat"),
                    gpuMemory: Bytes(54_067_724), gpuCompute: 67.481, requests: 1))
        #expect(rows.last?.observation.workInFlight == 1)
    }

    @Test func endingsOfLinesMarksAndForeignColumnsAreTolerated() throws {
        let file = try TemporaryFile(
            "\u{FEFF}extra,gpu_compute_millishare,gpu_memory_bytes,application,instance,time_s,cpu_milli\r\n"
                + "x,5,7,chat,a,3.5,\r\n\r\ny,6,8,chat,a,4,12")
        let rows = try TelemetryTrace.read(path: file.path).rows
        #expect(rows.map(\.time) == [3.5, 4])
        #expect(rows.map(\.cpuMilli) == [nil, 12])
    }

    @Test(arguments: [
        ("", "1: file is empty: a header is expected"),
        ("time_s,instance\n", "1: column application: missing; the header has: time_s,instance"),
        (header + "\n0,a,c,0,0\n", "2: 5 fields where the header has 6"),
        (header + "\n0,a,c,0,0,0\n1,a,c,much,0,0\n", "3: column gpu_memory_bytes: 'much' is not a number"),
        (header + "\n0,a,c,,0,0\n", "2: column gpu_memory_bytes: empty where a number is expected"),
        (header + "\n0,a,c,-1,0,0\n", "2: column gpu_memory_bytes: -1 is outside 0.0...281474976710656.0"),
        (header + "\n0,a,c,0,nan,0\n", "2: column gpu_compute_millishare: nan is outside 0.0...64000.0"),
        (header + "\n0,a b,c,0,0,0\n", "2: column instance: 'a b' is not an identifier"),
        (header + "\n5,a,c,0,0,0\n4,a,c,0,0,0\n", "3: column time_s: 4.0 after 5.0"),
        (
            header + "\n5,a,c,0,0,0\n5,b,c,0,0,0\n5.5,a,c,0,0,0\n",
            "4: column instance: 'a' has a second row in second 5"
        ),
    ])
    func errorsNameFileLineColumnAndCause(_ text: String, _ expected: String) throws {
        let file = try TemporaryFile(text)
        let error = #expect(throws: TraceError.self) { try TelemetryTrace.read(path: file.path) }
        #expect(error?.description == "\(file.path):\(expected)")
    }

    @Test func aMissingFileIsNamed() {
        let error = #expect(throws: TraceError.self) { try TelemetryTrace.read(path: "/nonexistent/trace.csv") }
        #expect(error?.code == .cannotOpen)
        #expect(error?.description == "/nonexistent/trace.csv: cannot open: No such file or directory")
    }

    @Test func aGzipFileThatEndsEarlyIsAnError() throws {
        let rows = (0..<50_000).map { "\($0),a00,llm-chat,0,0.000,0\n" }
        let whole = try gzipped(header + "\n" + rows.joined())
        let file = try TemporaryFile(whole.dropLast(20))
        let error = #expect(throws: TraceError.self) { try TelemetryTrace.read(path: file.path) }
        #expect(error?.code == .cannotRead)
    }

    @Test func linesAndRowsAreBounded() throws {
        let long = try TemporaryFile(header + "\n" + String(repeating: "x", count: 2_000))
        let limits = TraceLimits(lineBytes: 1_000, rows: 3)
        var error = #expect(throws: TraceError.self) { try TelemetryTrace.read(path: long.path, limits: limits) }
        #expect(error?.description == "\(long.path):2: line is longer than 1000 bytes")
        let many = try TemporaryFile(header + "\n" + (0..<4).map { "\($0),a,c,0,0,0\n" }.joined())
        error = #expect(throws: TraceError.self) { try TelemetryTrace.read(path: many.path, limits: limits) }
        #expect(error?.description == "\(many.path):5: more than 3 rows")
    }

    @Test func theSpanOfATraceIsBounded() throws {
        let file = try TemporaryFile(header + "\n5,a,c,0,0,0\n65,a,c,0,0,0\n1e9,a,c,0,0,0\n")
        let limits = TraceLimits(seconds: 60)
        let error = #expect(throws: TraceError.self) { try TelemetryTrace.read(path: file.path, limits: limits) }
        #expect(error?.code == .limitExceeded)
        #expect(
            error?.description
                == "\(file.path):4: column time_s: 1000000000.0 is 999999995.0 s after the first row, more than 60.0")
        #expect(try TelemetryTrace.read(path: file.path).rows.count == 3)
    }

    @Test(arguments: [Double.infinity, -.infinity, .nan, 1e300, -1])
    func whateverWasObservedIsReadAgain(_ value: Double) throws {
        let load = LoadObservation(
            second: .max, gpuMemory: value, gpuCompute: value, cpuMilli: value, hostMemory: value, networkIn: value,
            networkOut: value, workInFlight: value, userIdleSeconds: value)
        let observation = InstanceObservation(
            instance: InstanceID(unchecked: "i"), application: ApplicationType(unchecked: "c"), load: load)
        let row = TelemetryTraceRow(observation, origin: .min)
        let file = try TemporaryFile()
        let writer = try TelemetryTraceWriter(path: file.path)
        try writer.append(row)
        try writer.close()
        #expect(try TelemetryTrace.read(path: file.path).rows == [row])
    }

    @Test func aNameThatEndsInGzIsWrittenAsGzip() throws {
        let file = try TemporaryFile()
        for (path, start) in [(file.path, Array("time".utf8)), (file.path + ".gz", [0x1F, 0x8B])] {
            defer { if path != file.path { try? FileManager.default.removeItem(atPath: path) } }
            let writer = try TelemetryTraceWriter(path: path)
            try writer.close()
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)).starts(with: start))
            #expect(try TelemetryTrace.read(path: path).rows.isEmpty)
        }
    }

    @Test func whatIsWrittenIsReadAgain() throws {
        let file = try TemporaryFile()
        let rows = (0..<50).map { (step: Int) -> TelemetryTraceRow in
            let value = Double(step)
            return TelemetryTraceRow(
                time: value, instance: InstanceID(unchecked: "i\(step % 3)"),
                application: ApplicationType(unchecked: "chat"), gpuMemory: Bytes(Int64(step) << 20),
                gpuCompute: value / 7, requests: step % 2 == 0 ? nil : 1, cpuMilli: 0.1 * value,
                memory: Bytes(1 << 33), networkInRate: 1e9, networkOutRate: nil, userIdle: step % 3 == 0 ? nil : value)
        }
        let writer = try TelemetryTraceWriter(path: file.path)
        for row in rows { try writer.append(row) }
        try writer.close()
        #expect(try TelemetryTrace.read(path: file.path).rows == rows)
        #expect(throws: TraceError.self) { try writer.append(rows[0]) }
    }

    /// Any bytes give rows or an error, never a crash.
    @Test(arguments: 0..<60 as Range<UInt64>)
    func anyBytesAreSurvived(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var text = Array((header + "\n0,a,c,0,0,0\n1,b,c,5,6,7\n").utf8)
        if generator.chance(1, in: 3) { text = try gzipped(String(decoding: text, as: UTF8.self)) }
        for _ in 0..<(1 + generator.below(12)) {
            let place = Int(generator.below(UInt64(text.count)))
            switch generator.below(3) {
            case 0: text[place] = UInt8(truncatingIfNeeded: generator.next())
            case 1: text.remove(at: place)
            default: text.insert(contentsOf: Array("\n,\r\"1e999\u{0}".utf8), at: place)
            }
        }
        let file = try TemporaryFile(text)
        do {
            for row in try TelemetryTrace.read(path: file.path).rows {
                #expect(row.time >= 0 && row.gpuMemory >= .zero && row.gpuCompute.isFinite)
            }
        } catch {
            #expect(error.file == file.path && !error.cause.isEmpty)
        }
        _ = try? RequestTrace.read(path: file.path)
    }
}

@Suite struct RequestTraceTests {
    @Test(arguments: [
        ("timestamp_s,context_tokens,generated_tokens\n0.5,12,3\n", nil),
        ("timestamp_s,context_tokens,generated_tokens,client\n0.5,12,3,32\n", "32"),
        ("timestamp_s,context_tokens,generated_tokens,instance\n0.5,12,3,a00\n", "a00"),
    ])
    func whoAskedIsReadWhereItIsThere(_ text: String, _ client: String?) throws {
        let file = try TemporaryFile(text)
        let rows = try RequestTrace.read(path: file.path).rows
        #expect(rows == [RequestTraceRow(timestamp: 0.5, contextTokens: 12, generatedTokens: 3, client: client)])
    }

    @Test(
        .enabled(if: recordedTraces != nil, "PRESYNC_DATA is not set: no recorded traces to read"),
        arguments: ["azure2023_code", "azure2023_conv"])
    func recordedTracesAreRead(_ name: String) throws {
        let folder = try #require(recordedTraces)
        let reader = try RequestTraceReader(path: "\(folder)/\(name).requests.csv.gz")
        var count = 0
        while let row = try reader.next(), count < 2_000 {
            count += 1
            #expect(row.contextTokens > 0)
        }
        #expect(count == 2_000)
    }
}

private let recordedTraces: String? = {
    guard let folder = ProcessInfo.processInfo.environment["PRESYNC_DATA"] else { return nil }
    return FileManager.default.fileExists(atPath: folder + "/data") ? folder + "/data" : nil
}()
