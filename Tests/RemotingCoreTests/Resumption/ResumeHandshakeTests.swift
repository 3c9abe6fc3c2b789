import Determinism
import RemotingCore
import Testing

@Suite("Who comes back proves to be the session's client, and who answers its worker")
struct ResumeHandshakeTests {
    private static let key = BrokenConnections.key
    private static let hello = ResumeHello(grant: 7, attempt: 2, received: 5, key: key)
    private static let other = ResumptionKey { $0.initializeMemory(as: UInt8.self, repeating: 1) }

    @Test func vectors() throws {
        // The proofs were computed with Python's hmac.
        #expect(
            hex(Self.hello.encoded())
                == "505243310100000038000000" + "070000000000000002000000000000000500000000000000"
                + "03d2295f87b0c09d739f4c691147af4100b4853d0e44064ba4de4ae4f36eb4cb")
        #expect(
            hex(ResumeAnswer.resumed(Self.hello, received: 9, key: Self.key).encoded())
                == "50524b310100000029000000" + "00" + "0900000000000000"
                + "542dda62dc9e6c7499022d3bbc797ca58b68b16ba10232e7cf5c7c4da8eb0da9")
        #expect(hex(ResumeAnswer.pending.encoded()) == "50524b31010000000100000002")
        #expect(
            hex(ResumeAnswer.refused(SessionRefusal(.ticketInvalid, "no")).encoded())
                == "50524b310100000009000000" + "01" + "0300" + "02000000" + "6e6f")
        var pair = SessionFixture()
        pair.client.offerResumption(Self.key)
        let offer = "10000000 10 00 0000 0000000000000000 0000000000000000 000102030405060708090a0b0c0d0e0f"
        #expect(hex(pair.client.takeUnsent()) == hex(hex(offer)))
        try pair.worker.received(hex(offer))
        pair.worker.answerOffer(graceMilliseconds: 10_000)
        let answer = "04000000 11 00 0000 0000000000000000 0100000000000000 10270000"
        #expect(hex(pair.worker.takeUnsent()) == hex(hex(answer)))
    }

    @Test("a hello is read as it was written, and told from the others by its first bytes")
    func reads() throws {
        let bytes = Self.hello.encoded()
        #expect(try ResumeHello(decoding: bytes) == Self.hello)
        for count in 0..<bytes.count { #expect(try ResumeHello(decoding: Array(bytes[..<count])) == nil) }
        #expect(throws: RemotingError.self) { try ResumeHello(decoding: bytes + [0]) }
        #expect(ResumeHello.begins(bytes) == true)
        #expect(ResumeHello.begins(Array(bytes[..<3])) == nil)
        let identity = try SessionFixture.identity()
        #expect(ResumeHello.begins(SessionFixture.hello(identity).encoded()) == false)
    }

    @Test("who has not the secret, another session's client, and an attempt that is not the newest are refused")
    func judges() throws {
        var watch = ResumptionGuard(grant: 7, key: Self.key)
        let forged = ResumeHello(grant: 7, attempt: 2, received: 5, key: Self.other)
        #expect(watch.judge(forged)?.code == .ticketInvalid)
        #expect(watch.judge(ResumeHello(grant: 8, attempt: 2, received: 5, key: Self.key))?.code == .ticketInvalid)
        var changed = Self.hello
        changed.received = 6
        #expect(watch.judge(changed)?.code == .ticketInvalid)
        changed = Self.hello
        changed.attempt = 3
        #expect(watch.judge(changed)?.code == .ticketInvalid)

        #expect(watch.judge(Self.hello) == nil)
        #expect(watch.judge(Self.hello)?.code == .ticketInvalid)
        #expect(watch.judge(ResumeHello(grant: 7, attempt: 1, received: 5, key: Self.key))?.code == .ticketInvalid)
        #expect(watch.judge(ResumeHello(grant: 7, attempt: 9, received: 5, key: Self.key)) == nil)
    }

    @Test("every byte of a hello counts")
    func everyByteCounts() throws {
        let bytes = Self.hello.encoded()
        for index in bytes.indices {
            var broken = bytes
            broken[index] ^= 1
            var watch = ResumptionGuard(grant: 7, key: Self.key)
            guard let read = try? ResumeHello(decoding: broken) else { continue }
            #expect(watch.judge(read) != nil, "byte \(index)")
        }
    }

    @Test("an answer counts only from who has the secret, and to this attempt")
    func believesItsWorker() throws {
        func answered(_ answer: ResumeAnswer) throws -> ResumeHandshake.Outcome {
            var handshake = ResumeHandshake(grant: 7, attempt: 2, received: 5, key: Self.key)
            #expect(handshake.bytesToSend == Self.hello.encoded())
            var outcome = ResumeHandshake.Outcome.incomplete
            for byte in answer.encoded() { outcome = try handshake.received([byte]) }
            return outcome
        }
        #expect(
            try answered(.resumed(Self.hello, received: 9, key: Self.key)) == .resumed(received: 9, rest: []))
        #expect(try answered(.pending) == .pending)
        let refusal = SessionRefusal(.unavailable, "gone")
        #expect(try answered(.refused(refusal)) == .refused(refusal))
        let earlier = ResumeHello(grant: 7, attempt: 1, received: 5, key: Self.key)
        for lie in [
            ResumeAnswer.resumed(Self.hello, received: 9, key: Self.other),
            .resumed(earlier, received: 9, key: Self.key),
            .resumed(received: 9, proof: [UInt8](repeating: 0, count: 32)),
        ] {
            #expect(throws: RemotingError.self) { try answered(lie) }
        }
    }

    @Test("bytes that are no answer are no answer", arguments: 1...200 as ClosedRange<UInt64>)
    func doubts(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var bytes = ResumeAnswer.resumed(Self.hello, received: 9, key: Self.key).encoded()
        for _ in 0...random.below(3) {
            bytes[Int(random.below(UInt64(bytes.count)))] ^= UInt8(1 + random.below(255))
        }
        var handshake = ResumeHandshake(grant: 7, attempt: 2, received: 5, key: Self.key)
        let outcome = try? handshake.received(bytes)
        if case .resumed = outcome { #expect(Bool(false), "a changed answer was believed") }
    }

    @Test("a client tries at once, then less and less often, as long as it is waited for")
    func schedules() {
        var schedule = ResumptionSchedule(graceMilliseconds: 1_000, now: 5)
        var times: [UInt64] = []
        var now: UInt64 = 5
        while let next = schedule.nextAttempt(now: now) {
            times.append((next - 5) / 1_000_000)
            now = next
        }
        #expect(times == [0, 10, 30, 70, 150, 310, 630])
        var none = ResumptionSchedule(graceMilliseconds: 0, now: 5)
        #expect(none.nextAttempt(now: 6) == nil)
    }
}
