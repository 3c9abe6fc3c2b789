import COpenCL
import DeviceDrivers
import FleetModel
import Foundation
import RemotingCore
import Testing

/// What a kernel or its source does is done in the worker's process, on PoCL; these are processes, as a GPU server starts
/// them.
@Suite("Programs of a hostile client", .serialized)
struct HostileProgramTests {
    private static let (context, queue, buffer) = (ObjectID(rawValue: 1), ObjectID(rawValue: 2), ObjectID(rawValue: 3))
    private static let (program, kernel) = (ObjectID(rawValue: 4), ObjectID(rawValue: 5))

    private func client(_ worker: TestWorkerProcess) throws -> TestClient {
        let client = try TestClient(port: worker.endpoint.port)
        try client.send(
            .createContext(Self.context), .createQueue(Self.queue, context: Self.context, properties: 0),
            .createBuffer(Self.buffer, context: Self.context, flags: 1, size: 4_096))
        return client
    }

    private func send(_ source: String, to client: TestClient) throws {
        let bytes = Array(source.utf8)
        try client.send(.createProgram(Self.program, context: Self.context))
        for start in stride(from: 0, to: bytes.count, by: OpenCLInterface.chunk) {
            try client.send(
                .appendSource(
                    program: Self.program, bytes[start..<min(start + OpenCLInterface.chunk, bytes.count)]))
        }
    }

    /// The code of a build.
    private func build(_ source: String, on client: TestClient) throws -> Int32 {
        try send(source, to: client)
        guard
            case .programBuilt(_, let build) = try client.call({
                .buildProgram($0, program: Self.program, options: [])
            })
        else { throw TestClient.Failure.unexpected("no build") }
        return build.code
    }

    /// Macros of which each is the one before twice: 2^`depth` additions.
    private static func doublingMacros(_ depth: Int) -> String {
        let macros = (1...depth).map { "#define A\($0) A\($0 - 1)+A\($0 - 1)" }
        return (["#define A0 x[0]"] + macros).joined(separator: "\n")
            + "\nkernel void f(global int *x) { x[0] = A\(depth); }"
    }

    @Test("that make a compiler take all memory get so much, and fail: the session goes on")
    func compilerBomb() throws {
        try besideHonestTenant(inProcess: true) { honest in
            let worker = try TestWorkerProcess(environment: ["PRESYNC_BUILD_MEMORY": String(192 << 20)])
            let client = try client(worker)
            #expect(try build(Self.doublingMacros(40), on: client) == CL_BUILD_PROGRAM_FAILURE)
            honest.expectProgress("during")
            #expect(try client.finish(Self.queue).code == CL_SUCCESS)
            #expect(worker.isRunning)
        }
    }

    @Test("that crash a compiler fail, with a log that says so: the session goes on, and builds others")
    func compilerCrash() throws {
        // A compiler that goes down an expression by recursion needs stack for each of its signs.
        let signs = String(repeating: "- ", count: 1_500_000)
        try besideHonestTenant(inProcess: true) { honest in
            let worker = try TestWorkerProcess()
            let client = try client(worker)
            try send("kernel void f(global int *x) { x[0] = \(signs)1; }", to: client)
            guard
                case .programBuilt(_, let failed) = try client.call({
                    .buildProgram($0, program: Self.program, options: [])
                })
            else { return #expect(Bool(false)) }
            #expect(failed.code == CL_BUILD_PROGRAM_FAILURE)
            #expect(String(decoding: failed.log, as: UTF8.self).contains("The compiler ended by signal"))
            honest.expectProgress("during")
            #expect(try client.finish(Self.queue).code == CL_SUCCESS)
            try client.send(.release(.program, Self.program))
            #expect(try build("kernel void f() {}", on: client) == CL_SUCCESS)
        }
    }

    @Test(
        "that write where they have no memory end their own worker, or write into its own memory",
        arguments: ["x[1l << 44] = 1;", "*(global int *)8 = 1;"])
    func outOfBounds(statement: String) throws {
        try besideHonestTenant(inProcess: true) { honest in
            let worker = try TestWorkerProcess()
            let client = try client(worker)
            #expect(try build("kernel void f(global int *x) { \(statement) }", on: client) == CL_SUCCESS)
            try client.send(
                .createKernel(Self.kernel, program: Self.program, name: "f"),
                .setArgument(kernel: Self.kernel, index: 0, .buffer(Self.buffer)),
                .launchKernel(
                    KernelLaunch(queue: Self.queue, kernel: Self.kernel, dimensions: 1, globalSize: SIMD3(1, 0, 0))))
            #expect(throws: (any Error).self) { try client.finish(Self.queue) }
            #expect(worker.awaitEnd())
            honest.expectProgress("during")
        }
    }

    @Test("without end hold up nobody else's, and their client's leaving ends them")
    func endless() throws {
        try besideHonestTenant(inProcess: true) { honest in
            let worker = try TestWorkerProcess()
            let client = try client(worker)
            #expect(
                try build("kernel void f(global volatile int *x) { while (x[0] == 0) {} }", on: client) == CL_SUCCESS)
            try client.send(
                .fillBuffer(BufferCommand(queue: Self.queue, buffer: Self.buffer, offset: 0, size: 4), pattern: [0]),
                .createKernel(Self.kernel, program: Self.program, name: "f"),
                .setArgument(kernel: Self.kernel, index: 0, .buffer(Self.buffer)),
                .launchKernel(
                    KernelLaunch(queue: Self.queue, kernel: Self.kernel, dimensions: 1, globalSize: SIMD3(1, 0, 0))),
                .finish(CallID(rawValue: 90), queue: Self.queue))
            honest.expectProgress("during")
            #expect(worker.isRunning)
            client.close()
            #expect(worker.awaitEnd())
        }
    }

    #if arch(x86_64)
        @Test(
            "that run machine code send no signal to another process, by any of the calls for it, nor leave the worker's"
        )
        func signals() throws {
            try besideHonestTenant(inProcess: true) { honest in
                let other = try TestWorkerProcess()
                let worker = try TestWorkerProcess()
                let client = try client(worker)
                // kill, tkill, tgkill, rt_sigqueueinfo and rt_tgsigqueueinfo, where signal 0 asks whether one could be
                // sent; setsid and setpgid.
                let source = #"""
                    long ask(long call, long first, long second, long third, long fourth) {
                        long answer;
                        __asm__ volatile("mov %5, %%r10\nsyscall" : "=a"(answer)
                            : "a"(call), "D"(first), "S"(second), "d"(third), "r"(fourth)
                            : "rcx", "r10", "r11", "memory");
                        return answer;
                    }
                    kernel void f(global long *x, int process) {
                        x[0] = ask(62, process, 0, 0, 0);
                        x[1] = ask(200, process, 0, 0, 0);
                        x[2] = ask(234, process, process, 0, 0);
                        x[3] = ask(129, process, 0, (long)x, 0);
                        x[4] = ask(297, process, process, 0, (long)x);
                        x[5] = ask(112, 0, 0, 0, 0);
                        x[6] = ask(109, 0, 0, 0, 0);
                    }
                    """#
                #expect(try build(source, on: client) == CL_SUCCESS)
                try client.send(
                    .createKernel(Self.kernel, program: Self.program, name: "f"),
                    .setArgument(kernel: Self.kernel, index: 0, .buffer(Self.buffer)),
                    .setArgument(
                        kernel: Self.kernel, index: 1, .value(withUnsafeBytes(of: other.processID) { Array($0) }[...])),
                    .launchKernel(
                        KernelLaunch(
                            queue: Self.queue, kernel: Self.kernel, dimensions: 1, globalSize: SIMD3(1, 0, 0))))
                let answers = try client.read(
                    BufferCommand(queue: Self.queue, buffer: Self.buffer, offset: 0, size: 56))
                let refusal = withUnsafeBytes(of: Int64(-EPERM)) { Array($0) }
                #expect(answers == Array((0..<7).map { _ in refusal }.joined()))
                honest.expectProgress("during")
            }
        }
    #endif

    @Test("do not learn what another session's process has in its environment")
    func otherProcesses() throws {
        try besideHonestTenant(inProcess: true) { honest in
            let other = try TestWorkerProcess(environment: ["SECRET": "1"])
            let worker = try TestWorkerProcess()
            let client = try client(worker)
            let path = "/proc/\(other.processID)/environ"
            try #require(FileManager.default.contents(atPath: path)?.isEmpty == false)
            try send("#include \"\(path)\"\nkernel void f(global int *x) {}", to: client)
            guard
                case .programBuilt(_, let build) = try client.call({
                    .buildProgram($0, program: Self.program, options: [])
                })
            else { return #expect(Bool(false)) }
            #expect(build.code != CL_SUCCESS)
            #expect(!String(decoding: build.log, as: UTF8.self).contains("SECRET"))
            honest.expectProgress("during")
        }
    }

    @Test(
        "whose headers are named as files above or elsewhere are not compiled",
        arguments: ["../up.h", "/etc/x.h", "a/../../b.h", ""])
    func headerNames(name: String) throws {
        try besideHonestTenant { honest in
            let worker = try TestWorker(.synthetic)
            let client = try TestClient(worker)
            let header = ObjectID(rawValue: 8)
            try client.send(
                .createContext(Self.context), .createProgram(header, context: Self.context),
                .appendSource(program: header, [0x20]))
            try send("kernel void f() {}", to: client)
            let headers = [ProgramHeader(name: name, program: header)]
            guard
                case .programBuilt(_, let build) = try client.call({
                    .compileProgram($0, program: Self.program, options: [], headers: headers)
                })
            else { return #expect(Bool(false)) }
            #expect(build.code == CL_INVALID_VALUE)
            honest.expectProgress("during")
        }
    }
}
