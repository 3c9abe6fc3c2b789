import Determinism
import RemotingCore
import Testing

/// Two ends of a session that can be resumed, the bytes under way between them, and what each end has sent and taken.
struct BrokenConnections {
    var client: SessionStream
    var worker: SessionStream
    /// Bytes under way to the worker, and to the client.
    var up: [UInt8] = []
    var down: [UInt8] = []
    var sentUp: [[UInt8]] = []
    var sentDown: [[UInt8]] = []
    var takenUp: [[UInt8]] = []
    var takenDown: [[UInt8]] = []
    var breaks = 0
    /// Up to which number the worker said that all requests had ended, and those of which the client heard.
    var said: UInt64 = 0
    var heard: [UInt64] = []
    private var attempt: UInt64 = 0
    private var watch: ResumptionGuard
    /// Hellos of attempts that came to nothing, as bytes.
    private(set) var stale: [[UInt8]] = []

    static let key = ResumptionKey { space in for index in space.indices { space[index] = UInt8(index) } }

    /// The client has offered to come back, and knows for how long it is waited for.
    init(window: UInt32 = SessionLimits.leastWindow) throws {
        client = SessionStream(role: .client, sendWindow: window, receiveWindow: window, slice: .zero)
        worker = SessionStream(role: .worker, sendWindow: window, receiveWindow: window, slice: .zero)
        worker.keepForReplay()
        client.offerResumption(Self.key)
        try worker.received(client.takeUnsent())
        worker.answerOffer(graceMilliseconds: 10_000)
        try client.received(worker.takeUnsent())
        watch = ResumptionGuard(grant: 7, key: try #require(worker.resumptionKey))
    }

    mutating func sendUp(_ payload: [UInt8]) { if client.sendData(payload) { sentUp.append(payload) } }
    mutating func sendDown(_ payload: [UInt8]) { if worker.sendData(payload) { sentDown.append(payload) } }

    mutating func complete(_ number: UInt64) {
        worker.announce(completed: number)
        said = worker.completed
    }

    /// Hands what waits at both ends to the network.
    mutating func transmit() {
        up += client.takeUnsent()
        down += worker.takeUnsent()
    }

    /// Delivers so many of the bytes under way.
    mutating func deliver(up upCount: Int, down downCount: Int) throws {
        try worker.received(up.prefix(upCount))
        up.removeFirst(min(upCount, up.count))
        try client.received(down.prefix(downCount))
        down.removeFirst(min(downCount, down.count))
    }

    mutating func takeUp(atMost count: Int = .max) {
        for _ in 0..<count {
            guard let event = worker.nextEvent() else { return }
            if case .data(let payload) = event { takenUp.append(payload) }
        }
    }

    mutating func takeDown(atMost count: Int = .max) {
        for _ in 0..<count {
            guard let event = client.nextEvent() else { return }
            if case .data(let payload) = event { takenDown.append(payload) }
            if case .completed(let number) = event { heard.append(number) }
        }
    }

    /// The connection breaks with what is under way, and the client comes back; where an answer is lost, it tries again.
    mutating func comeBack(losingAnswers lost: Int = 0) throws {
        (up, down) = ([], [])
        breaks += 1
        for round in 0...lost {
            attempt += 1
            var handshake = ResumeHandshake(
                grant: 7, attempt: attempt, received: client.received, key: Self.key)
            let hello = try #require(try ResumeHello(decoding: handshake.bytesToSend))
            #expect(watch.judge(hello) == nil)
            try worker.resume(from: hello.received)
            let answer =
                ResumeAnswer.pending.encoded()
                + ResumeAnswer.resumed(hello, received: worker.received, key: Self.key).encoded()
            if round < lost {
                stale.append(handshake.bytesToSend)
                // What the worker already sends over the new connection goes with it.
                if round % 2 == 0 { _ = worker.takeUnsent() }
                continue
            }
            guard case .resumed(let received, let rest) = try handshake.received(answer + [9]) else {
                return #expect(Bool(false), "not resumed")
            }
            #expect(rest == [9])
            try client.resume(from: received)
        }
    }

    /// A hello that was delayed, or recorded, opens nothing.
    mutating func replayStaleHellos() throws {
        for bytes in stale {
            let hello = try #require(try ResumeHello(decoding: bytes))
            #expect(watch.judge(hello)?.code == .ticketInvalid)
        }
    }

    /// Delivers everything, and takes it.
    mutating func settle() throws {
        for _ in 0..<4 {
            transmit()
            try deliver(up: .max, down: .max)
            takeUp()
            takeDown()
        }
    }

    /// Nothing was lost, nothing came twice, and both ends have all their credit.
    func expectAllTaken(sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(takenUp == sentUp, sourceLocation: sourceLocation)
        #expect(takenDown == sentDown, sourceLocation: sourceLocation)
        #expect(heard == heard.sorted() && heard.last ?? 0 == said, sourceLocation: sourceLocation)
    }
}
