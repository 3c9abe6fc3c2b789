import COpenCL
import DeviceDrivers
import FleetModel
import RemotingCore
import Testing
import WorkerControl

@testable import OpenCLWorker

@Suite("What the last tenant left")
struct LeftoverTests {
    private static let (context, queue) = (ObjectID(rawValue: 1), ObjectID(rawValue: 2))
    private static let secret: [UInt8] = [0x5E, 0xC2, 0xE7, 0x5E, 0xC2, 0xE7, 0x5E, 0xC2]

    private static func everything(_ buffer: UInt64, _ size: UInt64) -> BufferCommand {
        BufferCommand(queue: queue, buffer: ObjectID(rawValue: buffer), offset: 0, size: size)
    }

    @Test("in its buffers is in no buffer of the next, of whatever size")
    func nextTenant() throws {
        let sizes: [UInt64] = [64, 4_096, 100_000, 1 << 20, 8 << 20]
        try besideHonestTenant(inProcess: true) { honest in
            do {
                let last = try TestWorkerProcess()
                let client = try TestClient(port: last.endpoint.port)
                try client.send(
                    .createContext(Self.context), .createQueue(Self.queue, context: Self.context, properties: 0))
                for (index, size) in sizes.enumerated() {
                    let id = UInt64(10 + index)
                    try client.send(
                        .createBuffer(ObjectID(rawValue: id), context: Self.context, flags: 1, size: size),
                        .fillBuffer(Self.everything(id, size / 8 * 8), pattern: Self.secret[...]))
                }
                #expect(try client.finish(Self.queue) == Completion())
                client.close()
                #expect(last.awaitEnd())
            }
            let next = try TestWorkerProcess()
            let client = try TestClient(port: next.endpoint.port)
            try client.send(
                .createContext(Self.context), .createQueue(Self.queue, context: Self.context, properties: 0))
            for (index, size) in (sizes + sizes).enumerated() {
                let id = UInt64(10 + index)
                try client.send(.createBuffer(ObjectID(rawValue: id), context: Self.context, flags: 1, size: size))
                let bytes = try client.read(Self.everything(id, size))
                let holdsSecret = stride(from: 0, to: bytes.count - 7, by: 8).contains {
                    bytes[$0..<$0 + 8].elementsEqual(Self.secret)
                }
                #expect(!holdsSecret)
            }
            honest.expectProgress("during")
        }
    }

    @Test("is cleared where the device has memory of its own: what is allocated anew is empty, images too")
    func clears() throws {
        let device = try OpenCLComputeDevice(platform: 0, device: 0, clearsMemory: true)
        let plane = ImageDescription(
            kind: .plane, format: ImageFormat(order: 0x10B5, type: 0x10DA), width: 64, height: 32, depth: 1, layers: 1)
        // Again and again, so that an allocator gives the same memory out again.
        for size in [4_096, 100_001, 8_192, 8_192, 4_096, 100_001] {
            let buffer = try device.makeBuffer(flags: 1, size: size)
            var bytes = [UInt8](repeating: 1, count: size)
            _ = try bytes.withUnsafeMutableBytes { try device.read($0, from: buffer, at: 0) }
            #expect(bytes.allSatisfy { $0 == 0 })
            _ = try device.fill(buffer, at: 0, size: size, pattern: [0xAA]).wait()
            let image = try device.makeImage(flags: 1, plane, in: nil)
            var elements = [UInt8](repeating: 1, count: 64 * 32 * 4)
            let region = SIMD3<UInt64>(64, 32, 1)
            _ = try elements.withUnsafeMutableBytes { try device.read($0, fromImage: image, .zero, region) }
            #expect(elements.allSatisfy { $0 == 0 })
            let command = ImageCommand(queue: .none, image: .none, origin: .zero, region: region)
            _ = try device.fill(command, image: image, color: [UInt8](repeating: 0xFF, count: 16)[...]).wait()
        }
    }

    @Test("in its cache of compiled programs is not where another instance's worker looks")
    func caches() {
        #expect(
            KernelCacheFolder.name(of: InstanceID(unchecked: "a"))
                != KernelCacheFolder.name(of: InstanceID(unchecked: "b")))
        #expect(KernelCacheFolder.name(of: InstanceID(unchecked: "..")) == "instance-..")
        #expect(!KernelCacheFolder.name(of: InstanceID(unchecked: "../../a")).contains("/"))
    }
}
