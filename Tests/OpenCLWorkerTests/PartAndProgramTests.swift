import COpenCL
import DeviceDrivers
import FleetModel
import OpenCLWorker
import RemotingCore
import Testing
import WorkerControl

@Suite("Parts of buffers, rectangles and programs in pieces", .serialized)
struct PartAndProgramTests {
    private static let context = ObjectID(rawValue: 1)
    private static let queue = ObjectID(rawValue: 2)
    private static let buffer = ObjectID(rawValue: 3)
    private static let part = ObjectID(rawValue: 4)

    /// Keeps the test's worker.
    private final class Keeper { var worker: TestWorker? }
    private let keeper = Keeper()

    private func client(_ selector: DeviceSelector, size: UInt64) throws -> TestClient {
        let worker = try TestWorker(selector, memory: .mebibytes(16))
        keeper.worker = worker
        let client = try TestClient(worker)
        try client.send(
            .createContext(Self.context), .createQueue(Self.queue, context: Self.context, properties: 0),
            .createBuffer(Self.buffer, context: Self.context, flags: 1, size: size))
        return client
    }

    private static let devices: [DeviceSelector] = [.synthetic, .openCL(platform: 0, device: 0)]

    @Test("a part shows its buffer's bytes and keeps its memory", arguments: devices)
    func parts(selector: DeviceSelector) throws {
        let client = try client(selector, size: 12 << 20)
        let whole = BufferCommand(queue: Self.queue, buffer: Self.buffer, offset: 0, size: 12 << 20)
        let inPart = BufferCommand(queue: Self.queue, buffer: Self.part, offset: 4, size: 4)
        try client.send(
            .fillBuffer(whole, pattern: [1]),
            .createSubBuffer(Self.part, parent: Self.buffer, flags: 0, origin: 4096, size: 8),
            .writeBuffer(inPart, data: [5, 6, 7, 8]))
        #expect(
            try client.read(BufferCommand(queue: Self.queue, buffer: Self.buffer, offset: 4099, size: 6))
                == [1, 5, 6, 7, 8, 1])
        // The memory is free when the last part is.
        let other = ObjectID(rawValue: 9)
        let third = ObjectID(rawValue: 10)
        try client.send(
            .release(.buffer, Self.buffer), .createBuffer(other, context: Self.context, flags: 1, size: 12 << 20))
        #expect(try client.finish(Self.queue).deferred.map(\.code) == [CL_MEM_OBJECT_ALLOCATION_FAILURE])
        #expect(try client.read(inPart) == [5, 6, 7, 8])
        try client.send(
            .release(.buffer, Self.part), .createBuffer(third, context: Self.context, flags: 1, size: 12 << 20))
        #expect(try client.finish(Self.queue) == Completion())
    }

    @Test("a part beyond its buffer, or of a part, is refused", arguments: devices)
    func badParts(selector: DeviceSelector) throws {
        let client = try client(selector, size: 8192)
        let inner = ObjectID(rawValue: 5)
        try client.send(
            .createSubBuffer(Self.part, parent: Self.buffer, flags: 0, origin: 4096, size: 4096),
            .createSubBuffer(inner, parent: Self.part, flags: 0, origin: 0, size: 1),
            .createSubBuffer(ObjectID(rawValue: 6), parent: Self.buffer, flags: 0, origin: 8192, size: 1),
            .createSubBuffer(ObjectID(rawValue: 7), parent: Self.buffer, flags: 0, origin: 1, size: .max))
        #expect(
            try client.finish(Self.queue).deferred.map(\.code)
                == [CL_INVALID_MEM_OBJECT, CL_INVALID_VALUE, CL_INVALID_VALUE])
    }

    @Test("rectangles are written, copied and read", arguments: devices)
    func rectangles(selector: DeviceSelector) throws {
        let client = try client(selector, size: 1000)
        let region = SIMD3<UInt64>(3, 2, 2)
        let data = (1...12).map { UInt8($0) }
        let first = RectangleLayout(origin: SIMD3(1, 1, 1), rowPitch: 10, slicePitch: 100)
        let second = RectangleLayout(origin: SIMD3(4, 3, 4), rowPitch: 10, slicePitch: 100)
        func command(_ layout: RectangleLayout) -> RectangleCommand {
            RectangleCommand(queue: Self.queue, buffer: Self.buffer, layout: layout, region: region)
        }
        try client.send(
            .fillBuffer(BufferCommand(queue: Self.queue, buffer: Self.buffer, offset: 0, size: 1000), pattern: [0]),
            .writeRectangle(command(first), data: data[...]),
            .copyRectangle(
                RectangleCopy(
                    queue: Self.queue, source: Self.buffer, destination: Self.buffer, sourceLayout: first,
                    destinationLayout: second, region: region)))
        var bytes: [UInt8] = []
        try client.send(.readRectangle(CallID(rawValue: 50), command(second)))
        while case .readData(_, _, let piece) = try client.nextResponse() { bytes += piece }
        #expect(bytes == data)
        let row = BufferCommand(queue: Self.queue, buffer: Self.buffer, offset: 111, size: 4)
        #expect(try client.read(row) == [1, 2, 3, 0])
    }

    @Test("a program is compiled with a header, linked, and lives on as a binary")
    func programs() throws {
        let client = try client(.openCL(platform: 0, device: 0), size: 64)
        let ids = (20...24).map { ObjectID(rawValue: $0) }
        func source(_ id: ObjectID, _ text: String) throws {
            try client.send(
                .createProgram(id, context: Self.context), .appendSource(program: id, Array(text.utf8)[...]))
        }
        try source(ids[0], "#define VALUE 77")
        try source(ids[1], "#include \"value.h\"\nkernel void put(global int *x) { x[0] = VALUE; }")
        let header = ProgramHeader(name: "value.h", program: ids[0])
        let compiled = try client.call { .compileProgram($0, program: ids[1], options: [], headers: [header]) }
        guard case .programBuilt(_, let build) = compiled else { return #expect(Bool(false)) }
        #expect(build.code == CL_SUCCESS)
        let linked = try client.call {
            .linkProgram($0, ids[2], context: Self.context, options: [], inputs: [ids[1]])
        }
        guard case .programBuilt(_, let link) = linked else { return #expect(Bool(false)) }
        #expect(link.code == CL_SUCCESS && link.kernels.map(\.name) == ["put"])
        var binary: [UInt8] = []
        try client.send(.readBinary(CallID(rawValue: 60), program: ids[2]))
        while case .readData(_, _, let piece) = try client.nextResponse() { binary += piece }
        #expect(!binary.isEmpty)
        try client.send(.createProgram(ids[3], context: Self.context))
        for start in stride(from: 0, to: binary.count, by: OpenCLInterface.chunk) {
            let piece = binary[start..<min(start + OpenCLInterface.chunk, binary.count)]
            try client.send(.appendBinary(program: ids[3], piece))
        }
        guard case .completed(_, let loaded) = try client.call({ .loadBinary($0, program: ids[3]) }),
            case .programBuilt(_, let rebuilt) = try client.call({ .buildProgram($0, program: ids[3], options: []) })
        else { return #expect(Bool(false)) }
        #expect(loaded.code == CL_SUCCESS && rebuilt.code == CL_SUCCESS)
        let kernel = ObjectID(rawValue: 30)
        try client.send(
            .createKernel(kernel, program: ids[3], name: "put"),
            .setArgument(kernel: kernel, index: 0, .buffer(Self.buffer)),
            .launchKernel(
                KernelLaunch(queue: Self.queue, kernel: kernel, dimensions: 1, globalSize: SIMD3(1, 0, 0))))
        #expect(
            try client.read(BufferCommand(queue: Self.queue, buffer: Self.buffer, offset: 0, size: 4)) == [77, 0, 0, 0])
    }

    @Test("what is no binary is refused")
    func badBinary() throws {
        let client = try client(.openCL(platform: 0, device: 0), size: 64)
        let program = ObjectID(rawValue: 20)
        try client.send(
            .createProgram(program, context: Self.context), .appendBinary(program: program, [1, 2, 3, 4, 5]))
        guard case .completed(_, let completion) = try client.call({ .loadBinary($0, program: program) }) else {
            return #expect(Bool(false))
        }
        #expect(completion.code == CL_INVALID_BINARY)
    }
}
