import DeviceDrivers
import FleetModel
import Glibc
import OpenCLWorker
import RemotingCore
import SessionTransport
import Synchronization
import Testing
import WorkerControl

@Suite("A session through shared memory")
struct SharedMemorySessionTests {
    private let context = ObjectID(rawValue: 1)
    private let queue = ObjectID(rawValue: 2)
    private let buffer = ObjectID(rawValue: 3)

    private func opened(_ worker: TestWorker, size: Int) throws -> TestClient {
        let client = try TestClient(worker, isLocal: true)
        try #require(client.hasMemory)
        try client.takeOver()
        try client.switchToSharedMemory()
        try client.send(
            .createContext(context), .createQueue(queue, context: context, properties: 0),
            .createBuffer(buffer, context: context, flags: 1, size: UInt64(size)))
        return client
    }

    @Test("What is written is read, more than the ring holds")
    func carries() throws {
        let worker = try TestWorker(.synthetic)
        let size = 5 << 20
        let client = try opened(worker, size: size)
        let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 13 >> 4) }
        for start in stride(from: 0, to: size, by: OpenCLInterface.chunk) {
            let part = bytes[start..<min(start + OpenCLInterface.chunk, size)]
            try client.send(
                .writeBuffer(
                    BufferCommand(queue: queue, buffer: buffer, offset: UInt64(start), size: UInt64(part.count)),
                    data: part))
        }
        let read = try client.read(BufferCommand(queue: queue, buffer: buffer, offset: 0, size: UInt64(size)))
        #expect(read == bytes)
        #expect(client.receivesThroughMemory)
        // The first answers may be what the worker said by itself: when the session came, and when it was taken over.
        var used: Set<String> = []
        for _ in 0..<3 {
            guard case .status(let report)? = worker.control.ask(.reportStatus) else { return #expect(Bool(false)) }
            used.formUnion(report.usage.capabilities)
        }
        #expect(used == [InterfaceCapability.sharedMemory])
    }

    @Test("A client on the host that does not switch goes on over the socket")
    func staysOnSocket() throws {
        let worker = try TestWorker(.synthetic)
        let client = try TestClient(worker, isLocal: true)
        try client.takeOver()
        try client.send(.createContext(context), .createQueue(queue, context: context, properties: 0))
        #expect(try client.finish(queue).code == 0)
        #expect(!client.receivesThroughMemory)
        guard case .status(let report)? = worker.control.ask(.reportStatus) else { return #expect(Bool(false)) }
        #expect(report.usage.capabilities.isEmpty)
    }

    @Test("A client over TCP is offered no memory, and a switch ends its session")
    func refusesSwitch() throws {
        let worker = try TestWorker(.synthetic)
        let client = try TestClient(worker)
        #expect(!client.hasMemory)
        try client.switchToSharedMemory()
        #expect(throws: (any Error).self) { try client.finish(queue) }
        #expect(worker.awaitEnding() == .sessionClosed)
    }

    @Test("A client that leaves ends the worker at once, however the memory looks")
    func leaves() throws {
        let worker = try TestWorker(.synthetic)
        let client = try opened(worker, size: 4)
        #expect(try client.finish(queue).code == 0)
        client.close()
        #expect(worker.awaitEnding() == .sessionClosed)
    }

    @Test("A client that writes what it likes into the numbers ends its session only", arguments: [0, 64, 128])
    func lies(offset: Int) throws {
        let worker = try TestWorker(.synthetic)
        let client = try opened(worker, size: 4)
        #expect(try client.finish(queue).code == 0)
        let number = try #require(client.memory).number(offset)
        number.pointee.store(UInt64.max - 3, ordering: .releasing)
        client.sendRaw([0])
        // The worker's own numbers it keeps to itself: what is written over them it never reads.
        if offset != 0 { client.close() }
        #expect(worker.awaitEnding() == .sessionClosed)
    }

    @Test("A slice that changes reaches a client through the memory")
    func announces() throws {
        let worker = try TestWorker(.synthetic)
        let client = try opened(worker, size: 4)
        #expect(try client.finish(queue).code == 0)
        worker.control.send(
            .setLimit(Slice(memory: .mebibytes(32), compute: MilliShare(250)), Epoch(term: 1, counter: 6)))
        #expect(try client.nextSlice() == SessionSlice(memory: 32 << 20, compute: 250))
    }
}
