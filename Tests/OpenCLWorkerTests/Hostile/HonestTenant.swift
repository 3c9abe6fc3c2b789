import COpenCL
import DeviceDrivers
import Determinism
import FleetModel
import Foundation
import RemotingCore
import Synchronization
import Testing

/// A tenant beside a hostile one, on a worker of its own: it computes all the time, on a thread of its own, and compares
/// every result. What it has written once and what it writes anew must be what it reads.
final class HonestTenant: Sendable {
    private let isStopped = Atomic(false)
    private let rounds = Atomic<Int>(0)
    private let failure = Mutex<String?>(nil)
    private let hasEnded = DispatchSemaphore(value: 0)

    /// - Parameter computes: whether the device runs kernels; a synthetic one does not.
    fileprivate init(port: UInt16, computes: Bool) {
        Thread.detachNewThread { [self] in
            do { try work(port, computes) } catch { failure.withLock { $0 = "\(error)" } }
            hasEnded.signal()
        }
    }

    /// Waits until some rounds that began after this call have come to the right result.
    func expectProgress(_ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation) {
        let before = rounds.load(ordering: .relaxed)
        for _ in 0..<12_000 where rounds.load(ordering: .relaxed) < before + 3 {
            if failure.withLock({ $0 != nil }) { break }
            usleep(5_000)
        }
        #expect(failure.withLock { $0 } == nil, comment, sourceLocation: sourceLocation)
        #expect(rounds.load(ordering: .relaxed) >= before + 3, comment, sourceLocation: sourceLocation)
    }

    fileprivate func stop() {
        isStopped.store(true, ordering: .relaxed)
        #expect(hasEnded.wait(timeout: .now() + 60) == .success, "the honest tenant is stuck")
        #expect(failure.withLock { $0 } == nil)
    }

    private static let source =
        "kernel void scale(global uint *x, uint f) { x[get_global_id(0)] = x[get_global_id(0)] * f + 1; }"

    private func work(_ port: UInt16, _ computes: Bool) throws {
        let client = try TestClient(port: port)
        let ids = (1...6).map { ObjectID(rawValue: $0) }
        let (context, queue, buffer, keepsake, program, kernel) = (ids[0], ids[1], ids[2], ids[3], ids[4], ids[5])
        let size = 4_096
        var random = SeededGenerator(seed: UInt64(port))
        func bytes() -> [UInt8] { (0..<size).map { _ in UInt8(truncatingIfNeeded: random.next()) } }
        func all(_ buffer: ObjectID) -> BufferCommand {
            BufferCommand(queue: queue, buffer: buffer, offset: 0, size: UInt64(size))
        }
        let secret = bytes()
        try client.send(
            .createContext(context), .createQueue(queue, context: context, properties: 0),
            .createBuffer(buffer, context: context, flags: 1, size: UInt64(size)),
            .createBuffer(keepsake, context: context, flags: 1, size: UInt64(size)),
            .writeBuffer(all(keepsake), data: secret[...]))
        if computes {
            try client.send(
                .createProgram(program, context: context),
                .appendSource(program: program, Array(Self.source.utf8)[...]))
            guard
                case .programBuilt(_, let build) = try client.call({ .buildProgram($0, program: program, options: []) }),
                build.code == CL_SUCCESS
            else { throw TestClient.Failure.unexpected("no build") }
            try client.send(
                .createKernel(kernel, program: program, name: "scale"),
                .setArgument(kernel: kernel, index: 0, .buffer(buffer)))
        }
        while !isStopped.load(ordering: .relaxed) {
            let written = bytes()
            let factor = UInt32(truncatingIfNeeded: random.next())
            try client.send(.writeBuffer(all(buffer), data: written[...]))
            if computes {
                try client.send(
                    .setArgument(
                        kernel: kernel, index: 1,
                        .value(withUnsafeBytes(of: factor.littleEndian) { Array($0) }[...])),
                    .launchKernel(
                        KernelLaunch(
                            queue: queue, kernel: kernel, dimensions: 1, globalSize: SIMD3(UInt64(size / 4), 0, 0))))
            }
            let expected = computes ? Self.scaled(written, factor) : written
            let (read, kept, end) = (
                try client.read(all(buffer)), try client.read(all(keepsake)), try client.finish(queue)
            )
            guard read == expected, kept == secret, end == Completion() else {
                throw TestClient.Failure.unexpected(
                    "a wrong result: \(read == expected), \(kept == secret), \(end), \(read.prefix(8)) not \(expected.prefix(8))"
                )
            }
            rounds.add(1, ordering: .relaxed)
            usleep(1_000)
        }
    }

    private static func scaled(_ bytes: [UInt8], _ factor: UInt32) -> [UInt8] {
        bytes.withUnsafeBytes { Array($0.bindMemory(to: UInt32.self)) }.flatMap { word in
            withUnsafeBytes(of: word &* factor &+ 1) { Array($0) }
        }
    }
}

/// Runs `body` beside an honest tenant, whose every result must be right before, during and after it.
///
/// - Parameter inProcess: whether the tenant's worker is a process, with a device that computes; else it is a thread with
///   a synthetic device, for what ends before a device.
func besideHonestTenant(inProcess: Bool = false, _ body: (HonestTenant) throws -> Void) throws {
    let process = inProcess ? try TestWorkerProcess() : nil
    let thread = inProcess ? nil : try TestWorker(.synthetic)
    let port = try #require(process?.endpoint.port ?? thread?.endpoint.port)
    let tenant = HonestTenant(port: port, computes: inProcess)
    defer {
        tenant.stop()
        withExtendedLifetime((process, thread)) {}
    }
    tenant.expectProgress("before")
    try body(tenant)
    tenant.expectProgress("after")
}

extension TestClient {
    /// The codes other than 0 of a request, whether it is answered or not, once all that came before it has run.
    func codes(of request: OpenCLRequest, finishing queue: ObjectID) throws -> [Int32] {
        let last = CallID(rawValue: .max)
        try send(request, .finish(last, queue: queue))
        var codes: [Int32] = []
        while true {
            switch try nextResponse() {
            case .completed(let call, let completion):
                codes += [completion.code] + completion.deferred.map(\.code)
                if call == last { return codes.filter { $0 != CL_SUCCESS } }
            case .programBuilt(_, let build): codes.append(build.code)
            case .eventStatus(_, let status): codes.append(status.code)
            case .information(_, let code, _): codes.append(code)
            case .readData, .output: break
            }
        }
    }
}
