import COpenCL
import Foundation
import RemotingCore
import Testing

extension ClientSessionTests {
    /// Copies of the library, since one looks only once how many virtual GPUs it is to ask for.
    @Suite("A program with several virtual GPUs")
    struct SeveralGPUs {
        @Test("sees a device for each, whose context, queue and buffers are its session's", arguments: [false, true])
        func works(sharesMemory: Bool) throws {
            let fixture = try PairFixture(sharesMemory: sharesMemory)
            defer { fixture.end() }
            let calls = fixture.calls
            try #require(fixture.devices.count == 2)
            #expect(fixture.agent.asked == [.openSession(HandOverDemand(gpus: 2))])
            for (index, device) in fixture.devices.enumerated() {
                let (context, queue) = try fixture.queue(on: index)
                let buffer = try fixture.buffer(context)
                let size = PairFixture.bufferSize
                var bytes = [UInt8](repeating: 0, count: size)
                #expect(calls.clEnqueueReadBuffer(queue, buffer, 1, 0, size, &bytes, 0, nil, nil) == CL_SUCCESS)
                #expect(bytes.allSatisfy { $0 == UInt8(index + 1) })
                var found: cl_device_id?
                #expect(calls.clGetContextInfo(context, cl_uint(CL_CONTEXT_DEVICES), 8, &found, nil) == CL_SUCCESS)
                #expect(found == device)
                found = nil
                #expect(calls.clGetCommandQueueInfo(queue, cl_uint(CL_QUEUE_DEVICE), 8, &found, nil) == CL_SUCCESS)
                #expect(found == device)
            }
            #expect(fixture.agent.asked.count == 1)
        }

        @Test("gets a context on one of them, the first where it names a type, and none on two")
        func contexts() throws {
            let fixture = try PairFixture()
            defer { fixture.end() }
            let (calls, devices) = (fixture.calls, fixture.devices)
            var code: cl_int = 0
            var both: [cl_device_id?] = [devices[0], devices[1]]
            var refused = calls.clCreateContext(nil, 2, &both, nil, nil, &code)
            #expect(refused == nil && code == CL_INVALID_DEVICE)
            var same: [cl_device_id?] = [devices[1], devices[1]]
            #expect(calls.clCreateContext(nil, 2, &same, nil, nil, &code) != nil)
            let chosen = calls.clCreateContextFromType(nil, cl_device_type(0xFFFF_FFFF), nil, nil, &code)
            var found: cl_device_id?
            #expect(calls.clGetContextInfo(chosen, cl_uint(CL_CONTEXT_DEVICES), 8, &found, nil) == CL_SUCCESS)
            #expect(found == devices[0])
            refused = calls.clCreateCommandQueue(chosen, devices[1], 0, &code)
            #expect(refused == nil && code == CL_INVALID_DEVICE)
            var count: cl_uint = 0
            let isDefault = cl_device_type(CL_DEVICE_TYPE_DEFAULT)
            #expect(calls.clGetDeviceIDs(fixture.platform, isDefault, 0, nil, &count) == CL_SUCCESS)
            #expect(count == 1)
        }

        @Test("does not use with one what is of the other")
        func keepsApart() throws {
            let fixture = try PairFixture()
            defer { fixture.end() }
            let calls = fixture.calls
            let (context, queue) = try fixture.queue(on: 0)
            let (otherContext, otherQueue) = try fixture.queue(on: 1)
            var event: cl_event?
            #expect(calls.clEnqueueMarkerWithWaitList(queue, 0, nil, &event) == CL_SUCCESS)
            #expect(calls.clEnqueueMarkerWithWaitList(otherQueue, 1, &event, nil) == CL_INVALID_CONTEXT)
            var code: cl_int = 0
            let program = try "kernel void f(global uint *x) {}".withCString { text in
                var text: UnsafePointer<CChar>? = text
                return try #require(calls.clCreateProgramWithSource(context, 1, &text, nil, &code))
            }
            var other: cl_device_id? = fixture.devices[1]
            #expect(calls.clBuildProgram(program, 1, &other, nil, nil, nil) == CL_INVALID_DEVICE)
            #expect(calls.clBuildProgram(program, 0, nil, nil, nil, nil) == CL_SUCCESS)
            let kernel = try #require(calls.clCreateKernel(program, "f", &code))
            var buffer: cl_mem? = try fixture.buffer(otherContext)
            #expect(calls.clSetKernelArg(kernel, 0, 8, &buffer) == CL_INVALID_MEM_OBJECT)
            buffer = try fixture.buffer(context)
            #expect(calls.clSetKernelArg(kernel, 0, 8, &buffer) == CL_SUCCESS)
        }

        @Test("loses one without the other, and has that one alone asked for again", arguments: [0, 1])
        func loses(lost: Int) throws {
            let fixture = try PairFixture(spareOf: lost)
            defer { fixture.end() }
            let calls = fixture.calls
            let queues = [try fixture.queue(on: 0).1, try fixture.queue(on: 1).1]
            fixture.workers[lost].end()
            #expect(calls.clFinish(queues[lost]) == CL_DEVICE_NOT_AVAILABLE)
            #expect(calls.clFinish(queues[1 - lost]) == CL_SUCCESS)
            var size: cl_ulong = 0
            let device = fixture.devices[lost]
            #expect(calls.clGetDeviceInfo(device, cl_uint(CL_DEVICE_GLOBAL_MEM_SIZE), 8, &size, nil) == CL_SUCCESS)
            #expect(fixture.agent.asked.count == 1)
            let again = try fixture.queue(on: lost).1
            #expect(calls.clFinish(again) == CL_SUCCESS)
            #expect(calls.clFinish(queues[1 - lost]) == CL_SUCCESS)
            let demand = HandOverDemand(firstGPU: UInt8(lost), gpus: 1)
            try #require(fixture.agent.asked.count == 2)
            #expect(fixture.agent.asked[1] == .openSession(demand))
        }

        @Test("goes on with one while the agent takes its time with another that was lost")
        func goesOn() throws {
            let signal = DispatchSemaphore(value: 0)
            let fixture = try PairFixture(spareOf: 1, after: signal)
            defer { fixture.end() }
            let queues = [try fixture.queue(on: 0).1, try fixture.queue(on: 1).1]
            fixture.workers[1].end()
            #expect(fixture.calls.clFinish(queues[1]) == CL_DEVICE_NOT_AVAILABLE)
            let done = DispatchSemaphore(value: 0)
            Thread.detachNewThread {
                var device: cl_device_id? = fixture.devices[1]
                _ = fixture.calls.clCreateContext(nil, 1, &device, nil, nil, nil)
                done.signal()
            }
            for _ in 0..<2 { #expect(fixture.agent.isAsked.wait(timeout: .now() + 60) == .success) }
            #expect(fixture.calls.clFinish(queues[0]) == CL_SUCCESS)
            #expect(done.wait(timeout: .now()) == .timedOut, "the agent has not answered")
            signal.signal()
            #expect(done.wait(timeout: .now() + 60) == .success)
        }

        private static let called = DispatchSemaphore(value: 0)

        @Test("is called back about an event of one while it waits for one of the other")
        func callsBack() throws {
            let fixture = try PairFixture(endsEvents: [false, true])
            defer { fixture.end() }
            for index in 0..<2 {
                let (_, queue) = try fixture.queue(on: index)
                var event: cl_event?
                #expect(fixture.calls.clEnqueueMarkerWithWaitList(queue, 0, nil, &event) == CL_SUCCESS)
                let code = fixture.calls.clSetEventCallback(
                    event, CL_COMPLETE, { _, _, _ in _ = SeveralGPUs.called.signal() }, nil)
                #expect(code == CL_SUCCESS)
            }
            #expect(Self.called.wait(timeout: .now() + 20) == .success)
        }

        /// What may come where the session of the second virtual GPU should.
        private enum Fault: CaseIterable {
            case refusal, end, garbage, sessionOfOne, wrongNumber, missingDescriptor, otherVersion, wrongInformation

            /// The second reply, with a descriptor.
            func reply(_ descriptor: CInt) -> FakeAgent.Reply {
                var session = ScriptedWorker.session
                if self == .otherVersion { session.interfaceVersion = "0.0.1" }
                if self == .wrongInformation { session.deviceInformation = [1] }
                let reply: HandOverReply =
                    switch self {
                    case .refusal: .refused("no")
                    case .sessionOfOne: .session(session)
                    case .wrongNumber: .sessionOf(session, remaining: 1, descriptors: 1)
                    case .missingDescriptor: .sessionOf(session, remaining: 0, descriptors: 2)
                    default: .sessionOf(session, remaining: 0, descriptors: 1)
                    }
                let bytes = self == .garbage ? [UInt8](repeating: 0xFF, count: 40) : reply.encoded()
                return FakeAgent.Reply(bytes: bytes, descriptors: [descriptor])
            }
        }

        @Test("gets none where it does not get all, and keeps nothing of what came")
        func takesAllOrNone() throws {
            let first = HandOverReply.sessionOf(ScriptedWorker.session, remaining: 1, descriptors: 1).encoded()
            var library: (cl_platform_id, cl_icd_dispatch)?
            for fault in Fault.allCases {
                let (one, other) = (Self.connection(), Self.connection())
                defer { for end in [one.worker, other.worker] { close(end) } }
                let leaves = fault == .end
                var answer = [FakeAgent.Reply(bytes: first, descriptors: [one.program], isLast: leaves)]
                if leaves { close(other.program) } else { answer.append(fault.reply(other.program)) }
                let agent = try FakeAgent(answering: [answer])
                defer { agent.end() }
                let (platform, calls) = try library ?? LoadedPlatform.copy(gpus: "2")
                library = (platform, calls)
                var count: cl_uint = 0
                let code = calls.clGetDeviceIDs(platform, cl_device_type(0xFFFF_FFFF), 0, nil, &count)
                #expect(code == CL_DEVICE_NOT_FOUND, "\(fault)")
                #expect(agent.asked.count == 1, "\(fault)")
                #expect(Self.isClosed(one.worker) && Self.isClosed(other.worker), "\(fault)")
            }
        }

        @Test("asks for one, as ever, where it is told a number that cannot be", arguments: ["0", "17", "two"])
        func countsAsOne(gpus: String) throws {
            let worker = ScriptedWorker(sharesMemory: false) { _ in .nothing }
            let agent = try FakeAgent(handingOver: worker.programEnd, ScriptedWorker.session)
            worker.begin()
            defer {
                agent.end()
                worker.end()
            }
            let (platform, calls) = try LoadedPlatform.copy(gpus: gpus)
            var count: cl_uint = 0
            #expect(calls.clGetDeviceIDs(platform, cl_device_type(0xFFFF_FFFF), 0, nil, &count) == CL_SUCCESS)
            #expect(count == 1)
            #expect(agent.asked == [.openSession(HandOverDemand())])
        }

        private static func connection() -> (program: CInt, worker: CInt) {
            var ends: [CInt] = [-1, -1]
            socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends)
            return (ends[0], ends[1])
        }

        /// Whether the other end is closed, within 20 s.
        private static func isClosed(_ descriptor: CInt) -> Bool {
            var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            var bytes = [UInt8](repeating: 0, count: 4_096)
            while poll(&entry, 1, 20_000) > 0 {
                if recv(descriptor, &bytes, bytes.count, 0) <= 0 { return true }
            }
            return false
        }
    }
}

/// A copy of the library that wants two virtual GPUs, with a worker for each and an agent that hands both over at once.
///
/// Sendable without a lock: nothing in it changes, and OpenCL's handles and calls are for all threads.
private final class PairFixture: @unchecked Sendable {
    /// The first reads with 1, the second with 2.
    let workers: [ScriptedWorker]
    let agent: FakeAgent
    let platform: cl_platform_id
    let calls: cl_icd_dispatch
    let devices: [cl_device_id]
    private let spare: ScriptedWorker

    static let bufferSize = 8

    /// - Parameters:
    ///   - endsEvents: whether the events that are watched end, of each.
    ///   - spareOf: whose place another worker takes that the agent hands over when it is asked once more.
    ///   - signal: what the agent waits for before it does.
    init(
        sharesMemory: Bool = false, endsEvents: [Bool] = [true, true], spareOf lost: Int = 0,
        after signal: DispatchSemaphore? = nil
    ) throws {
        workers = [1, 2].map { byte in
            ScriptedWorker(
                sharesMemory: sharesMemory, PairFixture.script(byte: UInt8(byte), endsEvents: endsEvents[byte - 1]))
        }
        spare = ScriptedWorker(sharesMemory: sharesMemory, Self.script(byte: 3, endsEvents: true))
        let both = [Self.reply(workers[0], remaining: 1), Self.reply(workers[1], remaining: 0)]
        // Of the first virtual GPU alone a request says no number, nor does the reply.
        var again =
            lost == 0
            ? FakeAgent.Reply(
                bytes: HandOverReply.session(ScriptedWorker.session).encoded(), descriptors: spare.programEnd)
            : Self.reply(spare, remaining: 0)
        again.signal = signal
        agent = try FakeAgent(answering: [both, [again]])
        for worker in workers + [spare] { worker.begin() }
        let (platform, calls) = try LoadedPlatform.copy(gpus: "2")
        var found = [cl_device_id?](repeating: nil, count: 4)
        var count: cl_uint = 0
        try #require(
            calls.clGetDeviceIDs(platform, cl_device_type(0xFFFF_FFFF), 4, &found, &count) == CL_SUCCESS)
        devices = found.prefix(Int(count)).compactMap { $0 }
        (self.platform, self.calls) = (platform, calls)
    }

    func end() {
        agent.end()
        for worker in workers + [spare] { worker.end() }
    }

    func queue(on index: Int) throws -> (cl_context, cl_command_queue) {
        var code: cl_int = 0
        let device = devices[index]
        var list: [cl_device_id?] = [device]
        let context = try #require(calls.clCreateContext(nil, 1, &list, nil, nil, &code))
        return (context, try #require(calls.clCreateCommandQueue(context, device, 0, &code)))
    }

    func buffer(_ context: cl_context) throws -> cl_mem {
        var code: cl_int = 0
        return try #require(
            calls.clCreateBuffer(context, cl_mem_flags(CL_MEM_READ_WRITE), Self.bufferSize, nil, &code))
    }

    private static func reply(_ worker: ScriptedWorker, remaining: UInt8) -> FakeAgent.Reply {
        let descriptors = worker.programEnd
        let reply = HandOverReply.sessionOf(
            ScriptedWorker.session, remaining: remaining, descriptors: UInt8(descriptors.count))
        return FakeAgent.Reply(bytes: reply.encoded(), descriptors: descriptors)
    }

    /// Everything succeeds; every program has the kernel `f` of one buffer.
    private static func script(byte: UInt8, endsEvents: Bool) -> ScriptedWorker.Script {
        { request in
            switch request {
            case .finish(let call, _): return .answer([.completed(call, Completion())])
            case .readBuffer(let call, let command):
                let data = [UInt8](repeating: byte, count: Int(command.size))
                return .answer([.readData(call, offset: 0, data: data[...]), .completed(call, Completion())])
            case .buildProgram(let call, _, _):
                let argument = KernelArgumentDescription(
                    addressQualifier: UInt32(CL_KERNEL_ARG_ADDRESS_GLOBAL),
                    accessQualifier: UInt32(CL_KERNEL_ARG_ACCESS_NONE), typeName: "uint*")
                let kernel = KernelDescription(name: "f", arguments: [argument])
                return .answer([.programBuilt(call, ProgramBuild(code: 0, kernels: [kernel]))])
            case .watchEvent(let call, _) where endsEvents:
                return .answer([.eventStatus(call, EventStatus(status: CL_COMPLETE))])
            default: return .nothing
            }
        }
    }
}
