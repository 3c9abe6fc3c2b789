import COpenCL
import FleetModel
import Foundation
import Observability

/// What is measured of an OpenCL platform, local or remote alike: the program calls the loader as any other does.
enum InterfaceMeasure: String, CaseIterable, Codable {
    /// Of many empty kernels that are enqueued, how long each call takes to return; and enqueued and finished, the time
    /// of each.
    case enqueueEmpty
    case emptyAsync
    /// An empty kernel, and waiting for it.
    case emptyFinish
    case read4B
    case write4B
    case read4KiB
    case write4KiB
    case read64MiB
    case write64MiB
    /// From asking the agent to having the session, where that was prepared.
    case openPrepared
    /// Of 1,000 sessions that are opened at once, how long each takes; none may fail.
    case open1000
    /// From the first call to the completion of a write of 4 bytes, in a program whose GPU was found reserved; in one
    /// that found a warm session without memory; and in one for which nothing but the bundle was there.
    case firstCommandReady
    case firstCommandWarm
    case firstCommandCold

    var unit: String {
        switch self {
        case .read64MiB, .write64MiB, .openPrepared, .open1000, .firstCommandReady, .firstCommandWarm,
            .firstCommandCold:
            "ms"
        default: "us"
        }
    }
}

/// Half of the samples of a measure are not above `p50`, 99 % not above `p99`; in the measure's unit.
struct MeasuredTimes: Codable, Hashable {
    var p50: Double
    var p99: Double

    init?(_ samples: [Double]) {
        let distribution = Distribution(samples)
        guard let p50 = distribution.p50, let p99 = distribution.p99 else { return nil }
        (self.p50, self.p99) = (p50, p99)
    }
}

/// What one program found at its start.
struct FirstCommand: Codable {
    var milliseconds: Double
    /// ``Readiness``'s raw value; absent on a local platform.
    var found: UInt8?
    /// From asking the agent to having the session.
    var handoverMilliseconds: Double?

    /// Opens the platform and writes four bytes.
    static func measure() throws -> FirstCommand {
        let began = MonotonicClock.now()
        let session = try GPUSession()
        defer { session.close() }
        try session.write([7], to: try session.buffer(bytes: 4))
        let milliseconds = (MonotonicClock.now() - began).inMilliseconds
        let facts = session.presyncFacts()
        return FirstCommand(
            milliseconds: milliseconds, found: facts?.foundReadiness,
            handoverMilliseconds: facts.map { Double($0.handoverNanoseconds) / 1e6 })
    }
}

/// The measures that one session takes.
struct SessionMeasures {
    /// How many samples: of small commands, of runs of many kernels, and of large transfers.
    var commands = 1_000
    var runs = 20
    var kernels = 5_000
    var transfers = 10

    func run() throws -> [InterfaceMeasure: MeasuredTimes] {
        let session = try GPUSession()
        defer { session.close() }
        let empty = try session.kernel("nothing", of: try session.program(source: "kernel void nothing() {}"))
        let large = 64 << 20
        let buffer = try session.buffer(bytes: large)
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: large, alignment: 4_096)
        defer { memory.deallocate() }
        memory.initializeMemory(as: UInt8.self, repeating: 1)
        var results: [InterfaceMeasure: MeasuredTimes] = [:]
        func times(_ measure: InterfaceMeasure, _ count: Int, _ body: () throws -> Void) rethrows {
            for _ in 0..<max(1, count / 20) { try body() }
            let unit = measure.unit == "ms" ? 1e-6 : 1e-3
            results[measure] = MeasuredTimes(try (0..<count).map { _ in try Self.nanoseconds(body) * unit })
        }
        func launch() throws { try session.launch(empty, [], items: 1) }
        try times(.emptyFinish, commands) {
            try launch()
            try session.finish()
        }
        var calls: [Double] = []
        var perCommand: [Double] = []
        for _ in 0..<runs {
            let total = try Self.nanoseconds {
                for _ in 0..<kernels { calls.append(try Self.nanoseconds(launch) / 1e3) }
                try session.finish()
            }
            perCommand.append(total / 1e3 / Double(kernels))
        }
        results[.enqueueEmpty] = MeasuredTimes(calls)
        results[.emptyAsync] = MeasuredTimes(perCommand)
        for (bytes, read, write, count) in [
            (4, InterfaceMeasure.read4B, InterfaceMeasure.write4B, commands),
            (4_096, .read4KiB, .write4KiB, commands), (large, .read64MiB, .write64MiB, transfers),
        ] {
            let part = UnsafeMutableRawBufferPointer(rebasing: memory[0..<bytes])
            try times(write, count) { try session.write(UnsafeRawBufferPointer(part), to: buffer) }
            try times(read, count) { try session.read(into: part, from: buffer) }
        }
        return results
    }

    private static func nanoseconds(_ body: () throws -> Void) rethrows -> Double {
        let began = MonotonicClock.now()
        try body()
        return Double((MonotonicClock.now() - began) / .nanoseconds(1))
    }
}
