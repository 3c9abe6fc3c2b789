import COpenCL
import Foundation
import Synchronization
import Testing

extension ClientSessionTests.ConformanceTests {
    private typealias Count = (ConformanceBench) -> cl_uint

    @Test("references are counted as they are taken and given back, of every kind of object")
    func references() throws {
        try Self.withBench { bench in
            let calls = bench.calls
            func count(_ ask: (Int, UnsafeMutableRawPointer?) -> cl_int) -> cl_uint {
                var count: cl_uint = 0
                return ask(4, &count) == CL_SUCCESS ? count : 999
            }
            let kinds: [(() -> cl_int, () -> cl_int, () -> cl_uint)] = [
                (
                    { calls.clRetainContext(bench.otherContext) }, { calls.clReleaseContext(bench.otherContext) },
                    {
                        count {
                            calls.clGetContextInfo(bench.otherContext, cl_uint(CL_CONTEXT_REFERENCE_COUNT), $0, $1, nil)
                        }
                    }
                ),
                (
                    { calls.clRetainCommandQueue(bench.queue) }, { calls.clReleaseCommandQueue(bench.queue) },
                    {
                        count {
                            calls.clGetCommandQueueInfo(bench.queue, cl_uint(CL_QUEUE_REFERENCE_COUNT), $0, $1, nil)
                        }
                    }
                ),
                (
                    { calls.clRetainMemObject(bench.buffer) }, { calls.clReleaseMemObject(bench.buffer) },
                    { count { calls.clGetMemObjectInfo(bench.buffer, cl_uint(CL_MEM_REFERENCE_COUNT), $0, $1, nil) } }
                ),
                (
                    { calls.clRetainSampler(bench.sampler) }, { calls.clReleaseSampler(bench.sampler) },
                    {
                        count {
                            calls.clGetSamplerInfo(bench.sampler, cl_uint(CL_SAMPLER_REFERENCE_COUNT), $0, $1, nil)
                        }
                    }
                ),
                (
                    { calls.clRetainProgram(bench.program) }, { calls.clReleaseProgram(bench.program) },
                    {
                        count {
                            calls.clGetProgramInfo(bench.program, cl_uint(CL_PROGRAM_REFERENCE_COUNT), $0, $1, nil)
                        }
                    }
                ),
                (
                    { calls.clRetainKernel(bench.kernel) }, { calls.clReleaseKernel(bench.kernel) },
                    { count { calls.clGetKernelInfo(bench.kernel, cl_uint(CL_KERNEL_REFERENCE_COUNT), $0, $1, nil) } }
                ),
                (
                    { calls.clRetainEvent(bench.event) }, { calls.clReleaseEvent(bench.event) },
                    { count { calls.clGetEventInfo(bench.event, cl_uint(CL_EVENT_REFERENCE_COUNT), $0, $1, nil) } }
                ),
            ]
            for (retain, release, count) in kinds {
                #expect(count() == 1)
                #expect(retain() == CL_SUCCESS && retain() == CL_SUCCESS)
                #expect(count() == 3)
                #expect(release() == CL_SUCCESS && release() == CL_SUCCESS)
                #expect(count() == 1)
            }
        }
    }

    @Test("objects live as long as others need them, in whatever order they are given back")
    func anyOrder() throws {
        try Self.withBench { bench in
            let calls = bench.calls
            var code: cl_int = 0
            var devices: [cl_device_id?] = [bench.device]
            let context = try #require(calls.clCreateContext(nil, 1, &devices, nil, nil, &code))
            let queue = try #require(calls.clCreateCommandQueue(context, bench.device, 0, &code))
            let program = try #require(
                ConformanceBench.makeProgram(calls, context, "kernel void f(global uint *x) { x[0] = 9; }"))
            #expect(calls.clBuildProgram(program, 0, nil, nil, nil, nil) == CL_SUCCESS)
            let kernel = try #require(calls.clCreateKernel(program, "f", &code))
            var buffer = calls.clCreateBuffer(context, 0, 64, nil, &code)
            #expect(calls.clSetKernelArg(kernel, 0, 8, &buffer) == CL_SUCCESS)
            // What they stand on first.
            #expect(calls.clReleaseContext(context) == CL_SUCCESS)
            #expect(calls.clReleaseProgram(program) == CL_SUCCESS)
            var size = 1
            var event: cl_event?
            #expect(calls.clEnqueueNDRangeKernel(queue, kernel, 1, nil, &size, nil, 0, nil, &event) == CL_SUCCESS)
            #expect(calls.clReleaseKernel(kernel) == CL_SUCCESS)
            var value: cl_uint = 0
            #expect(calls.clEnqueueReadBuffer(queue, buffer, 1, 0, 4, &value, 0, nil, nil) == CL_SUCCESS)
            #expect(value == 9)
            #expect(calls.clReleaseMemObject(buffer) == CL_SUCCESS)
            #expect(calls.clReleaseCommandQueue(queue) == CL_SUCCESS)
            var found: cl_command_queue?
            #expect(calls.clGetEventInfo(event, cl_event_info(CL_EVENT_COMMAND_QUEUE), 8, &found, nil) == CL_SUCCESS)
            #expect(found == queue)
            #expect(calls.clWaitForEvents(1, &event) == CL_SUCCESS)
            #expect(calls.clReleaseEvent(event) == CL_SUCCESS)
            #expect(calls.clFinish(queue) == CL_INVALID_COMMAND_QUEUE)
            #expect(calls.clReleaseContext(context) == CL_INVALID_CONTEXT)
        }
    }

    /// What callbacks were called with, and on which threads.
    private final class Calls: Sendable {
        let made = Mutex<[(mark: Int, thread: UInt)]>([])
        let any = DispatchSemaphore(value: 0)

        func note(_ mark: Int) {
            made.withLock { $0.append((mark, UInt(pthread_self()))) }
            any.signal()
        }

        /// The marks of the first `count`, in their order; throws unless they come within 20 s.
        func marks(_ count: Int) throws -> [Int] {
            for _ in 0..<count { try #require(any.wait(timeout: .now() + 20) == .success) }
            return made.withLock { $0.map(\.mark) }
        }
    }

    private static let calls = Calls()

    @Test("callbacks of every kind come once, in their order, on a thread of the library's")
    func callbacks() throws {
        try Self.withBench { bench in
            let calls = bench.calls
            var code: cl_int = 0
            let program = try #require(ConformanceBench.makeProgram(calls, bench.context, "kernel void f() {}"))
            #expect(calls.clSetProgramReleaseCallback(program, { _, _ in Self.calls.note(2) }, nil) == CL_SUCCESS)
            #expect(calls.clBuildProgram(program, 0, nil, nil, { _, _ in Self.calls.note(1) }, nil) == CL_SUCCESS)
            #expect(try Self.calls.marks(1) == [1])
            #expect(calls.clReleaseProgram(program) == CL_SUCCESS)
            #expect(try Self.calls.marks(1) == [1, 2])

            let buffer = calls.clCreateBuffer(bench.context, 0, 64, nil, &code)
            #expect(calls.clSetMemObjectDestructorCallback(buffer, { _, _ in Self.calls.note(4) }, nil) == CL_SUCCESS)
            #expect(calls.clSetMemObjectDestructorCallback(buffer, { _, _ in Self.calls.note(3) }, nil) == CL_SUCCESS)
            #expect(calls.clReleaseMemObject(buffer) == CL_SUCCESS)
            #expect(try Self.calls.marks(2) == [1, 2, 3, 4])

            var event: cl_event?
            #expect(calls.clEnqueueMarkerWithWaitList(bench.queue, 0, nil, &event) == CL_SUCCESS)
            #expect(
                calls.clSetEventCallback(event, CL_COMPLETE, { _, status, _ in Self.calls.note(5 + Int(status)) }, nil)
                    == CL_SUCCESS)
            #expect(try Self.calls.marks(1) == [1, 2, 3, 4, 5])
            #expect(calls.clReleaseEvent(event) == CL_SUCCESS)
            let failing = calls.clCreateUserEvent(bench.context, &code)
            #expect(
                calls.clSetEventCallback(failing, CL_COMPLETE, { _, status, _ in Self.calls.note(-Int(status)) }, nil)
                    == CL_SUCCESS)
            #expect(calls.clSetUserEventStatus(failing, -77) == CL_SUCCESS)
            #expect(try Self.calls.marks(1).last == 77)
            #expect(calls.clReleaseEvent(failing) == CL_SUCCESS)

            var devices: [cl_device_id?] = [bench.device]
            let context = calls.clCreateContext(nil, 1, &devices, nil, nil, &code)
            #expect(calls.clSetContextDestructorCallback(context, { _, _ in Self.calls.note(6) }, nil) == CL_SUCCESS)
            #expect(calls.clReleaseContext(context) == CL_SUCCESS)
            #expect(try Self.calls.marks(1).last == 6)
            let threads = Self.calls.made.withLock { Set($0.map(\.thread)) }
            #expect(threads.count == 1 && !threads.contains(UInt(pthread_self())))
        }
    }

    @Test("a child of the program has no session of its parent's, and does not keep that when the parent ends it")
    func forks() throws {
        // Swift's Glibc module has no fork(2).
        let symbol = try #require(dlsym(nil, "fork"))
        let fork = unsafeBitCast(symbol, to: (@convention(c) () -> pid_t).self)
        try Self.withBench { bench in
            let (calls, queue) = (bench.calls, bench.queue)
            let child = fork()
            if child == 0 {
                let code = calls.clFinish(queue)
                _ = calls.clReleaseCommandQueue(queue)
                // It lives on, as a program does that has become a daemon.
                if code == CL_DEVICE_NOT_AVAILABLE { sleep(60) }
                _exit(1)
            }
            try #require(child > 0)
            defer {
                kill(child, SIGKILL)
                waitpid(child, nil, 0)
            }
            #expect(calls.clFinish(queue) == CL_SUCCESS)
            var closed: Set<String> = []
            for _ in 0..<1_000 where closed.count < 2 {
                usleep(20_000)
                closed = try Self.sockets(of: "self").subtracting(Self.sockets(of: "\(child)"))
            }
            #expect(closed.count >= 2, "the session and the agent's connection are closed in the child")
            // Its call has returned once it sleeps for good.
            usleep(200_000)
            #expect(waitpid(child, nil, WNOHANG) == 0)
        }
    }

    /// The sockets that a process has open.
    private static func sockets(of process: String) throws -> Set<String> {
        let folder = "/proc/\(process)/fd"
        let targets = try FileManager.default.contentsOfDirectory(atPath: folder).compactMap {
            try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\($0)")
        }
        return Set(targets.filter { $0.hasPrefix("socket:") })
    }
}
