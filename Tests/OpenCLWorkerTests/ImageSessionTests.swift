import COpenCL
import DeviceDrivers
import FleetModel
import OpenCLWorker
import RemotingCore
import Testing
import WorkerControl

@Suite("Images", .serialized)
struct ImageSessionTests {
    private static let context = ObjectID(rawValue: 1)
    private static let queue = ObjectID(rawValue: 2)
    private static let image = ObjectID(rawValue: 3)
    private static let buffer = ObjectID(rawValue: 4)
    private static let description = ImageDescription(
        kind: .plane, format: ImageFormat(order: 0x10B5, type: 0x10DA), width: 4, height: 3, depth: 1, layers: 1)

    private let worker: TestWorker
    private let client: TestClient

    init() throws {
        worker = try TestWorker(memory: Bytes(64))
        client = try TestClient(worker)
        try client.send(
            .createContext(Self.context), .createQueue(Self.queue, context: Self.context, properties: 0),
            .createImage(Self.image, context: Self.context, flags: 1, Self.description))
    }

    private func command(_ origin: SIMD3<UInt64>, _ region: SIMD3<UInt64>) -> ImageCommand {
        ImageCommand(queue: Self.queue, image: Self.image, origin: origin, region: region)
    }

    private func read(_ command: ImageCommand) throws -> [UInt8] {
        var bytes: [UInt8] = []
        try client.send(.readImage(CallID(rawValue: 50), command))
        while case .readData(_, _, let piece) = try client.nextResponse() { bytes += piece }
        return bytes
    }

    @Test("are filled, written, copied to a buffer and read")
    func moves() throws {
        let ones: [UInt8] = [1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]
        try client.send(
            .createBuffer(Self.buffer, context: Self.context, flags: 1, size: 16),
            .fillImage(command(.zero, SIMD3(4, 3, 1)), color: ones[...]),
            .writeImage(command(SIMD3(1, 1, 0), SIMD3(2, 1, 1)), data: [2, 3, 4, 5, 6, 7, 8, 9]),
            .copyImage(command(SIMD3(0, 1, 0), SIMD3(4, 1, 1)), .toBuffer(Self.buffer, offset: 0)))
        let row: [UInt8] = [1, 1, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 1, 1, 1]
        #expect(try read(command(SIMD3(0, 1, 0), SIMD3(4, 1, 1))) == row)
        #expect(
            try client.read(BufferCommand(queue: Self.queue, buffer: Self.buffer, offset: 0, size: 16)) == row)
        #expect(try client.finish(Self.queue) == Completion())
    }

    @Test("take memory of the slice, and are no buffers")
    func memory() throws {
        try client.send(.createBuffer(Self.buffer, context: Self.context, flags: 1, size: 17))
        #expect(try client.finish(Self.queue).deferred.map(\.code) == [CL_MEM_OBJECT_ALLOCATION_FAILURE])
        let wrong = BufferCommand(queue: Self.queue, buffer: Self.image, offset: 0, size: 1)
        try client.send(
            .fillBuffer(wrong, pattern: [1]), .writeImage(command(SIMD3(3, 0, 0), SIMD3(2, 1, 1)), data: []),
            .writeImage(command(.zero, SIMD3(1, 1, 1)), data: [1]))
        #expect(
            try client.finish(Self.queue).deferred.map(\.code)
                == [CL_INVALID_VALUE, CL_INVALID_VALUE, CL_INVALID_VALUE])
    }

    @Test("and samplers are a kernel's arguments of their own types only")
    func arguments() throws {
        let (program, kernel, sampler) = (ObjectID(rawValue: 7), ObjectID(rawValue: 8), ObjectID(rawValue: 9))
        let source = Array(
            """
            kernel void pick(read_only image2d_t i, sampler_t s, global uint *x) {
                x[0] = read_imageui(i, s, (int2)(1, 2)).y;
            }
            """.utf8)
        try client.send(
            .createBuffer(Self.buffer, context: Self.context, flags: 1, size: 4),
            .createProgram(program, context: Self.context), .appendSource(program: program, source[...]))
        _ = try client.call { .buildProgram($0, program: program, options: []) }
        try client.send(
            .createSampler(
                sampler, context: Self.context,
                SamplerDescription(
                    isNormalized: false, addressing: UInt32(CL_ADDRESS_CLAMP_TO_EDGE),
                    filter: UInt32(CL_FILTER_NEAREST))),
            .createKernel(kernel, program: program, name: "pick"),
            .writeImage(command(SIMD3(1, 2, 0), SIMD3(1, 1, 1)), data: [5, 6, 7, 8]),
            .setArgument(kernel: kernel, index: 0, .buffer(Self.buffer)),
            .setArgument(kernel: kernel, index: 1, .buffer(Self.image)),
            .setArgument(kernel: kernel, index: 2, .buffer(Self.image)))
        #expect(
            try client.finish(Self.queue).deferred.map(\.code)
                == [CL_INVALID_ARG_VALUE, CL_INVALID_ARG_VALUE, CL_INVALID_ARG_VALUE])
        try client.send(
            .setArgument(kernel: kernel, index: 0, .buffer(Self.image)),
            .setArgument(kernel: kernel, index: 1, .sampler(sampler)),
            .setArgument(kernel: kernel, index: 2, .buffer(Self.buffer)),
            .launchKernel(
                KernelLaunch(queue: Self.queue, kernel: kernel, dimensions: 1, globalSize: SIMD3(1, 0, 0))))
        #expect(
            try client.read(BufferCommand(queue: Self.queue, buffer: Self.buffer, offset: 0, size: 4)) == [6, 0, 0, 0])
    }
}
