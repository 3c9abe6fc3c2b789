import COpenCL
import DeviceDrivers
import FleetModel
import RemotingCore
import Testing

/// The objects of a hostile client, one of each kind; a test puts other ids in their places.
private struct Names {
    var context = ObjectID(rawValue: 1)
    var queue = ObjectID(rawValue: 2)
    var buffer = ObjectID(rawValue: 3)
    var other = ObjectID(rawValue: 4)
    var program = ObjectID(rawValue: 5)
    var kernel = ObjectID(rawValue: 6)
    var event = ObjectID(rawValue: 7)
    var fresh = ObjectID(rawValue: 100)

    /// Where an id stands, and the error of one that names nothing there.
    static var places: [(WritableKeyPath<Names, ObjectID>, Int32)] {
        [
            (\.context, CL_INVALID_CONTEXT), (\.queue, CL_INVALID_COMMAND_QUEUE), (\.buffer, CL_INVALID_MEM_OBJECT),
            (\.other, CL_INVALID_MEM_OBJECT), (\.program, CL_INVALID_PROGRAM), (\.kernel, CL_INVALID_KERNEL),
            (\.event, CL_INVALID_EVENT_WAIT_LIST),
        ]
    }

    /// Makes them all.
    var creation: [OpenCLRequest] {
        let source = Array("kernel void touch(global uint *x) { x[0] = 1; }".utf8)
        return [
            .createContext(context), .createQueue(queue, context: context, properties: 0),
            .createBuffer(buffer, context: context, flags: 1, size: 64),
            .createBuffer(other, context: context, flags: 1, size: 64),
            .fillBuffer(BufferCommand(queue: queue, buffer: other, offset: 0, size: 64), pattern: [7]),
            .createProgram(program, context: context), .appendSource(program: program, source[...]),
            .buildProgram(CallID(rawValue: 1), program: program, options: []),
            .createKernel(kernel, program: program, name: "touch"),
            .setArgument(kernel: kernel, index: 0, .buffer(buffer)),
            .marker(queue: queue, CommandOrder(event: event), isBarrier: false),
        ]
    }

    /// A request of each kind that names something. Every one of them is right as it stands.
    var requests: [OpenCLRequest] {
        let order = CommandOrder(waitFor: [event])
        let region = BufferCommand(queue: queue, buffer: buffer, offset: 0, size: 4, order: order)
        let layout = RectangleLayout(rowPitch: 4, slicePitch: 16)
        let sides = SIMD3<UInt64>(2, 2, 2)
        let rectangle = RectangleCommand(queue: queue, buffer: buffer, layout: layout, region: sides, order: order)
        let call = CallID(rawValue: 2)
        return [
            .createQueue(fresh, context: context, properties: 0),
            .createBuffer(fresh, context: context, flags: 1, size: 4),
            .createSubBuffer(fresh, parent: buffer, flags: 1, origin: 0, size: 4),
            .createProgram(fresh, context: context), .createKernel(fresh, program: program, name: "touch"),
            .createUserEvent(fresh, context: context), .setArgument(kernel: kernel, index: 0, .buffer(buffer)),
            .writeBuffer(region, data: [1, 2, 3, 4]), .readBuffer(call, region), .fillBuffer(region, pattern: [1]),
            .copyBuffer(
                BufferCopy(
                    queue: queue, source: buffer, destination: other, sourceOffset: 0, destinationOffset: 0, size: 4,
                    order: order)),
            .writeRectangle(rectangle, data: [UInt8](repeating: 1, count: 8)[...]), .readRectangle(call, rectangle),
            .copyRectangle(
                RectangleCopy(
                    queue: queue, source: buffer, destination: other, sourceLayout: layout, destinationLayout: layout,
                    region: sides, order: order)),
            .launchKernel(
                KernelLaunch(queue: queue, kernel: kernel, dimensions: 1, globalSize: SIMD3(1, 0, 0), order: order)),
            .marker(queue: queue, order, isBarrier: true), .flush(queue: queue), .finish(call, queue: queue),
            .buildProgram(call, program: program, options: []), .readBinary(call, program: program),
            .linkProgram(call, fresh, context: context, options: [], inputs: [program]),
            .queryObject(call, .buffer, buffer, parameter: 0x1102),
        ]
    }
}

@Suite("Ids that a hostile client makes up")
struct HostileNameTests {
    static let devices = [DeviceSelector.synthetic, .openCL(platform: 0, device: 0)]

    /// What to put in the place of an id.
    enum Forgery: CaseIterable {
        case neverMade, released, ofAnotherKind
    }

    private static let released = ObjectID(rawValue: 60)
    /// An id that only a sampler, which none of the places is for, could have; and ids of every other kind.
    private static let neverMade: [ObjectID] = [0x7777, 1 << 32 | 3, 1 << 63, .max].map { ObjectID(rawValue: $0) }

    /// Objects of every kind under one id, released again.
    private static func releases(_ names: Names) -> [OpenCLRequest] {
        let id = released
        return [
            .createContext(id), .createQueue(id, context: names.context, properties: 0),
            .createBuffer(id, context: names.context, flags: 1, size: 64), .createProgram(id, context: names.context),
            .createKernel(id, program: names.program, name: "touch"),
            .marker(queue: names.queue, CommandOrder(event: id), isBarrier: false),
        ] + [.kernel, .event, .program, .buffer, .queue, .context].map { .release($0, id) }
    }

    @Test(
        "fail as the API has it, wherever they stand; nothing else changes, and nobody else notices",
        arguments: devices, Forgery.allCases)
    func forged(device: DeviceSelector, forgery: Forgery) throws {
        try besideHonestTenant { honest in
            let worker = try TestWorker(device)
            let client = try TestClient(worker)
            let names = Names()
            for request in names.creation {
                #expect(try client.codes(of: request, finishing: names.queue).isEmpty || request.isEarly)
            }
            for request in Self.releases(names) { _ = try client.codes(of: request, finishing: names.queue) }
            for (place, code) in Names.places {
                let forgeries =
                    switch forgery {
                    case .neverMade: Self.neverMade
                    case .released: [Self.released]
                    case .ofAnotherKind:
                        [names.context, names.queue, names.buffer, names.program, names.kernel, names.event].filter {
                            $0 != names[keyPath: place] && !(code == CL_INVALID_MEM_OBJECT && $0 == names.buffer)
                        }
                    }
                for id in forgeries {
                    var forged = names
                    forged[keyPath: place] = id
                    for (request, right) in zip(forged.requests, names.requests) where request != right {
                        let codes = try client.codes(of: request, finishing: names.queue)
                        #expect(codes.contains(code), "\(request)")
                        // A creation that failed has left its id with the error.
                        for kind in ObjectKind.allCases {
                            _ = try client.codes(of: .release(kind, names.fresh), finishing: names.queue)
                        }
                    }
                }
            }
            honest.expectProgress("during")
            let kept = BufferCommand(queue: names.queue, buffer: names.other, offset: 0, size: 64)
            #expect(try client.read(kept) == [UInt8](repeating: 7, count: 64))
            for request in names.requests {
                #expect(try client.codes(of: request, finishing: names.queue).isEmpty || request.isEarly, "\(request)")
                for kind in ObjectKind.allCases {
                    _ = try client.codes(of: .release(kind, names.fresh), finishing: names.queue)
                }
            }
        }
    }

    @Test("of another session name nothing here")
    func ofAnotherSession() throws {
        try besideHonestTenant { honest in
            let worker = try TestWorker(.synthetic)
            let client = try TestClient(worker)
            let queue = ObjectID(rawValue: 5_000)
            try client.send(
                .createContext(queue), .createQueue(queue, context: queue, properties: 0))
            // The honest tenant has its buffers among these, and secrets in them.
            for id in UInt64(1)...200 {
                let region = BufferCommand(queue: queue, buffer: ObjectID(rawValue: id), offset: 0, size: 16)
                #expect(throws: TestClient.Failure.unexpected("code \(CL_INVALID_MEM_OBJECT)")) {
                    try client.read(region)
                }
                let write = OpenCLRequest.writeBuffer(region, data: [UInt8](repeating: 0xEE, count: 16)[...])
                #expect(try client.codes(of: write, finishing: queue) == [CL_INVALID_MEM_OBJECT])
                for kind in ObjectKind.allCases {
                    #expect(try !client.codes(of: .release(kind, ObjectID(rawValue: id)), finishing: queue).isEmpty)
                }
            }
            honest.expectProgress("during")
        }
    }

    @Test("are given up once: a second release fails, and what still needs the object keeps it", arguments: devices)
    func doubleRelease(device: DeviceSelector) throws {
        try besideHonestTenant { honest in
            let worker = try TestWorker(device, memory: .mebibytes(1))
            let client = try TestClient(worker)
            let names = Names()
            for request in names.creation { try client.send(request) }
            _ = try client.nextResponse()
            let part = ObjectID(rawValue: 50)
            try client.send(.createSubBuffer(part, parent: names.other, flags: 1, origin: 0, size: 64))
            func codes(_ request: OpenCLRequest) throws -> [Int32] {
                try client.codes(of: request, finishing: names.queue)
            }
            #expect(try codes(.release(.buffer, names.other)).isEmpty)
            #expect(try codes(.release(.buffer, names.other)) == [CL_INVALID_MEM_OBJECT])
            let region = BufferCommand(queue: names.queue, buffer: part, offset: 0, size: 64)
            #expect(try client.read(region) == [UInt8](repeating: 7, count: 64))
            // Its memory is promised again once, however often it is given up.
            for _ in 0..<64 { _ = try codes(.release(.buffer, names.other)) }
            #expect(
                try codes(.createBuffer(ObjectID(rawValue: 51), context: names.context, flags: 1, size: 1 << 20)) == [
                    CL_MEM_OBJECT_ALLOCATION_FAILURE
                ])
            for (kind, id, code) in [
                (ObjectKind.event, names.event, CL_INVALID_EVENT), (.kernel, names.kernel, CL_INVALID_KERNEL),
                (.program, names.program, CL_INVALID_PROGRAM), (.buffer, part, CL_INVALID_MEM_OBJECT),
            ] {
                #expect(try codes(.release(kind, id)).isEmpty)
                #expect(try codes(.release(kind, id)) == [code])
            }
            honest.expectProgress("during")
        }
    }
}

extension OpenCLRequest {
    /// Comes before there is a queue to finish, or fails for a reason of its own: a program with kernels, an input that
    /// was not compiled.
    fileprivate var isEarly: Bool {
        switch self {
        case .createContext, .createQueue, .buildProgram, .linkProgram: true
        default: false
        }
    }
}
