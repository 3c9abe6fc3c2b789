import COpenCL
import RemotingCore
import Testing

/// Answers what waits as a worker does for which everything succeeds; reads with `byte`.
private func succeed(_ request: OpenCLRequest, byte: UInt8 = 0) -> ScriptedWorker.Reaction {
    switch request {
    case .finish(let call, _), .waitForEvents(let call, _): return .answer([.completed(call, Completion())])
    case .readBuffer(let call, let command):
        var responses: [OpenCLResponse] = []
        for start in stride(from: 0, to: Int(command.size), by: OpenCLInterface.chunk) {
            let count = min(OpenCLInterface.chunk, Int(command.size) - start)
            responses.append(
                .readData(call, offset: UInt64(start), data: [UInt8](repeating: byte, count: count)[...]))
        }
        return .answer(responses + [.completed(call, Completion())])
    case .queryEvent(let call, _), .watchEvent(let call, _):
        return .answer([.eventStatus(call, EventStatus(status: CL_COMPLETE))])
    default: return .nothing
    }
}

@Suite("The client library against a worker that does as it is told", .serialized)
struct ClientSessionTests {
    @Test("A call that the specification lets return returns, whatever the worker does", arguments: [false, true])
    func doesNotWait(sharesMemory: Bool) throws {
        // The worker does not read before everything was asked.
        let fixture = try ClientFixture(sharesMemory: sharesMemory, begins: false) { succeed($0) }
        defer { fixture.end() }
        let (context, queue) = try fixture.queue()
        let buffer = try fixture.buffer(context, size: 64)
        let bytes = [UInt8](repeating: 9, count: 64)
        #expect(fixture.calls.clEnqueueWriteBuffer(queue, buffer, 1, 0, 64, bytes, 0, nil, nil) == CL_SUCCESS)
        for _ in 0..<100 {
            #expect(fixture.calls.clEnqueueMarkerWithWaitList(queue, 0, nil, nil) == CL_SUCCESS)
        }
        fixture.worker.begin()
        #expect(fixture.calls.clFinish(queue) == CL_SUCCESS)
        let kinds = fixture.worker.requests.map(\.kind)
        #expect(kinds == [1, 2, 3, 10] + Array(repeating: 15, count: 100) + [17])
        #expect(fixture.worker.usesMemory == sharesMemory)
    }

    @Test("A read of several pieces arrives whole", arguments: [false, true])
    func reads(sharesMemory: Bool) throws {
        let fixture = try ClientFixture(sharesMemory: sharesMemory) { succeed($0, byte: 5) }
        defer { fixture.end() }
        let (context, queue) = try fixture.queue()
        let size = 600_000
        let buffer = try fixture.buffer(context, size: size)
        var bytes = [UInt8](repeating: 0, count: size + 1)
        #expect(fixture.calls.clEnqueueReadBuffer(queue, buffer, 1, 0, size, &bytes, 0, nil, nil) == CL_SUCCESS)
        #expect(bytes[..<size].allSatisfy { $0 == 5 })
        #expect(bytes[size] == 0)
    }

    @Test("An error of an earlier command comes with the next call that waits, once")
    func defers() throws {
        let fixture = try ClientFixture { request in
            guard case .finish(let call, let queue) = request else { return succeed(request) }
            let error = DeferredError(request: 15, object: queue, code: CL_OUT_OF_RESOURCES)
            return .answer([.completed(call, Completion(deferred: call.rawValue == 1 ? [error] : []))])
        }
        defer { fixture.end() }
        let (_, queue) = try fixture.queue()
        #expect(fixture.calls.clFinish(queue) == CL_OUT_OF_RESOURCES)
        #expect(fixture.calls.clFinish(queue) == CL_SUCCESS)
    }

    @Test("A worker that leaves fails the call that waits, and every later one at once", arguments: [false, true])
    func loses(sharesMemory: Bool) throws {
        let fixture = try ClientFixture(sharesMemory: sharesMemory) { request in
            if case .finish = request { .leave } else { .nothing }
        }
        defer { fixture.end() }
        let (_, queue) = try fixture.queue()
        #expect(fixture.calls.clFinish(queue) == CL_DEVICE_NOT_AVAILABLE)
        #expect(fixture.calls.clFlush(queue) == CL_DEVICE_NOT_AVAILABLE)
        #expect(fixture.calls.clEnqueueMarkerWithWaitList(queue, 0, nil, nil) == CL_DEVICE_NOT_AVAILABLE)
        #expect(fixture.calls.clReleaseCommandQueue(queue) == CL_SUCCESS)
    }

    /// What a worker that is broken may answer a read of 8 bytes with.
    enum Lie: CaseIterable {
        case garbage, anotherCall, anotherOffset, tooMuch, tooLittle
    }

    @Test(
        "A worker that answers wrongly is left, and touches nothing beyond what was asked for", arguments: Lie.allCases)
    func doubts(lie: Lie) throws {
        let fixture = try ClientFixture { request in
            guard case .readBuffer(let call, _) = request else { return .nothing }
            let other = CallID(rawValue: call.rawValue + 1)
            return switch lie {
            case .garbage: .send([UInt8](repeating: 0xFF, count: 40))
            case .anotherCall: .answer([.completed(other, Completion())])
            case .anotherOffset: .answer([.readData(call, offset: 4, data: [1, 1, 1, 1])])
            case .tooMuch: .answer([.readData(call, offset: 0, data: [UInt8](repeating: 1, count: 9)[...])])
            case .tooLittle: .answer([.readData(call, offset: 0, data: [1]), .completed(call, Completion())])
            }
        }
        defer { fixture.end() }
        let (context, queue) = try fixture.queue()
        let buffer = try fixture.buffer(context, size: 8)
        var bytes = [UInt8](repeating: 7, count: 16)
        #expect(
            fixture.calls.clEnqueueReadBuffer(queue, buffer, 1, 0, 8, &bytes, 0, nil, nil) == CL_DEVICE_NOT_AVAILABLE)
        #expect(bytes[8...].allSatisfy { $0 == 7 })
    }

    @Test("A worker that says that more requests have ended than were sent is at fault", arguments: [3, 4] as [UInt64])
    func checksCompleted(number: UInt64) throws {
        let fixture = try ClientFixture { request in
            guard case .finish(let call, _) = request else { return succeed(request) }
            return .complete(number, .completed(call, Completion()))
        }
        defer { fixture.end() }
        // Context, queue and finish are three.
        let (_, queue) = try fixture.queue()
        #expect(fixture.calls.clFinish(queue) == (number == 3 ? CL_SUCCESS : CL_DEVICE_NOT_AVAILABLE))
    }

    @Test("A handle that names nothing is refused, and so is one of another kind or of an object that is gone")
    func handles() throws {
        let fixture = try ClientFixture { succeed($0) }
        defer { fixture.end() }
        let (context, queue) = try fixture.queue()
        #expect(fixture.calls.clFinish(nil) == CL_INVALID_COMMAND_QUEUE)
        #expect(fixture.calls.clFinish(context) == CL_INVALID_COMMAND_QUEUE)
        var queues = [queue]
        for _ in 0..<500 {
            queues.append(try #require(fixture.calls.clCreateCommandQueue(context, fixture.device, 0, nil)))
        }
        for queue in queues { #expect(fixture.calls.clFinish(queue) == CL_SUCCESS) }
        for queue in queues.dropFirst() { #expect(fixture.calls.clReleaseCommandQueue(queue) == CL_SUCCESS) }
        #expect(fixture.calls.clFinish(queue) == CL_SUCCESS)
        #expect(fixture.calls.clFinish(queues[250]) == CL_INVALID_COMMAND_QUEUE)
    }
}
