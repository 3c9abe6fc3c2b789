import Determinism
import DeviceDrivers
import FleetModel
import OpenCLWorker
import RemotingCore
import Testing
import WorkerControl

@Suite("Requests of a hostile client")
struct HostileRequestTests {
    /// A request whose ids, sizes and offsets are now and then right.
    private static func request(_ random: inout SeededGenerator) -> OpenCLRequest {
        func id() -> ObjectID { ObjectID(rawValue: 1 + random.below(6)) }
        func amount() -> UInt64 { random.chance(1, in: 4) ? random.next() : random.below(96) }
        func order() -> CommandOrder {
            CommandOrder(
                waitFor: random.chance(1, in: 4) ? [id()] : [], event: random.chance(1, in: 2) ? id() : .none)
        }
        func command() -> BufferCommand {
            BufferCommand(queue: id(), buffer: id(), offset: amount(), size: amount(), order: order())
        }
        func image() -> ImageCommand {
            ImageCommand(
                queue: id(), image: id(), origin: SIMD3(amount() % 4, 0, 0), region: SIMD3(amount(), 1, 1),
                order: order())
        }
        let call = CallID(rawValue: random.next())
        switch random.below(23) {
        case 0: return .createContext(id())
        case 1: return .createQueue(id(), context: id(), properties: random.next())
        case 2, 3: return .createBuffer(id(), context: id(), flags: random.next(), size: amount())
        case 4: return .createProgram(id(), context: id())
        case 5:
            return .appendSource(program: id(), Array("kernel void f(global int *x, int y) { x[0] = y; }".utf8)[...])
        case 6: return .createKernel(id(), program: id(), name: random.chance(1, in: 2) ? "f" : "\0g")
        case 7: return .setArgument(kernel: id(), index: UInt32(random.below(3)), .buffer(id()))
        case 8: return .setArgument(kernel: id(), index: UInt32(random.below(300)), .local(size: amount()))
        case 9:
            let kind = ObjectKind.allCases[Int(random.below(7))]
            return random.chance(1, in: 3) ? .release(kind, id()) : .queryObject(call, kind, id(), parameter: 0x1102)
        case 10:
            let region = command()
            return .writeBuffer(
                BufferCommand(queue: id(), buffer: id(), offset: region.offset, size: 16, order: region.order),
                data: [UInt8](repeating: 7, count: 16)[...])
        case 11: return .readBuffer(call, command())
        case 12:
            return .copyBuffer(
                BufferCopy(
                    queue: id(), source: id(), destination: id(), sourceOffset: amount(), destinationOffset: amount(),
                    size: amount(), order: order()))
        case 13: return .fillBuffer(command(), pattern: [1, 2])
        case 14:
            return .launchKernel(
                KernelLaunch(
                    queue: id(), kernel: id(), dimensions: 3, globalOffset: SIMD3(amount(), 0, 0),
                    globalSize: SIMD3(amount() % 64, 1, 1), localSize: SIMD3(amount(), amount(), 1), order: order()))
        case 15: return .createSubBuffer(id(), parent: id(), flags: random.next(), origin: amount(), size: amount())
        case 16:
            let layout = RectangleLayout(
                origin: SIMD3(amount(), amount() % 8, 0), rowPitch: amount(), slicePitch: amount())
            let region = SIMD3(amount(), amount() % 8, 1)
            return .readRectangle(
                call, RectangleCommand(queue: id(), buffer: id(), layout: layout, region: region, order: order()))
        case 17: return .createUserEvent(id(), context: id())
        case 18: return .setUserEventStatus(id(), status: random.chance(1, in: 2) ? 0 : Int32(random.below(9)) - 6)
        case 19:
            let description = ImageDescription(
                kind: random.chance(1, in: 3) ? .buffer : .plane, format: ImageFormat(order: 0x10B5, type: 0x10DA),
                width: amount() % 9, height: amount() % 5, depth: 1, layers: 1, buffer: id())
            return .createImage(id(), context: id(), flags: random.next(), description)
        case 20: return .readImage(call, image())
        case 21:
            return random.chance(1, in: 2)
                ? .fillImage(image(), color: [UInt8](repeating: 1, count: 16)[...])
                : .copyImage(image(), .toBuffer(id(), offset: amount()))
        default: return random.chance(1, in: 2) ? .waitForEvents(call, [id()]) : .finish(call, queue: id())
        }
    }

    @Test(
        "are answered or fail; the worker serves on and its memory stays within the slice",
        arguments: [
            DeviceSelector.synthetic, .openCL(platform: 0, device: 0),
        ])
    func randomRequests(selector: DeviceSelector) throws {
        for seed in UInt64(1)...4 {
            let worker = try TestWorker(selector, memory: Bytes(256))
            let client = try TestClient(worker)
            var random = SeededGenerator(seed: seed)
            for _ in 0..<400 { try client.send(Self.request(&random)) }
            // Nobody ends what is left of the user events: what waits for it must not keep the last answer back.
            for id in UInt64(1)...6 { try client.send(.setUserEventStatus(ObjectID(rawValue: id), status: -1)) }
            let last = CallID(rawValue: 0)
            try client.send(.finish(last, queue: ObjectID(rawValue: 1)))
            while try client.nextResponse().call != last {}
            worker.control.send(.setLimit(.zero, Epoch(term: 9, counter: 9)))
            worker.control.send(.reportStatus)
            var isLimited = false
            while let answer = worker.control.receive() {
                if case .limit = answer { isLimited = true }
                guard case .status(let report) = answer else { continue }
                #expect(report.peakMemory <= Bytes(256))
                if isLimited { break }
            }
        }
    }

    @Test("of which one cannot be decoded end the session")
    func undecodable() throws {
        let worker = try TestWorker(.synthetic)
        let client = try TestClient(worker)
        let frame: [UInt8] =
            [8, 0, 0, 0, 1, 0, 0, 0] + [UInt8](repeating: 0, count: 16) + [0, 0, 0, 0, 0xEE, 0xEE, 0, 0]
        client.sendRaw(frame)
        #expect(worker.awaitEnding() == .sessionClosed)
    }
}
