import COpenCL
import DeviceDrivers
import FleetModel
import OpenCLWorker
import RemotingCore
import Testing
import WorkerControl

@Suite("What waits for a user event")
struct UserEventTests {
    private static let context = ObjectID(rawValue: 1)
    private static let queue = ObjectID(rawValue: 2)
    private static let buffer = ObjectID(rawValue: 3)
    private static let user = ObjectID(rawValue: 10)

    private let worker: TestWorker
    private let client: TestClient

    init() throws {
        worker = try TestWorker(memory: .mebibytes(16))
        client = try TestClient(worker)
        try client.send(
            .createContext(Self.context), .createQueue(Self.queue, context: Self.context, properties: 0),
            .createBuffer(Self.buffer, context: Self.context, flags: 1, size: 64),
            .createUserEvent(Self.user, context: Self.context))
    }

    private func write(_ byte: UInt8, _ order: CommandOrder = CommandOrder()) -> OpenCLRequest {
        .writeBuffer(
            BufferCommand(queue: Self.queue, buffer: Self.buffer, offset: 0, size: 1, order: order), data: [byte])
    }

    private func read(_ queue: ObjectID) throws -> [UInt8] {
        try client.read(BufferCommand(queue: queue, buffer: Self.buffer, offset: 0, size: 1))
    }

    @Test("runs after it, with what comes later in its queue, and holds up no other queue")
    func waits() throws {
        let other = ObjectID(rawValue: 4)
        try client.send(
            .createQueue(other, context: Self.context, properties: 0), write(1),
            write(2, CommandOrder(waitFor: [Self.user])), write(3))
        #expect(try read(other) == [1])
        try client.send(.setUserEventStatus(Self.user, status: CL_COMPLETE))
        #expect(try read(Self.queue) == [3])
    }

    @Test("in a queue of any order only what follows a barrier waits with it")
    func outOfOrder() throws {
        let loose = ObjectID(rawValue: 5)
        let outOfOrder = UInt64(CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE)
        try client.send(.createQueue(loose, context: Self.context, properties: outOfOrder))
        func write(_ byte: UInt8, _ order: CommandOrder = CommandOrder()) -> OpenCLRequest {
            .writeBuffer(
                BufferCommand(queue: loose, buffer: Self.buffer, offset: 0, size: 1, order: order), data: [byte])
        }
        try client.send(write(1, CommandOrder(waitFor: [Self.user])), write(2))
        #expect(try read(Self.queue) == [2])
        try client.send(.marker(queue: loose, CommandOrder(), isBarrier: true), write(3))
        #expect(try read(Self.queue) == [2])
        try client.send(.setUserEventStatus(Self.user, status: CL_COMPLETE))
        #expect(try read(loose) == [3])
    }

    @Test("fails with it")
    func fails() throws {
        let event = ObjectID(rawValue: 11)
        try client.send(
            write(1), write(2, CommandOrder(waitFor: [Self.user], event: event)),
            .setUserEventStatus(Self.user, status: -5))
        guard case .eventStatus(_, let status) = try client.call({ .queryEvent($0, event) }) else {
            return #expect(Bool(false))
        }
        #expect(status.status == CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST)
        #expect(try read(Self.queue) == [1])
    }

    @Test("is known as queued; its event can be watched, and what was released meanwhile is still there for it")
    func watchesAndReleases() throws {
        let event = ObjectID(rawValue: 11)
        let copy = ObjectID(rawValue: 6)
        try client.send(
            .createBuffer(copy, context: Self.context, flags: 1, size: 64),
            .fillBuffer(BufferCommand(queue: Self.queue, buffer: copy, offset: 0, size: 64), pattern: [9]),
            .copyBuffer(
                BufferCopy(
                    queue: Self.queue, source: copy, destination: Self.buffer, sourceOffset: 0, destinationOffset: 0,
                    size: 1, order: CommandOrder(waitFor: [Self.user], event: event))),
            .release(.buffer, copy))
        guard case .eventStatus(_, let queued) = try client.call({ .queryEvent($0, event) }) else {
            return #expect(Bool(false))
        }
        #expect(queued.status == CL_QUEUED)
        try client.send(
            .watchEvent(CallID(rawValue: 99), event), .setUserEventStatus(Self.user, status: CL_COMPLETE))
        guard case .eventStatus(CallID(rawValue: 99), let ended) = try client.nextResponse() else {
            return #expect(Bool(false))
        }
        #expect(ended.status == CL_COMPLETE)
        #expect(try read(Self.queue) == [9])
        #expect(try client.finish(Self.queue) == Completion())
    }

    @Test("a launch has the arguments that it was enqueued with")
    func keepsArguments() throws {
        let (program, kernel) = (ObjectID(rawValue: 7), ObjectID(rawValue: 8))
        let source = Array("kernel void put(global uchar *x, uchar v) { x[0] = v; }".utf8)
        try client.send(.createProgram(program, context: Self.context), .appendSource(program: program, source[...]))
        _ = try client.call { .buildProgram($0, program: program, options: []) }
        func launch(_ order: CommandOrder) -> OpenCLRequest {
            .launchKernel(
                KernelLaunch(
                    queue: Self.queue, kernel: kernel, dimensions: 1, globalSize: SIMD3(1, 0, 0), order: order))
        }
        try client.send(
            .createKernel(kernel, program: program, name: "put"),
            .setArgument(kernel: kernel, index: 0, .buffer(Self.buffer)),
            .setArgument(kernel: kernel, index: 1, .value([4])), launch(CommandOrder(waitFor: [Self.user])),
            .setArgument(kernel: kernel, index: 1, .value([5])),
            .setUserEventStatus(Self.user, status: CL_COMPLETE))
        #expect(try read(Self.queue) == [4])
        try client.send(launch(CommandOrder()))
        #expect(try read(Self.queue) == [5])
    }
}
