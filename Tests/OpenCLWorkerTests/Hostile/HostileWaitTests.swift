import COpenCL
import DeviceDrivers
import FleetModel
import Foundation
import OpenCLWorker
import RemotingCore
import Testing

@Suite("Wait lists of a hostile client, and its leaving")
struct HostileWaitTests {
    private static let (context, queue, buffer) = (ObjectID(rawValue: 1), ObjectID(rawValue: 2), ObjectID(rawValue: 3))
    private static let user = ObjectID(rawValue: 10)

    private func client(_ worker: TestWorker) throws -> TestClient {
        let client = try TestClient(worker)
        try client.send(
            .createContext(Self.context), .createQueue(Self.queue, context: Self.context, properties: 0),
            .createBuffer(Self.buffer, context: Self.context, flags: 1, size: 1 << 20),
            .createUserEvent(Self.user, context: Self.context))
        return client
    }

    private func marker(waitFor ids: [ObjectID], event: ObjectID = .none) -> OpenCLRequest {
        .marker(queue: Self.queue, CommandOrder(waitFor: ids, event: event), isBarrier: false)
    }

    @Test(
        "that wait for themselves, or for each other, fail: an event that is not there yet is none",
        arguments: HostileNameTests.devices)
    func cycles(device: DeviceSelector) throws {
        try besideHonestTenant { honest in
            let worker = try TestWorker(device)
            let client = try client(worker)
            let (first, second) = (ObjectID(rawValue: 20), ObjectID(rawValue: 21))
            func codes(_ request: OpenCLRequest) throws -> [Int32] {
                try client.codes(of: request, finishing: Self.queue)
            }
            #expect(try codes(marker(waitFor: [first], event: first)) == [CL_INVALID_EVENT_WAIT_LIST])
            #expect(try codes(marker(waitFor: [second], event: ObjectID(rawValue: 22))) == [CL_INVALID_EVENT_WAIT_LIST])
            // `first` exists now, as failed: what waits for it fails too.
            #expect(
                try codes(marker(waitFor: [first], event: second)) == [CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST])
            // Behind a user event a command that waits for a later one of its own queue has come before that.
            try client.send(
                marker(waitFor: [Self.user, ObjectID(rawValue: 31)], event: ObjectID(rawValue: 30)),
                marker(waitFor: [ObjectID(rawValue: 30)], event: ObjectID(rawValue: 31)),
                .setUserEventStatus(Self.user, status: CL_COMPLETE))
            #expect(
                try client.finish(Self.queue).deferred.map(\.code) == [
                    CL_INVALID_EVENT_WAIT_LIST, CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST,
                ])
            honest.expectProgress("during")
        }
    }

    @Test("are 4,096 long at most: a longer one is no message")
    func longest() throws {
        try besideHonestTenant { honest in
            let worker = try TestWorker(.synthetic)
            let client = try client(worker)
            let ids = [ObjectID](repeating: Self.user, count: OpenCLInterface.waitList)
            try client.send(marker(waitFor: ids), .setUserEventStatus(Self.user, status: CL_COMPLETE))
            #expect(try client.finish(Self.queue) == Completion())
            try client.send(marker(waitFor: ids + [Self.user]))
            #expect(worker.awaitEnding() == .sessionClosed)
            honest.expectProgress("during")
        }
    }

    @Test("that keep commands back keep so many, and no more")
    func unbounded() throws {
        try besideHonestTenant { honest in
            let worker = try TestWorker(.synthetic)
            let client = try client(worker)
            let kept = 16_384
            let sent = kept + 40
            func event(_ index: Int) -> ObjectID { ObjectID(rawValue: 1_000 + UInt64(index)) }
            for index in 0..<sent { try client.send(marker(waitFor: [Self.user], event: event(index))) }
            func status(of index: Int) throws -> Int32 {
                guard case .eventStatus(_, let status) = try client.call({ .queryEvent($0, event(index)) }) else {
                    return 1
                }
                return status.status
            }
            #expect(try status(of: kept - 1) == CL_QUEUED)
            #expect(try status(of: kept) == CL_OUT_OF_RESOURCES)
            #expect(try status(of: sent - 1) == CL_OUT_OF_RESOURCES)
            honest.expectProgress("during")
            try client.send(.setUserEventStatus(Self.user, status: CL_COMPLETE))
            _ = try client.finish(Self.queue)
            #expect(try status(of: kept - 1) == CL_COMPLETE)
        }
    }

    @Test(
        "and a client that leaves in the midst of its commands takes its worker along, and nothing else",
        arguments: [true, false])
    func leaves(endsItself: Bool) throws {
        try besideHonestTenant(inProcess: true) { honest in
            let worker = try TestWorkerProcess()
            let client = try TestClient(port: worker.endpoint.port)
            let (program, kernel) = (ObjectID(rawValue: 6), ObjectID(rawValue: 7))
            let source = Array("kernel void spin(global volatile uint *x) { while (x[0] != 77) {} }".utf8)
            try client.send(
                .createContext(Self.context), .createQueue(Self.queue, context: Self.context, properties: 0),
                .createBuffer(Self.buffer, context: Self.context, flags: 1, size: 1 << 20),
                .createUserEvent(Self.user, context: Self.context), .createProgram(program, context: Self.context),
                .appendSource(program: program, source[...]))
            _ = try client.call { .buildProgram($0, program: program, options: []) }
            let everything = BufferCommand(queue: Self.queue, buffer: Self.buffer, offset: 0, size: 16 << 10)
            let launch = KernelLaunch(queue: Self.queue, kernel: kernel, dimensions: 1, globalSize: SIMD3(1, 0, 0))
            try client.send(
                .createKernel(kernel, program: program, name: "spin"),
                .setArgument(kernel: kernel, index: 0, .buffer(Self.buffer)), .launchKernel(launch),
                .flush(queue: Self.queue))
            for _ in 0..<8 {
                try client.send(
                    .writeBuffer(everything, data: [UInt8](repeating: 1, count: 16 << 10)[...]),
                    .launchKernel(launch))
            }
            try client.send(
                .readBuffer(CallID(rawValue: 900), everything),
                .marker(queue: Self.queue, CommandOrder(waitFor: [Self.user]), isBarrier: true),
                .readBuffer(CallID(rawValue: 901), everything), .finish(CallID(rawValue: 902), queue: Self.queue))
            honest.expectProgress("during")
            if endsItself { client.close() } else { worker.kill() }
            #expect(worker.awaitEnd())
            honest.expectProgress("once it has left")
        }
    }
}
