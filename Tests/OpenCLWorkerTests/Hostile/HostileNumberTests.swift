import COpenCL
import DeviceDrivers
import FleetModel
import OpenCLWorker
import RemotingCore
import Testing

/// Every number that a command on buffers has; a test puts others in their places.
private struct Numbers {
    var offset: UInt64 = 8
    var otherOffset: UInt64 = 4
    var size: UInt64 = 8
    var column: UInt64 = 1
    var row: UInt64 = 1
    var slice: UInt64 = 1
    var width: UInt64 = 2
    var height: UInt64 = 2
    var depth: UInt64 = 2
    var rowPitch: UInt64 = 4
    var slicePitch: UInt64 = 16

    static var places: [WritableKeyPath<Numbers, UInt64>] {
        [
            \.offset, \.otherOffset, \.size, \.column, \.row, \.slice, \.width, \.height, \.depth, \.rowPitch,
            \.slicePitch,
        ]
    }

    /// Of which a part, cut to 32 bits or added to something, looks right.
    static let values: [UInt64] = [
        1 << 31, 1 << 32, 1 << 32 | 4, 5 << 30, 1 << 62, 1 << 63, (1 << 63) - 4, .max, .max - 3, .max - 63, 65,
    ]
}

@Suite("Sizes, offsets and counts of a hostile client")
struct HostileNumberTests {
    private static let (context, queue) = (ObjectID(rawValue: 1), ObjectID(rawValue: 2))
    private static let (before, buffer, after) = (ObjectID(rawValue: 3), ObjectID(rawValue: 4), ObjectID(rawValue: 5))
    private static let (program, kernel, fresh) = (
        ObjectID(rawValue: 6), ObjectID(rawValue: 7), ObjectID(rawValue: 100)
    )

    private func commands(_ numbers: Numbers) -> [OpenCLRequest] {
        let region = BufferCommand(queue: Self.queue, buffer: Self.buffer, offset: numbers.offset, size: numbers.size)
        let layout = RectangleLayout(
            origin: SIMD3(numbers.column, numbers.row, numbers.slice), rowPitch: numbers.rowPitch,
            slicePitch: numbers.slicePitch)
        let sides = SIMD3(numbers.width, numbers.height, numbers.depth)
        let rectangle = RectangleCommand(queue: Self.queue, buffer: Self.buffer, layout: layout, region: sides)
        let call = CallID(rawValue: 2)
        return [
            .writeBuffer(region, data: [UInt8](repeating: 0xEE, count: 8)[...]), .readBuffer(call, region),
            .fillBuffer(region, pattern: [0xEE, 0xEE]),
            .copyBuffer(
                BufferCopy(
                    queue: Self.queue, source: Self.before, destination: Self.buffer, sourceOffset: numbers.otherOffset,
                    destinationOffset: numbers.offset, size: numbers.size)),
            .writeRectangle(rectangle, data: [UInt8](repeating: 0xEE, count: 8)[...]), .readRectangle(call, rectangle),
            .copyRectangle(
                RectangleCopy(
                    queue: Self.queue, source: Self.before, destination: Self.buffer,
                    sourceLayout: RectangleLayout(rowPitch: 4, slicePitch: 16), destinationLayout: layout, region: sides
                )),
            .createSubBuffer(
                Self.fresh, parent: Self.buffer, flags: 1, origin: numbers.offset & ~8, size: numbers.size),
        ]
    }

    private func client(_ worker: TestWorker) throws -> TestClient {
        let client = try TestClient(worker)
        try client.send(.createContext(Self.context), .createQueue(Self.queue, context: Self.context, properties: 0))
        for id in [Self.before, Self.buffer, Self.after] {
            let everything = BufferCommand(queue: Self.queue, buffer: id, offset: 0, size: 64)
            try client.send(
                .createBuffer(id, context: Self.context, flags: 1, size: 64), .fillBuffer(everything, pattern: [7]))
        }
        return client
    }

    private func expectUntouched(_ client: TestClient) throws {
        for id in [Self.before, Self.after] {
            let everything = BufferCommand(queue: Self.queue, buffer: id, offset: 0, size: 64)
            #expect(try client.read(everything) == [UInt8](repeating: 7, count: 64))
        }
    }

    @Test(
        "that overflow, or are right only when cut to 32 bits, are refused and touch nothing",
        arguments: HostileNameTests.devices)
    func overflow(device: DeviceSelector) throws {
        try besideHonestTenant { honest in
            let worker = try TestWorker(device)
            let client = try client(worker)
            let right = Numbers()
            for request in commands(right) { #expect(try client.codes(of: request, finishing: Self.queue).isEmpty) }
            for place in Numbers.places {
                for value in Numbers.values {
                    var numbers = right
                    numbers[keyPath: place] = value
                    for (request, good) in zip(commands(numbers), commands(right)) where request != good {
                        // Data of another length than its region is no message at all.
                        if request.isWrite, place == \.size || place == \.width || place == \.height || place == \.depth
                        {
                            continue
                        }
                        _ = try client.codes(of: .release(.buffer, Self.fresh), finishing: Self.queue)
                        #expect(try !client.codes(of: request, finishing: Self.queue).isEmpty, "\(request)")
                    }
                }
            }
            honest.expectProgress("during")
            try expectUntouched(client)
        }
    }

    @Test(
        "that are not those of the data which comes with them end the session",
        arguments: [4, 1 << 32 | 8, 1 << 63, .max] as [UInt64])
    func otherLength(size: UInt64) throws {
        try besideHonestTenant { honest in
            for index in [0, 4] {
                let worker = try TestWorker(.synthetic)
                let client = try client(worker)
                var numbers = Numbers()
                (numbers.size, numbers.depth) = (size, size)
                try client.send(commands(numbers)[index])
                #expect(worker.awaitEnding() == .sessionClosed)
            }
            honest.expectProgress("during")
        }
    }

    @Test("of allocations beyond 4 GiB and beyond all memory are answered with the API's error")
    func allocations() throws {
        try besideHonestTenant { honest in
            let worker = try TestWorker(memory: Bytes(1 << 20))
            let client = try client(worker)
            let refusals = [CL_MEM_OBJECT_ALLOCATION_FAILURE, CL_INVALID_BUFFER_SIZE, CL_INVALID_IMAGE_SIZE]
            for size in Numbers.values.filter({ $0 > 65 }) {
                let codes = try client.codes(
                    of: .createBuffer(Self.fresh, context: Self.context, flags: 1, size: size), finishing: Self.queue)
                #expect(codes.count == 1 && codes.allSatisfy(refusals.contains))
                _ = try client.codes(of: .release(.buffer, Self.fresh), finishing: Self.queue)
                for sides in [SIMD3(size, 1, 1), SIMD3(1 << 24, size, 1), SIMD3(4, 1, size), SIMD3(size, size, size)] {
                    let volume = ImageDescription(
                        kind: .volume, format: ImageFormat(order: 0x10B5, type: 0x10DA), width: sides.x,
                        height: sides.y, depth: sides.z, layers: 1)
                    let image = OpenCLRequest.createImage(Self.fresh, context: Self.context, flags: 1, volume)
                    #expect(try client.codes(of: image, finishing: Self.queue).allSatisfy(refusals.contains))
                    _ = try client.codes(of: .release(.buffer, Self.fresh), finishing: Self.queue)
                }
            }
            honest.expectProgress("during")
            try expectUntouched(client)
        }
    }

    @Test("of a launch whose products and sums overflow never reach a driver", arguments: HostileNameTests.devices)
    func launches(device: DeviceSelector) throws {
        try besideHonestTenant { honest in
            let worker = try TestWorker(device)
            let client = try client(worker)
            let source = Array("kernel void touch(global uint *x, local uint *y) { x[0] = 1; }".utf8)
            try client.send(
                .createProgram(Self.program, context: Self.context),
                .appendSource(program: Self.program, source[...]))
            _ = try client.call { .buildProgram($0, program: Self.program, options: []) }
            try client.send(
                .createKernel(Self.kernel, program: Self.program, name: "touch"),
                .setArgument(kernel: Self.kernel, index: 0, .buffer(Self.buffer)),
                .setArgument(kernel: Self.kernel, index: 1, .local(size: 16)))
            func codes(_ offset: SIMD3<UInt64>, _ global: SIMD3<UInt64>, _ local: SIMD3<UInt64>) throws -> [Int32] {
                let launch = KernelLaunch(
                    queue: Self.queue, kernel: Self.kernel, dimensions: 3, globalOffset: offset, globalSize: global,
                    localSize: local)
                return try client.codes(of: .launchKernel(launch), finishing: Self.queue)
            }
            let one = SIMD3<UInt64>(1, 1, 1)
            #expect(try codes(.zero, one, one).isEmpty)
            for big in [UInt64(1) << 32, 1 << 63, .max] {
                #expect(try codes(.zero, SIMD3(big, big, 1), one) == [CL_INVALID_GLOBAL_WORK_SIZE])
                #expect(try codes(.zero, SIMD3(big, big, big), SIMD3(big, big, big)) == [CL_INVALID_GLOBAL_WORK_SIZE])
                #expect(try codes(.zero, one, SIMD3(big, big, 1)) == [CL_INVALID_WORK_GROUP_SIZE])
            }
            #expect(try codes(SIMD3(.max, 0, 0), one, one) == [CL_INVALID_GLOBAL_OFFSET])
            #expect(try codes(SIMD3(0, (1 << 63) - 1, 0), one, one) == [CL_INVALID_GLOBAL_OFFSET])
            for size in Numbers.values.filter({ $0 > 1 << 20 }) {
                let argument = OpenCLRequest.setArgument(kernel: Self.kernel, index: 1, .local(size: size))
                #expect(try client.codes(of: argument, finishing: Self.queue) == [CL_INVALID_ARG_SIZE])
            }
            honest.expectProgress("during")
            try expectUntouched(client)
        }
    }

    @Test("of a frame, a message or a list that say more than comes end the session at once, and reserve nothing")
    func lengths() throws {
        try besideHonestTenant { honest in
            let greatest: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFF]
            func frame(_ payload: [UInt8], length: [UInt8]? = nil) -> [UInt8] {
                (length ?? [UInt8(payload.count), 0, 0, 0]) + [1, 0, 0, 0] + [UInt8](repeating: 0, count: 16) + payload
            }
            let id: [UInt8] = [1, 0, 0, 0, 0, 0, 0, 0]
            let hostile = [
                frame([], length: greatest),
                // A message of 4 GiB in a frame of 8 bytes.
                frame(greatest + [1, 0, 0, 0]),
                // A source, and a wait list, of which only the count is there.
                frame([12, 0, 0, 0, 5, 0, 0, 0] + id + greatest),
                frame([12, 0, 0, 0, 18, 0, 0, 0] + id + greatest),
            ]
            for bytes in hostile {
                let worker = try TestWorker(.synthetic)
                let client = try TestClient(worker)
                client.sendRaw(bytes)
                #expect(worker.awaitEnding() == .sessionClosed)
            }
            honest.expectProgress("during")
        }
    }
}

extension OpenCLRequest {
    fileprivate var isWrite: Bool {
        switch self {
        case .writeBuffer, .writeRectangle: true
        default: false
        }
    }
}
