import COpenCL
import FleetModel
import RemotingCore
import Testing

@testable import OpenCLWorker

/// A driver says nothing of the arguments of a binary's kernels, and of others where its compiler cannot be told to keep
/// what it knows.
@Suite("Arguments of which the driver tells nothing")
struct UndeclaredArgumentTests {
    private static let (context, queue) = (ObjectID(rawValue: 1), ObjectID(rawValue: 2))
    private static let (buffer, program, kernel) = (ObjectID(rawValue: 3), ObjectID(rawValue: 4), ObjectID(rawValue: 5))
    private static let (sampler, image) = (ObjectID(rawValue: 6), ObjectID(rawValue: 7))
    private static let source = """
        kernel void put(global uint *x, local uint *y, uint a, ulong b, global uint *none) {
            y[0] = a;
            x[0] = y[0] + (uint)b + (none == 0 ? 1000 : 0);
        }
        kernel void look(global uint *x, read_only image2d_t i, sampler_t s) {
            x[0] = read_imageui(i, s, (int2)(0, 0)).x;
        }
        """

    private var interpreter: SessionInterpreter<OpenCLComputeDevice>

    init() throws {
        let device = try OpenCLComputeDevice(platform: 0, device: 0)
        device.tellsArguments = false
        interpreter = SessionInterpreter(
            device: device,
            account: SliceAccount(
                slice: Slice(memory: .mebibytes(1), compute: .zero), epoch: Epoch(term: 1, counter: 1)))
        try execute(
            .createContext(Self.context), .createQueue(Self.queue, context: Self.context, properties: 0),
            .createBuffer(Self.buffer, context: Self.context, flags: 1, size: 64),
            .createProgram(Self.program, context: Self.context),
            .appendSource(program: Self.program, Array(Self.source.utf8)[...]),
            .buildProgram(CallID(rawValue: 1), program: Self.program, options: []))
    }

    /// The codes other than 0 of what is answered.
    @discardableResult
    private mutating func execute(_ requests: OpenCLRequest...) throws -> [Int32] {
        var codes: [Int32] = []
        for request in requests {
            try interpreter.execute(request) { head, _, _ in
                guard var messages = Optional(WireMessages<OpenCLResponse>(payload: head)),
                    case .completed(_, let completion)? = try? messages.next()
                else { return }
                codes += [completion.code] + completion.deferred.map(\.code)
            }
        }
        return codes.filter { $0 != 0 }
    }

    private mutating func codes(of requests: [OpenCLRequest]) throws -> [Int32] {
        for request in requests { try execute(request) }
        return try execute(.finish(CallID(rawValue: 2), queue: Self.queue))
    }

    private mutating func result() throws -> UInt32 {
        var bytes: [UInt8] = []
        let region = BufferCommand(queue: Self.queue, buffer: Self.buffer, offset: 0, size: 4)
        try interpreter.execute(.readBuffer(CallID(rawValue: 3), region)) { _, bulk, _ in bytes += bulk }
        return bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }

    private static func set(_ index: UInt32, _ argument: KernelArgument) -> OpenCLRequest {
        .setArgument(kernel: kernel, index: index, argument)
    }

    private static func value(_ number: some FixedWidthInteger) -> KernelArgument {
        .value(withUnsafeBytes(of: number.littleEndian) { Array($0) }[...])
    }

    private static let launch = OpenCLRequest.launchKernel(
        KernelLaunch(queue: queue, kernel: kernel, dimensions: 1, globalSize: SIMD3(1, 0, 0)))

    @Test("are set all the same: buffers, numbers, local memory, null")
    mutating func sets() throws {
        let arguments = [
            Self.set(0, .buffer(Self.buffer)), Self.set(1, .local(size: 16)), Self.set(2, Self.value(UInt32(7))),
            Self.set(3, Self.value(UInt64(60))),
        ]
        let create = OpenCLRequest.createKernel(Self.kernel, program: Self.program, name: "put")
        for null in [KernelArgument.buffer(.none), Self.value(UInt64(0)), .local(size: 8)] {
            #expect(try codes(of: [create] + arguments + [Self.set(4, null), Self.launch]).isEmpty)
            #expect(try result() == 1_067)
            try execute(.release(.kernel, Self.kernel))
        }
    }

    @Test("and images and samplers")
    mutating func images() throws {
        let plane = ImageDescription(
            kind: .plane, format: ImageFormat(order: 0x10B5, type: 0x10DA), width: 4, height: 4, depth: 1, layers: 1)
        let everything = ImageCommand(queue: Self.queue, image: Self.image, origin: .zero, region: SIMD3(4, 4, 1))
        #expect(
            try codes(of: [
                .createImage(Self.image, context: Self.context, flags: 1, plane),
                .createSampler(
                    Self.sampler, context: Self.context,
                    SamplerDescription(isNormalized: false, addressing: 0x1130, filter: 0x1140)),
                .fillImage(everything, color: [9, 0, 0, 0, 9, 0, 0, 0, 9, 0, 0, 0, 9, 0, 0, 0]),
                .createKernel(Self.kernel, program: Self.program, name: "look"), Self.set(0, .buffer(Self.buffer)),
                Self.set(1, .buffer(Self.image)), Self.set(2, .sampler(Self.sampler)), Self.launch,
            ]).isEmpty)
        #expect(try result() == 9)
    }

    @Test("but a number is no handle, and a handle no number")
    mutating func refuses() throws {
        try execute(.createKernel(Self.kernel, program: Self.program, name: "put"))
        #expect(try codes(of: [Self.set(0, Self.value(UInt64(0xDEAD_BEEF)))]) == [CL_INVALID_ARG_VALUE])
        #expect(try codes(of: [Self.set(3, .buffer(Self.buffer))]) == [CL_INVALID_ARG_VALUE])
        #expect(try codes(of: [Self.set(2, Self.value(UInt64(7)))]) == [CL_INVALID_ARG_SIZE])
        // One that was only tried is not set.
        #expect(try codes(of: [Self.launch]) != [])
    }
}
