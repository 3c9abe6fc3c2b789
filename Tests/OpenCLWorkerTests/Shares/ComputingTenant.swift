import FleetModel
import Foundation
import RemotingCore
import Synchronization
import Testing

/// A program that computes on a worker's device until it is told to stop, on a thread of its own.
final class ComputingTenant: Sendable {
    private let isStopped = Atomic(false)
    private let launches = Atomic<Int>(0)
    private let failure = Mutex<String?>(nil)
    private let hasEnded = DispatchSemaphore(value: 0)

    /// - Parameters:
    ///   - rounds: work of each command; 0 for one without end.
    ///   - ahead: commands that the program gives at once: while they run it gives as many again. With 1 it waits for each
    ///     command's end.
    init(port: UInt16, rounds: UInt32, ahead: Int) {
        Thread.detachNewThread { [self] in
            do { try compute(port, rounds, ahead) } catch { failure.withLock { $0 = "\(error)" } }
            hasEnded.signal()
        }
    }

    /// Commands that have ended.
    var ended: Int { launches.load(ordering: .relaxed) }

    /// Returns what went wrong, if anything did.
    func stop() -> String? {
        isStopped.store(true, ordering: .relaxed)
        guard hasEnded.wait(timeout: .now() + 60) == .success else { return "the tenant does not stop" }
        return failure.withLock { $0 }
    }

    private static let source = """
        kernel void work(global uint *out, uint rounds) {
            uint x = get_global_id(0);
            for (uint i = 0; rounds == 0 || i < rounds; i++) x = x * 1664525u + 1013904223u;
            out[get_global_id(0)] = x;
        }
        """

    private func compute(_ port: UInt16, _ rounds: UInt32, _ ahead: Int) throws {
        let client = try TestClient(port: port)
        let (context, queue, buffer, program, kernel) = (
            ObjectID(rawValue: 1), ObjectID(rawValue: 2), ObjectID(rawValue: 3), ObjectID(rawValue: 4),
            ObjectID(rawValue: 5)
        )
        try client.send(
            .createContext(context), .createQueue(queue, context: context, properties: 0),
            .createBuffer(buffer, context: context, flags: 1, size: 256), .createProgram(program, context: context),
            .appendSource(program: program, Array(Self.source.utf8)[...]))
        guard case .programBuilt(_, let build) = try client.call({ .buildProgram($0, program: program, options: []) }),
            build.code == 0
        else { throw TestClient.Failure.unexpected("no build") }
        try client.send(
            .createKernel(kernel, program: program, name: "work"),
            .setArgument(kernel: kernel, index: 0, .buffer(buffer)),
            .setArgument(
                kernel: kernel, index: 1, .value(withUnsafeBytes(of: rounds.littleEndian) { Array($0) }[...])))
        let launch = KernelLaunch(
            queue: queue, kernel: kernel, dimensions: 1, globalSize: SIMD3(64, 0, 0), localSize: SIMD3(8, 0, 0))
        var batches = 0
        while true {
            if !isStopped.load(ordering: .relaxed) {
                for _ in 0..<ahead { try client.send(.launchKernel(launch)) }
                try client.send(.finish(CallID(rawValue: 1_000), queue: queue))
                batches += 1
                if ahead > 1, batches == 1 { continue }
            }
            guard batches > 0 else { return }
            guard case .completed(_, let completion) = try client.nextResponse(), completion.code == 0,
                completion.deferred.isEmpty
            else { throw TestClient.Failure.unexpected("a command failed") }
            batches -= 1
            launches.add(ahead, ordering: .relaxed)
        }
    }
}
