import DeviceDrivers
import Determinism
import FleetModel
import Foundation
import OpenCLWorker
import RemotingCore
import SessionTransport
import Testing
import WorkerControl

@Suite("Connections of a hostile client", .serialized)
struct HostileStreamTests {
    private static let (context, queue, buffer) = (ObjectID(rawValue: 1), ObjectID(rawValue: 2), ObjectID(rawValue: 3))

    private func begin(_ client: TestClient, bufferSize: UInt64) throws {
        try client.send(
            .createContext(Self.context), .createQueue(Self.queue, context: Self.context, properties: 0),
            .createBuffer(Self.buffer, context: Self.context, flags: 1, size: bufferSize))
    }

    @Test(
        "that ask for gigabytes and do not read them keep a worker waiting in little memory, which still obeys",
        arguments: [false, true])
    func slowReader(isLocal: Bool) throws {
        try besideHonestTenant(inProcess: true) { honest in
            // A cache of its own, so that nothing is built ahead meanwhile, which takes memory.
            let cache = NSTemporaryDirectory() + "slow-" + UUID().uuidString
            defer { try? FileManager.default.removeItem(atPath: cache) }
            let worker = try TestWorkerProcess(environment: ["POCL_CACHE_DIR": cache])
            let client = try TestClient(port: worker.endpoint.port, isLocal: isLocal)
            let size: UInt64 = 32 << 20
            try begin(client, bufferSize: size)
            if isLocal { try client.switchToSharedMemory() }
            let everything = BufferCommand(queue: Self.queue, buffer: Self.buffer, offset: 0, size: size)
            try client.send(.fillBuffer(everything, pattern: [5]))
            // The buffer's own memory is there from then on.
            #expect(try client.finish(Self.queue).code == 0)
            let before = try Self.residentPages(worker.processID)
            for call in UInt64(0)..<256 { try client.send(.readBuffer(CallID(rawValue: 1_000 + call), everything)) }
            honest.expectProgress("during")
            // Of 8 GiB that were asked for, what its window and the staging of one read hold.
            let grown = (try Self.residentPages(worker.processID) - before) * Int(sysconf(Int32(_SC_PAGESIZE)))
            #expect(grown < 64 << 20, "\(grown >> 20) MiB")
            guard
                case .limit = worker.control.answer(
                    to: .setLimit(Slice(memory: .zero, compute: .zero), Epoch(term: 9, counter: 9)))
            else { return #expect(Bool(false), "the worker does not answer its GPU server") }
            // Who reads at last gets what was asked for.
            guard case .readData(CallID(rawValue: 1_000), 0, let first) = try client.nextResponse() else {
                return #expect(Bool(false))
            }
            #expect(first.allSatisfy { $0 == 5 })
            client.close()
            #expect(worker.awaitEnd())
        }
    }

    private static func residentPages(_ process: Int32) throws -> Int {
        let text = try String(contentsOfFile: "/proc/\(process)/statm", encoding: .utf8)
        return try #require(text.split(separator: " ").dropFirst().first.flatMap { Int($0) })
    }

    @Test("that stop in the middle of a message change nothing, and end with their worker", arguments: 1...5)
    func halfMessage(cut: Int) throws {
        try besideHonestTenant { honest in
            let worker = try TestWorker(.synthetic)
            let client = try TestClient(worker)
            // A frame with one message that is right.
            let message = OpenCLRequest.createContext(Self.context).encoded()
            let frame = [UInt8(message.count), 0, 0, 0, 1, 0, 0, 0] + [UInt8](repeating: 0, count: 16) + message
            client.sendRaw(Array(frame.prefix(frame.count * cut / 6)))
            honest.expectProgress("during")
            guard case .status(let report) = worker.control.answer(to: .reportStatus) else {
                return #expect(Bool(false))
            }
            #expect(!report.attached)
            client.close()
            #expect(worker.awaitEnding() == .sessionClosed)
        }
    }

    @Test(
        "that bring garbage before or instead of a hello leave the door open", arguments: 1...4 as ClosedRange<UInt64>)
    func garbageBefore(seed: UInt64) throws {
        try besideHonestTenant { honest in
            let worker = try TestWorker(.synthetic)
            var random = SeededGenerator(seed: seed)
            for _ in 0..<24 {
                let peer = try TestClient.connect(to: worker.endpoint.port)
                // A right beginning, now and then, and a length that may be right.
                let beginning: [UInt8] = random.chance(1, in: 2) ? Array("PRS1".utf8) + [1, 0, 0, 0] : []
                let garbage =
                    beginning + (0..<Int(random.below(300))).map { _ in UInt8(truncatingIfNeeded: random.next()) }
                _ = garbage.withUnsafeBytes { peer.send($0) }
                // Let go of at once: a door hears eight at a time.
            }
            honest.expectProgress("during")
            _ = try TestClient(worker)
        }
    }

    @Test("that bring garbage once they are let in end their session only", arguments: 1...8 as ClosedRange<UInt64>)
    func garbageAfter(seed: UInt64) throws {
        try besideHonestTenant { honest in
            let worker = try TestWorker(.synthetic)
            let client = try TestClient(worker)
            try begin(client, bufferSize: 64)
            var random = SeededGenerator(seed: seed)
            var garbage = (0..<4_096).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            // Half of them are a frame by their header: number, kind and length are right, the messages are not.
            if seed.isMultiple(of: 2) { garbage.replaceSubrange(..<8, with: [0, 4, 0, 0, 1, 0, 0, 0]) }
            client.sendRaw(garbage)
            #expect(worker.awaitEnding() == .sessionClosed)
            honest.expectProgress("during")
        }
    }

    @Test("so many that nobody else would find room are let go of one by one, and the right peer gets in")
    func manyConnections() throws {
        try besideHonestTenant { honest in
            // A cache of its own, so that nothing is built ahead meanwhile, which opens files.
            let cache = NSTemporaryDirectory() + "many-" + UUID().uuidString
            defer { try? FileManager.default.removeItem(atPath: cache) }
            let worker = try TestWorkerProcess(environment: ["POCL_CACHE_DIR": cache])
            let before = try Self.descriptors(of: worker.processID)
            var peers: [Descriptor] = []
            // More than a door hears at once; what its backlog does not hold the kernel lets wait.
            for _ in 0..<20 { peers.append(try TestClient.connect(to: worker.endpoint.port)) }
            honest.expectProgress("during")
            #expect(try Self.descriptors(of: worker.processID) <= before + 8)
            // They hold the door for 3 s at most; their leaving frees it at once.
            peers.removeAll()
            let client = try TestClient(port: worker.endpoint.port)
            try begin(client, bufferSize: 64)
            #expect(try client.finish(Self.queue).code == 0)
        }
    }

    @Test("that pass descriptors with their bytes leave none with the worker")
    func passedDescriptors() throws {
        try besideHonestTenant { honest in
            let worker = try TestWorkerProcess()
            let client = try TestClient(port: worker.endpoint.port, isLocal: true)
            try begin(client, bufferSize: 64)
            #expect(try client.finish(Self.queue).code == 0)
            let before = try Self.descriptors(of: worker.processID)
            let nothing = open("/dev/null", O_RDONLY)
            defer { close(nothing) }
            // Each with a byte of a frame: a ping of 8 bytes, whose number is right.
            let passed = [Int32](repeating: nothing, count: DescriptorPassing.most)
            for byte in client.pingBytes(0) { client.sendRaw([byte], passing: passed) }
            #expect(try client.finish(Self.queue).code == 0)
            // The worker's own come and go: its compiler is another process. What a frame's bytes bring is more.
            #expect(try Self.descriptors(of: worker.processID) < before + 4 * passed.count)
            honest.expectProgress("during")
        }
    }

    private static func descriptors(of process: Int32) throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/fd").count
    }
}

extension ControlLink {
    /// The answer of its kind to a command; what the worker announces by itself meanwhile is let go by.
    fileprivate func answer(to command: WorkerCommand) -> WorkerAnswer? {
        send(command)
        while let answer = receive() {
            switch (command, answer) {
            case (.setLimit, .limit), (.reportStatus, .status): return answer
            default: continue
            }
        }
        return nil
    }
}
