import Determinism
import RemotingCore
import Testing

@Suite struct SessionStreamTests {
    @Test func framesOnTheWire() {
        var pair = SessionFixture()
        pair.client.expectToSend([0xAB, 0xCD])
        pair.client.ping(5)
        pair.client.goAway(SessionFarewell(.finished, "bye"))
        let expected =
            "02000000 01 00 0000 0000000000000000 0000000000000000 abcd"
            + "08000000 03 00 0000 0100000000000000 0000000000000000 0500000000000000"
            + "09000000 06 00 0000 0200000000000000 0000000000000000 0100 03000000 627965"
        #expect(hex(pair.client.takeUnsent()) == hex(hex(expected)))

        pair.worker.announce(SessionSlice(memory: 2, compute: 3))
        let slice = "0c000000 05 00 0000 0000000000000000 0000000000000000 0200000000000000 03000000"
        #expect(hex(pair.worker.takeUnsent()) == hex(hex(slice)))
    }

    @Test(arguments: [1, 2, 3, 7, 23, 24, 25, 100, 4096])
    func aStreamArrivesHoweverItIsCut(size: Int) throws {
        var pair = SessionFixture()
        let payloads: [[UInt8]] = [[1], Array(repeating: 2, count: 30_000), [3, 4]]
        for payload in payloads { pair.worker.expectToSend(payload) }
        pair.worker.announce(SessionFixture.slice)
        pair.worker.goAway(SessionFarewell(.revoked, "lease"))

        let bytes = pair.worker.takeUnsent()
        var events: [SessionStream.Event] = []
        for start in stride(from: 0, to: bytes.count, by: size) {
            try pair.client.received(bytes[start..<min(start + size, bytes.count)])
            events += pair.client.takeEvents()
        }
        #expect(
            events == payloads.map { .data($0) }
                + [.sliceChanged(SessionFixture.slice), .goneAway(SessionFarewell(.revoked, "lease"))])
        #expect(pair.client.slice == SessionFixture.slice)
        #expect(pair.client.isEnded)
    }

    @Test func headAndBulkAreOnePayload() throws {
        var pair = SessionFixture()
        let bulk: [UInt8] = [3, 4, 5]
        let sent = bulk.withUnsafeBytes { pair.client.sendData([1, 2], bulk: $0) }
        #expect(sent)
        try pair.worker.received(pair.client.takeUnsent())
        #expect(pair.worker.takeEvents() == [.data([1, 2, 3, 4, 5])])
    }

    @Test func pingsAreAnsweredInOrder() throws {
        var pair = SessionFixture()
        for token in 1...20 as ClosedRange<UInt64> { pair.client.ping(token) }
        try pair.worker.received(pair.client.takeUnsent())
        try pair.client.received(pair.worker.takeUnsent())
        #expect(pair.client.takeEvents() == (1...16).map { .pong($0) })
        #expect(pair.client.acknowledged == 16)
    }

    @Test func slicesThatWereNotTakenAreOne() throws {
        var pair = SessionFixture()
        for memory in 1...1000 as ClosedRange<UInt64> {
            pair.worker.announce(SessionSlice(memory: memory, compute: 1))
        }
        try pair.client.received(pair.worker.takeUnsent())
        #expect(pair.client.takeEvents() == [.sliceChanged(SessionSlice(memory: 1000, compute: 1))])
    }

    // MARK: Credit

    @Test func aSenderStopsAtItsCredit() throws {
        var pair = SessionFixture()
        let frame = Array(repeating: 0 as UInt8, count: SessionLimits.framePayload)
        pair.client.expectToSend(frame)
        #expect(pair.client.sendablePayload == SessionLimits.framePayload - 48)
        pair.client.expectToSend(frame, false)
        pair.client.expectToSend(Array(frame.dropLast(48)))
        #expect(pair.client.sendablePayload == 0)
        pair.client.expectToSend([1], false)

        try pair.worker.received(pair.client.takeUnsent())
        #expect(!pair.worker.hasUnsent)
        _ = pair.worker.nextEvent()
        try pair.client.received(pair.worker.takeUnsent())
        #expect(pair.client.sendablePayload == SessionLimits.framePayload)
    }

    @Test func aGreatestFrameIsAlwaysPossibleOnceAllIsTaken() throws {
        var random = SeededGenerator(seed: 3)
        var pair = SessionFixture()
        for _ in 0..<200 {
            let size = 1 + Int(random.below(UInt64(SessionLimits.framePayload)))
            pair.client.expectToSend(Array(repeating: 7, count: min(size, pair.client.sendablePayload)))
            try pair.worker.received(pair.client.takeUnsent())
            _ = pair.worker.takeEvents()
            try pair.client.received(pair.worker.takeUnsent())
            #expect(pair.client.sendablePayload == SessionLimits.framePayload)
        }
    }

    @Test func aPeerThatSendsBeyondItsCreditIsRefusedBeforeItsPayload() throws {
        var sender = SessionStream(
            role: .client, sendWindow: SessionLimits.greatestWindow, receiveWindow: SessionLimits.leastWindow,
            slice: .zero)
        var pair = SessionFixture()
        let frame = Array(repeating: 0 as UInt8, count: SessionLimits.framePayload)
        sender.expectToSend(frame)
        sender.expectToSend(frame)
        let bytes = sender.takeUnsent()
        let secondPayload = bytes.count - SessionLimits.framePayload
        try pair.worker.received(bytes[..<(secondPayload - 1)])
        expect(.creditExceeded) { () throws in try pair.worker.received(bytes[(secondPayload - 1)..<secondPayload]) }
        expect(.creditExceeded) { () throws in try pair.worker.received([0]) }
    }

    @Test func creditIsNeverMoreThanTheWindow() {
        var pair = SessionFixture()
        expect(.creditExceeded) { () throws in
            try pair.client.received(hex("04000000 02 00 0000 0000000000000000 0000000000000000 01000000"))
        }
    }

    // MARK: Peers at fault

    @Test(
        arguments: [
            ("01001000 01 00 0000 0000000000000000 0000000000000000", .oversized),
            ("ffffffff 01 00 0000 0000000000000000 0000000000000000", .oversized),
            ("00000000 01 00 0000 0000000000000000 0000000000000000", .oversized),
            ("05000000 02 00 0000 0000000000000000 0000000000000000", .oversized),
            ("08000000 09 00 0000 0000000000000000 0000000000000000", .unexpected),
            ("08000000 03 01 0000 0000000000000000 0000000000000000", .malformed),
            ("08000000 03 00 0100 0000000000000000 0000000000000000", .malformed),
            ("08000000 03 00 0000 0100000000000000 0000000000000000", .sequenceBroken),
            ("08000000 03 00 0000 0000000000000000 0100000000000000 0000000000000000", .sequenceBroken),
            ("08000000 04 00 0000 0000000000000000 0000000000000000 0100000000000000", .unexpected),
            ("0c000000 05 00 0000 0000000000000000 0000000000000000 010000000000000001000000", .unexpected),
            ("06000000 06 00 0000 0000000000000000 0000000000000000 0100 01000000", .truncated),
            ("07000000 06 00 0000 0000000000000000 0000000000000000 0100 00000000 41", .malformed),
        ] as [(String, RemotingError.Code)])
    func aFrameThatMayNotBeBreaksTheStream(bytes: String, code: RemotingError.Code) {
        var pair = SessionFixture()
        expect(code) { () throws in try pair.worker.received(hex(bytes)) }
        expect(code) { () throws in try pair.worker.received([]) }
        #expect(pair.worker.isEnded)
        pair.worker.expectToSend([1], false)
    }

    @Test func aPeerThatReadsNothingCannotMakePongsPileUp() throws {
        var pair = SessionFixture()
        var sent = 0
        let error = try #require(throws: RemotingError.self) {
            while sent < 1_000_000 {
                var frame = ByteWriter()
                frame.write(bytes: hex("08000000 03 00 0000"))
                frame.write(UInt64(sent))
                frame.write(bytes: Array(repeating: 0, count: 16))
                sent += 1
                try pair.worker.received(frame.bytes)
            }
        }
        #expect(error.code == .peerNotReading)
        #expect(sent == SessionLimits.unsentControl / 32 + 1)
    }

    @Test func nothingFollowsAFarewell() throws {
        var pair = SessionFixture()
        pair.client.goAway(SessionFarewell(.finished, ""))
        pair.client.expectToSend([1], false)
        pair.client.ping(1)
        try pair.worker.received(pair.client.takeUnsent())
        #expect(pair.worker.takeEvents() == [.goneAway(SessionFarewell(.finished, ""))])
        expect(.unexpected) { () throws in
            try pair.worker.received(
                hex("08000000 03 00 0000 0100000000000000 0000000000000000 0000000000000000"))
        }
    }

    @Test func whatWasUnderWayWhenThisEndLeftIsDropped() throws {
        var pair = SessionFixture()
        pair.worker.expectToSend([1])
        pair.client.goAway(SessionFarewell(.finished, ""))
        try pair.client.received(pair.worker.takeUnsent())
        #expect(pair.client.takeEvents().isEmpty)
    }

    /// `body` breaks the stream with `code`, and a broken stream repeats its error.
    private func expect(_ code: RemotingError.Code, _ body: () throws -> Void) {
        for _ in 0..<2 {
            #expect { try body() } throws: { ($0 as? RemotingError)?.code == code }
        }
    }
}
