import COpenCL
import DeviceDrivers
import FleetModel
import RemotingCore
import Testing

@Suite("A worker tells its client which requests have ended")
struct CompletedRequestsTests {
    private static let (context, queue, other) = (
        ObjectID(rawValue: 1), ObjectID(rawValue: 2), ObjectID(rawValue: 3)
    )
    private static let marker = OpenCLRequest.marker(queue: queue, CommandOrder(), isBarrier: false)

    private let worker: TestWorker
    private let client: TestClient

    /// A client that has made three requests.
    init() throws {
        worker = try TestWorker(.synthetic)
        client = try TestClient(worker)
        _ = try client.offerResumption()
        try client.send(
            .createContext(Self.context), .createQueue(Self.queue, context: Self.context, properties: 0),
            .createQueue(Self.other, context: Self.context, properties: 0))
    }

    /// Waits to hear of `number`, and of none beyond it. The worker says no next number to a client that says nothing.
    private func hear(_ number: UInt64) throws {
        while client.stream.completed < number {
            try client.takeOver()
            try client.turn()
        }
        #expect(client.stream.completed == number)
    }

    @Test("beside an answer when there are many, and of few when it has heard nothing for a while")
    func tells() throws {
        for _ in 0..<100 { try client.send(Self.marker) }
        #expect(try client.finish(Self.queue).code == 0)
        try hear(104)
        try client.send(Self.marker, Self.marker)
        try hear(106)
    }

    @Test("up to the first that waits, however many have come since, and all when it waits no more")
    func stopsAtWhatWaits() throws {
        let user = ObjectID(rawValue: 10)
        try client.send(
            .createUserEvent(user, context: Self.context), Self.marker,
            .marker(queue: Self.queue, CommandOrder(waitFor: [user]), isBarrier: false))
        for _ in 0..<100 {
            try client.send(.marker(queue: Self.other, CommandOrder(), isBarrier: false))
        }
        #expect(try client.finish(Self.other).code == 0)
        try hear(5)
        try client.send(.setUserEventStatus(user, status: CL_COMPLETE))
        try hear(108)
    }

    @Test("wherever the connection breaks, once")
    func isResumed() throws {
        var sent: UInt64 = 3
        for round in 1...10 as ClosedRange<UInt64> {
            for _ in 0..<round { try client.send(Self.marker) }
            sent += round
            client.breakOff()
            try client.comeBack(round, port: worker.endpoint.port)
            if round.isMultiple(of: 3) { try hear(sent) }
        }
        try hear(sent)
    }
}
