import COpenCL
import DeviceDrivers
import FleetModel
import OpenCLWorker
import RemotingCore
import Testing
import WorkerControl

@Suite("A worker carries out OpenCL commands")
struct SessionCommandTests {
    private static let context = ObjectID(rawValue: 1)
    private static let queue = ObjectID(rawValue: 2)
    private static let buffer = ObjectID(rawValue: 3)
    private static let program = ObjectID(rawValue: 4)
    private static let kernel = ObjectID(rawValue: 5)

    private let worker: TestWorker
    private let client: TestClient

    init() throws {
        worker = try TestWorker(memory: .mebibytes(16))
        client = try TestClient(worker)
        try client.send(
            .createContext(Self.context), .createQueue(Self.queue, context: Self.context, properties: 0))
    }

    private func create(_ buffer: ObjectID = Self.buffer, size: UInt64) throws {
        try client.send(.createBuffer(buffer, context: Self.context, flags: 1, size: size))
    }

    private func command(_ offset: UInt64, _ size: UInt64, _ order: CommandOrder = CommandOrder()) -> BufferCommand {
        BufferCommand(queue: Self.queue, buffer: Self.buffer, offset: offset, size: size, order: order)
    }

    private func build(_ source: String) throws -> ProgramBuild {
        try client.send(
            .createProgram(Self.program, context: Self.context),
            .appendSource(program: Self.program, Array(source.utf8)[...]))
        guard
            case .programBuilt(_, let build) = try client.call({ .buildProgram($0, program: Self.program, options: []) }
            )
        else { throw TestClient.Failure.unexpected("no build") }
        return build
    }

    private func errors(_ completion: Completion) -> [Int32] { completion.deferred.map(\.code) }

    @Test("create, write, build, set arguments, launch and read give the right result, and busy time is counted")
    func computes() throws {
        let count = 100_000
        try create(size: UInt64(count * 4))
        var bytes: [UInt8] = []
        for value in 0..<UInt32(count) { withUnsafeBytes(of: value.littleEndian) { bytes += $0 } }
        for start in stride(from: 0, to: bytes.count, by: OpenCLInterface.chunk) {
            let data = bytes[start..<min(start + OpenCLInterface.chunk, bytes.count)]
            try client.send(.writeBuffer(command(UInt64(start), UInt64(data.count)), data: data))
        }
        let build = try build("kernel void scale(global uint *x, uint f) { x[get_global_id(0)] *= f; }")
        #expect(build.code == CL_SUCCESS)
        let scale = try #require(build.kernels.first)
        #expect(scale.name == "scale" && scale.arguments.count == 2 && scale.workGroupSize > 0)
        #expect(scale.arguments[0].addressQualifier == UInt32(CL_KERNEL_ARG_ADDRESS_GLOBAL))
        try client.send(
            .createKernel(Self.kernel, program: Self.program, name: "scale"),
            .setArgument(kernel: Self.kernel, index: 0, .buffer(Self.buffer)),
            .setArgument(kernel: Self.kernel, index: 1, .value([3, 0, 0, 0])),
            .launchKernel(
                KernelLaunch(
                    queue: Self.queue, kernel: Self.kernel, dimensions: 1, globalSize: SIMD3(UInt64(count), 0, 0))))
        let result = try client.read(command(0, UInt64(bytes.count)))
        let values = stride(from: 0, to: result.count, by: 4).map { index in
            result[index..<index + 4].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        }
        #expect(values == (0..<UInt32(count)).map { $0 * 3 })
        #expect(try client.finish(Self.queue) == Completion())
        let busy = try #require(totalBusy())
        #expect(busy > .zero)
    }

    @Test("a structure is plain data, whatever words its name holds")
    func takesStructures() throws {
        try create(size: 4)
        let build = try build(
            """
            struct pipeline_image_cfg { uint factor; };
            kernel void configure(global uint *x, struct pipeline_image_cfg cfg) { x[0] = cfg.factor; }
            """)
        #expect(build.code == CL_SUCCESS)
        try client.send(
            .createKernel(Self.kernel, program: Self.program, name: "configure"),
            .setArgument(kernel: Self.kernel, index: 0, .buffer(Self.buffer)),
            .setArgument(kernel: Self.kernel, index: 1, .value([42, 0, 0, 0])),
            .launchKernel(
                KernelLaunch(queue: Self.queue, kernel: Self.kernel, dimensions: 1, globalSize: SIMD3(1, 0, 0))))
        #expect(try client.read(command(0, 4)) == [42, 0, 0, 0])
        #expect(try client.finish(Self.queue) == Completion())
    }

    @Test("a sampler's handle is not taken from a client")
    func refusesHandles() throws {
        try create(size: 4)
        let build = try build("kernel void look(global uint *x, sampler_t s) { x[0] = 1; }")
        guard build.code == CL_SUCCESS else { return }
        try client.send(
            .createKernel(Self.kernel, program: Self.program, name: "look"),
            .setArgument(kernel: Self.kernel, index: 1, .value([1, 2, 3, 4, 5, 6, 7, 8])))
        #expect(try !errors(client.finish(Self.queue)).isEmpty)
    }

    /// Busy time over the reports that wait, and one more.
    private func totalBusy() -> Duration? {
        var busy = Duration.zero
        worker.control.send(.identify)
        worker.control.send(.reportStatus)
        var hasIdentity = false
        while let answer = worker.control.receive() {
            if case .identity = answer { hasIdentity = true }
            guard case .status(let report) = answer else { continue }
            busy += report.busy
            if hasIdentity { return busy }
        }
        return nil
    }

    @Test("fill, copy and a read of many pieces keep the bytes")
    func movesBytes() throws {
        let other = ObjectID(rawValue: 9)
        let size: UInt64 = 6 << 20
        try create(size: size)
        try create(other, size: size)
        let fill = BufferCommand(queue: Self.queue, buffer: other, offset: 0, size: size)
        try client.send(
            .fillBuffer(fill, pattern: [1, 2, 3, 4]),
            .copyBuffer(
                BufferCopy(
                    queue: Self.queue, source: other, destination: Self.buffer, sourceOffset: 2,
                    destinationOffset: 0, size: size - 4)))
        let bytes = try client.read(command(0, size - 4))
        #expect(bytes.count == Int(size) - 4)
        #expect(bytes.indices.allSatisfy { bytes[$0] == UInt8(1 + ($0 + 2) % 4) })
    }

    @Test("memory beyond the limit is the API's own error, and what is released can be had again")
    func memoryLimit() throws {
        try create(size: 12 << 20)
        let second = ObjectID(rawValue: 8)
        try create(second, size: 5 << 20)
        let completion = try client.finish(Self.queue)
        #expect(
            completion.deferred == [DeferredError(request: 3, object: second, code: CL_MEM_OBJECT_ALLOCATION_FAILURE)])
        try client.send(.release(.buffer, Self.buffer), .release(.buffer, second))
        try create(second, size: 16 << 20)
        #expect(try client.finish(Self.queue) == Completion())
    }

    @Test("a build that fails says why, and its kernels cannot be made")
    func failedBuild() throws {
        let build = try build("kernel void broken(global int *x) { x[0] = nothing; }")
        #expect(build.code == CL_BUILD_PROGRAM_FAILURE)
        #expect(String(decoding: build.log, as: UTF8.self).contains("nothing"))
        try client.send(.createKernel(Self.kernel, program: Self.program, name: "broken"))
        #expect(errors(try client.finish(Self.queue)) == [CL_INVALID_PROGRAM_EXECUTABLE])
    }

    @Test(
        "regions outside a buffer are refused",
        arguments: [(0, 4_097), (4_096, 1), (.max, 2), (1, .max), (0, 0)] as [(UInt64, UInt64)])
    func badRegion(offset: UInt64, size: UInt64) throws {
        try create(size: 4_096)
        #expect(throws: TestClient.Failure.unexpected("code \(CL_INVALID_VALUE)")) {
            try client.read(command(offset, size))
        }
    }

    @Test("a handle made up as an argument's value never reaches the driver")
    func madeUpHandle() throws {
        _ = try build("kernel void touch(global uint *x) { x[0] = 1; }")
        try client.send(
            .createKernel(Self.kernel, program: Self.program, name: "touch"),
            .setArgument(kernel: Self.kernel, index: 0, .value([1, 2, 3, 4, 5, 6, 7, 8])),
            .launchKernel(
                KernelLaunch(queue: Self.queue, kernel: Self.kernel, dimensions: 1, globalSize: SIMD3(1, 0, 0))))
        #expect(errors(try client.finish(Self.queue)) == [CL_INVALID_ARG_VALUE, CL_INVALID_ARG_VALUE])
    }

    @Test("a kernel does not reach a buffer that was released, even when its id is used again")
    func releasedArgument() throws {
        try create(size: 64)
        _ = try build("kernel void touch(global uint *x) { x[0] = 1; }")
        try client.send(
            .createKernel(Self.kernel, program: Self.program, name: "touch"),
            .setArgument(kernel: Self.kernel, index: 0, .buffer(Self.buffer)), .release(.buffer, Self.buffer))
        try create(size: 64)
        try client.send(
            .launchKernel(
                KernelLaunch(queue: Self.queue, kernel: Self.kernel, dimensions: 1, globalSize: SIMD3(1, 0, 0))))
        #expect(errors(try client.finish(Self.queue)) == [CL_INVALID_KERNEL_ARGS])
    }

    @Test("an event tells how its command went; a command that waits for a failed one fails")
    func events() throws {
        try create(size: 64)
        let (good, bad, later) = (ObjectID(rawValue: 20), ObjectID(rawValue: 21), ObjectID(rawValue: 22))
        try client.send(
            .writeBuffer(command(0, 4, CommandOrder(event: good)), data: [1, 2, 3, 4]),
            .writeBuffer(command(63, 4, CommandOrder(event: bad)), data: [1, 2, 3, 4]),
            .writeBuffer(command(0, 4, CommandOrder(waitFor: [bad], event: later)), data: [5, 6, 7, 8]))
        let waited = try client.call { .waitForEvents($0, [good, later]) }
        guard case .completed(_, let completion) = waited else { return #expect(Bool(false)) }
        #expect(completion.code == CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST)
        #expect(errors(completion) == [CL_INVALID_VALUE, CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST])
        guard case .eventStatus(_, let status) = try client.call({ .queryEvent($0, good) }) else {
            return #expect(Bool(false))
        }
        #expect(status.code == 0 && status.status == CL_COMPLETE && status.ended >= status.started && status.ended > 0)
        #expect(try client.read(command(0, 4)) == [1, 2, 3, 4])
    }

    @Test("frames that break the protocol end the session")
    func garbageFrames() throws {
        client.sendRaw([UInt8](repeating: 0xFF, count: 64))
        #expect(worker.awaitEnding() == .sessionClosed)
    }
}
