import FleetModel
import Glibc
import RemotingCore
import SessionTransport
import Testing

@testable import AgentRuntime

private let grant = GrantID(rawValue: 3)
private let credential = SessionCredential(grant: 3, ticketHigh: 1, ticketLow: 2)
private let start = MonotonicTime.seconds(100)

@Suite("Sessions opened ahead of time")
struct SessionPoolTests {
    private let poller = Poller()

    /// Serves the pool's sockets until it reports something; gives up after 5 s of real time.
    private func nextEvents(_ pool: inout SessionPool) -> [SessionPool.Event] {
        let deadline = ContinuousClock.now + .seconds(5)
        while ContinuousClock.now < deadline {
            for ready in poller.wait(atMost: .milliseconds(100)) {
                if let events = pool.socketReady(ready.token, now: start), !events.isEmpty { return events }
            }
        }
        return []
    }

    private func opening(_ worker: FakeWorker) throws -> SessionPool {
        var pool = SessionPool(poller: poller, telemetry: TelemetryRequests())
        let hello = ClientHello(interface: try #require(testInterface), credential: credential)
        #expect(pool.open(grant, at: worker.address, hello: hello, now: start) == [])
        // Connecting to loopback succeeds at once or with the first readiness; the hello then goes out.
        while pool.socketReady(try #require(poller.wait(atMost: .seconds(5)).first).token, now: start) == nil {}
        return pool
    }

    private func held(_ worker: FakeWorker) throws -> SessionPool {
        var pool = try opening(worker)
        worker.accept(expecting: credential, interface: testInterface)
        #expect(nextEvents(&pool) == [.opened(grant)])
        return pool
    }

    @Test("A held session leaves the pool with its newest slice and the device's information")
    func taken() throws {
        let worker = try #require(FakeWorker())
        var pool = try held(worker)
        worker.announce(SessionSlice(memory: 1 << 20, compute: 250))
        // The slice is on its way: it has arrived when the kernel says so.
        #expect(!poller.wait(atMost: .seconds(5)).isEmpty)
        let taken = pool.take([grant])
        let prepared = try #require(taken?.first)
        defer { close(prepared.descriptor) }
        #expect(prepared.continuation.slice == SessionSlice(memory: 1 << 20, compute: 250))
        #expect(prepared.continuation.nextReceiveSequence == 1)
        #expect(prepared.deviceInformation == [1, 2, 3])
        #expect(prepared.interfaceVersion == "0.1.0")
        #expect(fcntl(prepared.descriptor, F_GETFL) & O_NONBLOCK == 0)
        // A worker whose host is gone is noticed, whether the agent or a program has the session.
        var isKeptAlive: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(prepared.descriptor, SOL_SOCKET, SO_KEEPALIVE, &isKeptAlive, &length)
        #expect(isKeptAlive == 1)
        #expect(pool.count == 0)
        let again = pool.take([grant])
        #expect(again == nil)
    }

    @Test("A session that its worker closes is lost")
    func lost() throws {
        let worker = try #require(FakeWorker())
        var pool = try held(worker)
        worker.closeConnection()
        #expect(nextEvents(&pool) == [.lost(grant)])
        #expect(pool.count == 0)
    }

    @Test("A session whose worker closes it unnoticed is not handed over")
    func lostWhenTaken() throws {
        let worker = try #require(FakeWorker())
        var pool = try held(worker)
        worker.closeConnection()
        #expect(!poller.wait(atMost: .seconds(5)).isEmpty)
        let taken = pool.take([grant])
        #expect(taken == nil)
    }

    @Test("Of several sessions all leave the pool, or none", arguments: [true, false])
    func takenTogether(areAllThere: Bool) throws {
        let (first, second) = (try #require(FakeWorker()), try #require(FakeWorker()))
        var pool = try held(first)
        let other = GrantID(rawValue: 4)
        let credential = SessionCredential(grant: 4, ticketHigh: 1, ticketLow: 2)
        let hello = ClientHello(interface: try #require(testInterface), credential: credential)
        #expect(pool.open(other, at: second.address, hello: hello, now: start) == [])
        while pool.socketReady(try #require(poller.wait(atMost: .seconds(5)).first).token, now: start) == nil {}
        second.accept(expecting: credential, interface: testInterface)
        #expect(nextEvents(&pool) == [.opened(other)])
        if !areAllThere {
            second.closeConnection()
            #expect(!poller.wait(atMost: .seconds(5)).isEmpty)
        }
        let taken = pool.take([other, grant])
        #expect(taken?.count == (areAllThere ? 2 : nil))
        #expect(pool.count == 0)
        for session in taken ?? [] { close(session.descriptor) }
        // Closed by the agent, or by who had got it.
        #expect(first.nextData() == nil)
    }

    @Test("A session in the middle of a frame is closed instead of handed over, and nobody waits for the rest")
    func unfinishedFrame() throws {
        let worker = try #require(FakeWorker())
        var pool = try held(worker)
        worker.send([12, 0, 0, 0, 5])
        #expect(!poller.wait(atMost: .seconds(5)).isEmpty)
        let taken = pool.take([grant])
        #expect(taken == nil)
        #expect(pool.count == 0)
    }

    @Test("A worker of another version is refused, naming both")
    func otherVersion() throws {
        let worker = try #require(FakeWorker())
        var pool = try opening(worker)
        let other = InterfaceIdentity(kind: "opencl", version: "9.0.0", digest: [UInt8](repeating: 9, count: 32))
        worker.accept(expecting: credential, interface: other)
        let events = nextEvents(&pool)
        guard case .failed(grant, let reason) = events.first else { Issue.record("\(events)"); return }
        #expect(reason.contains("0.1.0") && reason.contains("9.0.0"))
    }

    @Test("A worker that is silent is given up at the deadline, and not before")
    func silentWorker() throws {
        let worker = try #require(FakeWorker())
        var pool = try opening(worker)
        worker.accept(expecting: credential, interface: nil)
        let deadline = try #require(pool.nextDeadline)
        #expect(deadline == start + SessionConnection.openingTime)
        #expect(pool.deadlinesPassed(now: start) == [])
        #expect(pool.deadlinesPassed(now: deadline) == [.failed(grant, "the worker did not answer within 2.0 s")])
        #expect(pool.count == 0)
    }

    @Test("A peer that is no worker fails the opening")
    func noWorker() throws {
        let worker = try #require(FakeWorker())
        var pool = try opening(worker)
        worker.accept(expecting: credential, interface: nil)
        worker.send(Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8))
        guard case .failed(grant, _)? = nextEvents(&pool).first else { Issue.record("no failure"); return }
    }

    @Test("A port at which nobody listens fails the opening")
    func nobodyListens() throws {
        var worker = FakeWorker()
        let address = try #require(worker?.address)
        worker = nil
        var pool = SessionPool(poller: poller, telemetry: TelemetryRequests())
        let hello = ClientHello(interface: try #require(testInterface), credential: credential)
        var events = pool.open(grant, at: address, hello: hello, now: start)
        if events.isEmpty { events = nextEvents(&pool) }
        guard case .failed(grant, _)? = events.first else { Issue.record("\(events)"); return }
        #expect(pool.count == 0)
    }

    @Test("Sessions beyond those that are opened at once wait for their turn, and open")
    func takesTurns() throws {
        let worker = try #require(FakeWorker())
        var pool = SessionPool(poller: poller, telemetry: TelemetryRequests(), transport: .tcp)
        let hello = ClientHello(interface: try #require(testInterface), credential: credential)
        // Nobody answers these.
        for number in 1...UInt64(SessionPool.greatestOpening) {
            #expect(pool.open(GrantID(rawValue: 100 + number), at: worker.address, hello: hello, now: start) == [])
        }
        #expect(pool.open(grant, at: worker.address, hello: hello, now: start) == [])
        #expect(pool.count == SessionPool.greatestOpening)
        // One that is given up makes room.
        pool.close(GrantID(rawValue: 101))
        #expect(pool.nextDeadline == .zero)
        #expect(pool.deadlinesPassed(now: start) == [])
        #expect(pool.count == SessionPool.greatestOpening)
        #expect(pool.nextDeadline != .zero)
        // One that waits and is not wanted any more is not begun.
        #expect(pool.open(GrantID(rawValue: 101), at: worker.address, hello: hello, now: start) == [])
        pool.close(GrantID(rawValue: 101))
        pool.close(grant)
        #expect(pool.deadlinesPassed(now: start) == [])
        #expect(pool.count == SessionPool.greatestOpening - 1)
    }
}
