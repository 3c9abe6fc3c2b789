import RemotingCore
import Testing

@Suite struct OpenCLMessageTests {
    @Test(arguments: 1...MessageGenerator.requestKinds)
    func aRequestArrivesAsItWasSent(kind: Int) throws {
        var generator = MessageGenerator(seed: UInt64(kind))
        for _ in 0..<50 {
            let request = generator.request(kind: kind)
            #expect(Int(request.kind) == kind)
            #expect(try decode(request.encoded()) == [request])
        }
    }

    @Test(arguments: 1...MessageGenerator.responseKinds)
    func aResponseArrivesAsItWasSent(kind: Int) throws {
        var generator = MessageGenerator(seed: UInt64(100 + kind))
        for _ in 0..<50 {
            let response = generator.response(kind: kind)
            #expect(Int(response.kind) == kind)
            #expect(try decode(response.encoded()) == [response])
        }
    }

    @Test func manyMessagesShareAPayload() throws {
        var generator = MessageGenerator(seed: 1)
        let requests = (1...MessageGenerator.requestKinds).map { generator.request(kind: $0) }
        #expect(try decode(requests.flatMap { $0.encoded() }) == requests)
    }

    @Test func headsAreCompletedByTheirData() throws {
        let data: [UInt8] = [9, 8, 7]
        let command = BufferCommand(
            queue: ObjectID(rawValue: 1), buffer: ObjectID(rawValue: 2), offset: 4, size: 3,
            order: CommandOrder(waitFor: [ObjectID(rawValue: 5)], event: ObjectID(rawValue: 6)))
        #expect(
            OpenCLRequest.writeBufferHead(command) + data
                == OpenCLRequest.writeBuffer(command, data: data[...]).encoded())
        let call = CallID(rawValue: 8)
        #expect(
            OpenCLResponse.readDataHead(call, offset: 16, size: 3) + data
                == OpenCLResponse.readData(call, offset: 16, data: data[...]).encoded())
    }

    static let vectors: [(OpenCLRequest, String)] = [
        (.createContext(id(1)), "08000000 0100 0000 0100000000000000"),
        (
            .createQueue(id(2), context: id(1), properties: 2),
            "18000000 0200 0000 0200000000000000 0100000000000000 0200000000000000"
        ),
        (
            .createBuffer(id(3), context: id(1), flags: 1, size: 4096),
            "20000000 0300 0000 0300000000000000 0100000000000000 0100000000000000 0010000000000000"
        ),
        (.createProgram(id(4), context: id(1)), "10000000 0400 0000 0400000000000000 0100000000000000"),
        (.appendSource(program: id(4), [0x61]), "0d000000 0500 0000 0400000000000000 01000000 61"),
        (
            .buildProgram(CallID(rawValue: 1), program: id(4), options: []),
            "14000000 0600 0000 0100000000000000 0400000000000000 00000000"
        ),
        (
            .createKernel(id(5), program: id(4), name: "k"),
            "15000000 0700 0000 0500000000000000 0400000000000000 01000000 6b"
        ),
        (
            .setArgument(kernel: id(5), index: 0, .buffer(id(3))),
            "15000000 0800 0000 0500000000000000 00000000 01 0300000000000000"
        ),
        (
            .setArgument(kernel: id(5), index: 1, .value([7, 0, 0, 0])),
            "15000000 0800 0000 0500000000000000 01000000 00 04000000 07000000"
        ),
        (
            .setArgument(kernel: id(5), index: 2, .local(size: 64)),
            "15000000 0800 0000 0500000000000000 02000000 02 4000000000000000"
        ),
        (.release(.buffer, id(3)), "09000000 0900 0000 03 0300000000000000"),
        (
            .writeBuffer(region(4), data: [1, 2, 3, 4]),
            "34000000 0a00 0000 0200000000000000 0300000000000000 1000000000000000 0400000000000000"
                + "0600000000000000 00000000 04000000 01020304"
        ),
        (
            .readBuffer(CallID(rawValue: 2), region(8)),
            "34000000 0b00 0000 0200000000000000 0200000000000000 0300000000000000 1000000000000000"
                + "0800000000000000 0600000000000000 00000000"
        ),
        (
            .copyBuffer(
                BufferCopy(
                    queue: id(2), source: id(3), destination: id(7), sourceOffset: 1, destinationOffset: 2, size: 3)),
            "3c000000 0c00 0000 0200000000000000 0300000000000000 0700000000000000 0100000000000000"
                + "0200000000000000 0300000000000000 0000000000000000 00000000"
        ),
        (
            .fillBuffer(region(8), pattern: [0xAA]),
            "31000000 0d00 0000 0200000000000000 0300000000000000 1000000000000000 0800000000000000"
                + "0600000000000000 00000000 01000000 aa"
        ),
        (
            .launchKernel(
                KernelLaunch(
                    queue: id(2), kernel: id(5), dimensions: 1, globalSize: SIMD3(64, 0, 0),
                    order: CommandOrder(waitFor: [id(6)]))),
            "3d000000 0e00 0000 0200000000000000 0500000000000000 01 0000000000000000 4000000000000000"
                + "0000000000000000 0000000000000000 01000000 0600000000000000"
        ),
        (
            .marker(queue: id(2), CommandOrder(), isBarrier: true),
            "15000000 0f00 0000 0200000000000000 01 0000000000000000 00000000"
        ),
        (.flush(queue: id(2)), "08000000 1000 0000 0200000000000000"),
        (.finish(CallID(rawValue: 3), queue: id(2)), "10000000 1100 0000 0300000000000000 0200000000000000"),
        (
            .waitForEvents(CallID(rawValue: 4), [id(6)]),
            "14000000 1200 0000 0400000000000000 01000000 0600000000000000"
        ),
        (.queryEvent(CallID(rawValue: 5), id(6)), "10000000 1300 0000 0500000000000000 0600000000000000"),
        (
            .queryObject(CallID(rawValue: 6), .kernel, id(5), parameter: 0x11B0),
            "15000000 1400 0000 0600000000000000 05 0500000000000000 b0110000"
        ),
    ]

    static let laterVectors: [(OpenCLRequest, String)] = [
        (
            .createSubBuffer(id(8), parent: id(3), flags: 1, origin: 128, size: 256),
            "28000000 1500 0000 0800000000000000 0300000000000000 0100000000000000 8000000000000000"
                + "0001000000000000"
        ),
        (
            .writeRectangle(rectangle(SIMD3(2, 1, 1)), data: [1, 2]),
            "62000000 1600 0000 \(rectangleBytes) 0200000000000000 0100000000000000 0100000000000000"
                + "0600000000000000 00000000 02000000 0102"
        ),
        (
            .readRectangle(CallID(rawValue: 7), rectangle(SIMD3(2, 1, 1))),
            "64000000 1700 0000 0700000000000000 \(rectangleBytes) 0200000000000000 0100000000000000"
                + "0100000000000000 0600000000000000 00000000"
        ),
        (
            .copyRectangle(
                RectangleCopy(
                    queue: id(2), source: id(3), destination: id(7),
                    sourceLayout: RectangleLayout(origin: SIMD3(1, 2, 3), rowPitch: 4, slicePitch: 5),
                    destinationLayout: RectangleLayout(origin: SIMD3(6, 7, 8), rowPitch: 9, slicePitch: 10),
                    region: SIMD3(11, 12, 13))),
            "8c000000 1800 0000 0200000000000000 0300000000000000 0700000000000000"
                + (1...13).map { word($0) }.joined() + "0000000000000000 00000000"
        ),
        (.createUserEvent(id(6), context: id(1)), "10000000 1900 0000 0600000000000000 0100000000000000"),
        (.setUserEventStatus(id(6), status: -5), "0c000000 1a00 0000 0600000000000000 fbffffff"),
        (.watchEvent(CallID(rawValue: 8), id(6)), "10000000 1b00 0000 0800000000000000 0600000000000000"),
        (
            .compileProgram(
                CallID(rawValue: 9), program: id(4), options: [0x2D],
                headers: [ProgramHeader(name: "h", program: id(7))]),
            "26000000 1c00 0000 0900000000000000 0400000000000000 01000000 2d 01000000 01000000 68"
                + "0700000000000000"
        ),
        (
            .linkProgram(CallID(rawValue: 10), id(8), context: id(1), options: [], inputs: [id(4)]),
            "28000000 1d00 0000 0a00000000000000 0800000000000000 0100000000000000 00000000 01000000"
                + "0400000000000000"
        ),
        (.appendBinary(program: id(4), [0x7F]), "0d000000 1e00 0000 0400000000000000 01000000 7f"),
        (.loadBinary(CallID(rawValue: 11), program: id(4)), "10000000 1f00 0000 0b00000000000000 0400000000000000"),
        (.readBinary(CallID(rawValue: 12), program: id(4)), "10000000 2000 0000 0c00000000000000 0400000000000000"),
    ]

    static let imageVectors: [(OpenCLRequest, String)] = [
        (
            .createImage(
                id(3), context: id(1), flags: 1,
                ImageDescription(
                    kind: .plane, format: ImageFormat(order: 0x10B5, type: 0x10DA), width: 4, height: 5, depth: 1,
                    layers: 1)),
            "4c000000 2100 0000 0300000000000000 0100000000000000 0100000000000000 f1100000 b5100000 da100000"
                + "\(word(4)) \(word(5)) \(word(1)) \(word(1)) 0000000000000000"
        ),
        (
            .writeImage(image, data: [1, 2, 3, 4]),
            "54000000 2200 0000 \(imageBytes) 04000000 01020304"
        ),
        (.readImage(CallID(rawValue: 2), image), "54000000 2300 0000 \(word(2)) \(imageBytes)"),
        (
            .copyImage(image, .toImage(id(7), origin: SIMD3(1, 0, 0))),
            "6d000000 2400 0000 \(imageBytes) 00 \(word(7)) \(word(1)) \(word(0)) \(word(0))"
        ),
        (
            .copyImage(image, .fromBuffer(id(7), offset: 8)),
            "5d000000 2400 0000 \(imageBytes) 02 \(word(7)) \(word(8))"
        ),
        (
            .fillImage(image, color: Array(repeating: 0xCC, count: 16)[...]),
            "60000000 2500 0000 \(imageBytes) 10000000 cccccccc cccccccc cccccccc cccccccc"
        ),
        (
            .createSampler(
                id(8), context: id(1), SamplerDescription(isNormalized: true, addressing: 0x1131, filter: 0x1140)),
            "19000000 2600 0000 \(word(8)) \(word(1)) 01 31110000 40110000"
        ),
        (
            .queryFormats(CallID(rawValue: 2), flags: 1, kind: 0x10F1),
            "14000000 2700 0000 \(word(2)) \(word(1)) f1100000"
        ),
        (
            .setArgument(kernel: id(5), index: 2, .sampler(id(8))),
            "15000000 0800 0000 0500000000000000 02000000 03 0800000000000000"
        ),
    ]

    @Test(arguments: imageVectors) func anImageRequestOnTheWire(request: OpenCLRequest, expected: String) {
        #expect(hex(request.encoded()) == hex(hex(expected)))
    }

    @Test(arguments: laterVectors) func aLaterRequestOnTheWire(request: OpenCLRequest, expected: String) {
        #expect(hex(request.encoded()) == hex(hex(expected)))
    }

    @Test(arguments: vectors) func aRequestOnTheWire(request: OpenCLRequest, expected: String) {
        #expect(hex(request.encoded()) == hex(hex(expected)))
    }

    static let responseVectors: [(OpenCLResponse, String)] = [
        (
            .completed(
                CallID(rawValue: 1),
                Completion(code: 0, deferred: [DeferredError(request: 14, object: id(2), code: -5)])),
            "1e000000 0100 0000 0100000000000000 00000000 01000000 0e00 0200000000000000 fbffffff"
        ),
        (
            .readData(CallID(rawValue: 2), offset: 0, data: [5, 6]),
            "16000000 0200 0000 0200000000000000 0000000000000000 02000000 0506"
        ),
        (
            .programBuilt(CallID(rawValue: 3), ProgramBuild(code: -11, log: [0x65])),
            "15000000 0300 0000 0300000000000000 f5ffffff 01000000 65 00000000"
        ),
        (
            .eventStatus(
                CallID(rawValue: 4), EventStatus(status: 1, queued: 1, submitted: 2, started: 3, ended: 4)),
            "30000000 0400 0000 0400000000000000 00000000 01000000 0100000000000000 0200000000000000"
                + "0300000000000000 0400000000000000"
        ),
        (
            .information(CallID(rawValue: 5), code: 0, value: [1]),
            "11000000 0500 0000 0500000000000000 00000000 01000000 01"
        ),
        (.output([0x68, 0x69]), "06000000 0600 0000 02000000 6869"),
    ]

    @Test(arguments: responseVectors) func aResponseOnTheWire(response: OpenCLResponse, expected: String) {
        #expect(hex(response.encoded()) == hex(hex(expected)))
    }

    @Test(arguments: [
        ("00000000 6300 0000", RemotingError.Code.unexpected), ("08000000 0100 0100 0100000000000000", .malformed),
        ("08000000 0100 0000 0000000000000000", .malformed), ("09000000 0100 0000 0100000000000000 00", .malformed),
        ("07000000 0100 0000 01000000000000", .truncated), ("ffffff7f 0100 0000 0100000000000000", .truncated),
        ("0d000000 0500 0000 0400000000000000 ffffffff 61", .oversized),
        ("09000000 0900 0000 08 0300000000000000", .malformed),
        ("14000000 1200 0000 0400000000000000 ffffffff 0600000000000000", .oversized),
        ("15000000 0f00 0000 0200000000000000 02 0000000000000000 00000000", .malformed), ("080000", .truncated),
    ])
    func aRequestThatMayNotBeIsRefused(bytes: String, code: RemotingError.Code) {
        #expect { try self.decode(hex(bytes)) as [OpenCLRequest] } throws: { ($0 as? RemotingError)?.code == code }
    }

    private func decode<Message: WireMessage>(_ payload: [UInt8]) throws -> [Message] {
        var messages = WireMessages<Message>(payload: payload)
        var decoded: [Message] = []
        while let message = try messages.next() { decoded.append(message) }
        return decoded
    }
}

private func id(_ value: UInt64) -> ObjectID { ObjectID(rawValue: value) }

/// Queue, buffer, origin and pitches of ``rectangle(_:)``.
private let rectangleBytes =
    "0200000000000000 0300000000000000 0400000000000000 0500000000000000 0600000000000000"
    + "1000000000000000 4000000000000000"

private func rectangle(_ region: SIMD3<UInt64>) -> RectangleCommand {
    RectangleCommand(
        queue: id(2), buffer: id(3),
        layout: RectangleLayout(origin: SIMD3(4, 5, 6), rowPitch: 16, slicePitch: 64), region: region,
        order: CommandOrder(event: id(6)))
}

private let image = ImageCommand(
    queue: id(2), image: id(3), origin: SIMD3(1, 2, 0), region: SIMD3(1, 1, 1), order: CommandOrder(event: id(6)))

/// What ``image`` is on the wire.
private let imageBytes =
    ([2, 3, 1, 2, 0, 1, 1, 1, 6].map { word($0) } + ["00000000"]).joined(separator: " ")

/// A small number as 64 little-endian bits in hexadecimal.
private func word(_ value: Int) -> String { "0" + String(value, radix: 16) + "00000000000000" }

private func region(_ size: UInt64) -> BufferCommand {
    BufferCommand(queue: id(2), buffer: id(3), offset: 16, size: size, order: CommandOrder(event: id(6)))
}
