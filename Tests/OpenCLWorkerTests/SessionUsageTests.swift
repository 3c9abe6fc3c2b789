import DeviceDrivers
import FleetModel
import RemotingCore
import Testing
import WorkerControl

@Suite("What a session uses is measured at its worker, and told once")
struct SessionUsageTests {
    @Test func isCounted() throws {
        let worker = try TestWorker(.synthetic)
        let client = try TestClient(worker)
        let (context, queue, buffer) = (ObjectID(rawValue: 1), ObjectID(rawValue: 2), ObjectID(rawValue: 3))
        try client.send(
            .createContext(context), .createQueue(queue, context: context, properties: 0),
            .createBuffer(buffer, context: context, flags: 1, size: 100_000))
        let region = BufferCommand(queue: queue, buffer: buffer, offset: 0, size: 100_000)
        for _ in 0..<3 {
            try client.send(.writeBuffer(region, data: [UInt8](repeating: 1, count: 100_000)[...]))
        }
        #expect(try client.read(region).count == 100_000)
        #expect(try client.finish(queue).code == 0)
        var usage = SessionUsage()
        while usage.sent.rawValue < 100_000 {
            // What goes out is counted with what comes next.
            #expect(try client.finish(queue).code == 0)
            guard case .status(let report)? = worker.control.ask(.reportStatus) else { return #expect(Bool(false)) }
            usage = usage + report.usage
        }
        #expect(usage.commands == 4)
        #expect((300_000..<310_000).contains(usage.received.rawValue))
        #expect((100_000..<110_000).contains(usage.sent.rawValue))
        guard case .status(let report)? = worker.control.ask(.reportStatus) else { return #expect(Bool(false)) }
        #expect(report.usage.commands == 0)
    }
}
