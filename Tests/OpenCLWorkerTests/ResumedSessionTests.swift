import DeviceDrivers
import FleetModel
import Glibc
import OpenCLWorker
import RemotingCore
import Testing
import WorkerControl

@Suite("A worker waits for its client when the connection breaks, and goes on with nobody else")
struct ResumedSessionTests {
    private static let (context, queue, buffer) = (
        ObjectID(rawValue: 1), ObjectID(rawValue: 2), ObjectID(rawValue: 3)
    )

    /// A client with a queue and a buffer of `size` bytes.
    private func client(of worker: TestWorker, size: Int) throws -> TestClient {
        let client = try TestClient(worker)
        #expect(try client.offerResumption() == 10_000)
        try client.send(
            .createContext(Self.context), .createQueue(Self.queue, context: Self.context, properties: 0),
            .createBuffer(Self.buffer, context: Self.context, flags: 1, size: UInt64(size)))
        return client
    }

    private func region(_ offset: Int, _ size: Int) -> BufferCommand {
        BufferCommand(queue: Self.queue, buffer: Self.buffer, offset: UInt64(offset), size: UInt64(size))
    }

    @Test("with its objects and their contents, however often it breaks")
    func goesOn() throws {
        let worker = try TestWorker(.synthetic)
        let client = try client(of: worker, size: 64)
        for round in 1...20 as ClosedRange<UInt8> {
            try client.send(.writeBuffer(region(Int(round), 1), data: [round]))
            client.breakOff()
            try client.comeBack(UInt64(round), port: worker.endpoint.port)
        }
        #expect(try client.read(region(1, 20)) == Array(1...20))
        #expect(try client.finish(Self.queue).code == 0)
        worker.control.send(.terminate)
        #expect(worker.awaitEnding() == .terminated)
    }

    @Test("in the middle of a long read, whose data it need not copy for that")
    func goesOnReading() throws {
        let worker = try TestWorker(.synthetic)
        let size = 6 << 20
        let client = try client(of: worker, size: size)
        let pattern: [UInt8] = [1, 2, 3, 4]
        try client.send(.fillBuffer(region(0, size), pattern: pattern[...]))
        try client.send(.readBuffer(CallID(rawValue: 900), region(0, size)))
        var bytes = 0
        var attempt: UInt64 = 0
        reading: while true {
            switch try client.nextResponse() {
            case .readData(_, let offset, let data):
                #expect(offset == UInt64(bytes) && data.enumerated().allSatisfy { $1 == pattern[$0 % 4] })
                bytes += data.count
                if bytes.isMultiple(of: 3 << 18) {
                    client.breakOff()
                    attempt += 1
                    try client.comeBack(attempt, port: worker.endpoint.port)
                }
            case .completed(_, let completion):
                #expect(completion.code == 0)
                break reading
            default: throw TestClient.Failure.unexpected("no read data")
            }
        }
        #expect(bytes == size && attempt == 8)
    }

    @Test("also where the worker still takes the old connection for whole")
    func replacesWholeConnection() throws {
        let worker = try TestWorker(.synthetic)
        let client = try client(of: worker, size: 8)
        let old = client.connection
        try client.send(.writeBuffer(region(0, 1), data: [7]))
        try client.comeBack(1, port: worker.endpoint.port)
        #expect(try client.read(region(0, 1)) == [7])
        withExtendedLifetime(old) {}
    }

    @Test("but who has not its secret, comes for another session, or comes late is refused, and disturbs nobody")
    func refusesOthers() throws {
        let worker = try TestWorker(.synthetic)
        let port = worker.endpoint.port
        let client = try client(of: worker, size: 8)
        client.breakOff()
        try client.comeBack(5, port: port)
        let thief = ResumptionKey { $0.initializeMemory(as: UInt8.self, repeating: 9) }
        let received = client.stream.received
        let attempts = [
            try TestClient.attempt(6, port: port, received: received, key: thief),
            try TestClient.attempt(6, port: port, grant: 8, received: received),
            // A hello that was recorded, and one that was delayed.
            try TestClient.attempt(5, port: port, received: received),
            try TestClient.attempt(4, port: port, received: received),
        ]
        for attempt in attempts {
            guard case .refused(let refusal)? = attempt.outcomes.last else {
                return #expect(Bool(false), "\(attempt.outcomes)")
            }
            #expect(refusal.code == .ticketInvalid)
        }
        #expect(throws: TestClient.Failure.self) { try TestClient(worker) }
        #expect(try client.finish(Self.queue).code == 0)
    }

    @Test("and a client that asks for frames that are not kept is told so, and its session ends")
    func refusesGaps() throws {
        let worker = try TestWorker(.synthetic)
        let client = try client(of: worker, size: 8)
        for _ in 0..<3 { #expect(try client.finish(Self.queue).code == 0) }
        let attempt = try TestClient.attempt(1, port: worker.endpoint.port, received: 0)
        guard case .refused(let refusal)? = attempt.outcomes.last else {
            return #expect(Bool(false), "\(attempt.outcomes)")
        }
        #expect(refusal.code == .unavailable && refusal.message.contains("frame 0"))
        #expect(worker.awaitEnding() == .sessionClosed)
    }

    @Test("for so long as it is told: then the session ends")
    func endsAfterGrace() throws {
        let worker = try TestWorker(.synthetic, limits: WorkerLimits(resumption: .milliseconds(200)))
        let client = try TestClient(worker)
        #expect(try client.offerResumption() == 200)
        client.breakOff()
        #expect(worker.awaitEnding() == .sessionClosed)
    }

    @Test("at once where nobody will come back: after a farewell, without an offer, or where it is told not to wait")
    func endsAtOnce() throws {
        let patient = WorkerLimits(resumption: .seconds(3_600))
        let left = try TestWorker(.synthetic, limits: patient)
        let leaving = try TestClient(left)
        _ = try leaving.offerResumption()
        leaving.stream.goAway(SessionFarewell(.finished, ""))
        try leaving.flush()
        leaving.breakOff()
        #expect(left.awaitEnding() == .sessionClosed)

        let unoffered = try TestWorker(.synthetic, limits: patient)
        try TestClient(unoffered).breakOff()
        #expect(unoffered.awaitEnding() == .sessionClosed)

        let impatient = try TestWorker(.synthetic, limits: WorkerLimits(resumption: .zero))
        let offering = try TestClient(impatient)
        #expect(try offering.offerResumption() == 0)
        offering.breakOff()
        #expect(impatient.awaitEnding() == .sessionClosed)
    }

    @Test("on one host, where the connection breaks only with a process, it does not wait")
    func doesNotWaitForProcesses() throws {
        let worker = try TestWorker(.synthetic, limits: WorkerLimits(resumption: .seconds(3_600)))
        let client = try TestClient(worker, isLocal: true)
        #expect(try client.offerResumption() == 0)
        client.close()
        #expect(worker.awaitEnding() == .sessionClosed)
    }

    @Test("a GPU server is told that there is no connection meanwhile, and still ends the session when it must")
    func reports() throws {
        let worker = try TestWorker(.synthetic)
        let client = try client(of: worker, size: 8)
        #expect(try client.finish(Self.queue).code == 0)
        func awaitStatus(connected: Bool) -> Bool {
            for _ in 0..<1_000 {
                guard case .status(let report)? = worker.control.ask(.reportStatus) else { return false }
                if report.connected == connected, report.attached { return true }
                usleep(5_000)
            }
            return false
        }
        #expect(awaitStatus(connected: true))
        client.breakOff()
        #expect(awaitStatus(connected: false))
        try client.comeBack(1, port: worker.endpoint.port)
        #expect(awaitStatus(connected: true))
        client.breakOff()
        worker.control.send(.terminate)
        #expect(worker.awaitEnding() == .terminated)
    }
}
