import Determinism
import RemotingCore
import Testing

/// Whatever bytes come, a decoder gives a value or a ``RemotingError``, and a value that came from bytes is written
/// as the same bytes again.
@Suite struct DecoderFuzzTests {
    @Test func messagesSurviveMutation() throws {
        var generator = MessageGenerator(seed: 11)
        for round in 0..<4_000 {
            let isRequest = round % 2 == 0
            let bytes =
                isRequest
                ? generator.request(kind: 1 + round % MessageGenerator.requestKinds).encoded()
                : generator.response(kind: 1 + round % MessageGenerator.responseKinds).encoded()
            let mutated = mutate(bytes, &generator.random)
            if isRequest { check(OpenCLRequest.self, mutated) } else { check(OpenCLResponse.self, mutated) }
        }
    }

    @Test func randomBytesAreNoMessages() {
        var generator = MessageGenerator(seed: 12)
        for _ in 0..<2_000 {
            var bytes = Array(generator.bytes(200))
            // A likely kind and a right length let the bytes reach the decoders of the bodies.
            if bytes.count >= 8 {
                bytes.replaceSubrange(
                    0..<8, with: [UInt8(bytes.count - 8), 0, 0, 0, 1 + bytes[4] % 20, 0, 0, 0])
            }
            check(OpenCLRequest.self, bytes)
            check(OpenCLResponse.self, bytes)
        }
    }

    @Test func handshakesSurviveMutation() throws {
        var random = SeededGenerator(seed: 13)
        let identity = try SessionFixture.identity(testedWith: [2, 3])
        let hello = SessionFixture.hello(identity)
        let answer = ServerHello.accepted(SessionFixture.acceptance(identity)).encoded()
        for _ in 0..<2_000 {
            var worker = WorkerHandshake(
                acceptance: SessionFixture.acceptance(identity), credential: SessionFixture.credential)
            _ = worker.received(mutate(hello.encoded(), &random))
            var client = ClientHandshake(hello)
            _ = try? client.received(mutate(answer, &random))
        }
    }

    @Test func handOversSurviveMutation() throws {
        var random = SeededGenerator(seed: 14)
        let requests = [
            HandOverRequest.openSession(HandOverDemand()),
            .registerInstance(
                InstanceRegistration(instance: "i", tenant: "t", application: "a", priorityClass: "p")),
            .report(ApplicationReport(workInFlight: 5, userIdleMilliseconds: 7)),
            .openSession(HandOverDemand(gpus: 2)),
        ].map { $0.encoded() }
        let replies = [
            HandOverReply.session(HandOverTests.session), .registered(clientLibrary: "/l.so"), .refused("no"),
            .reportTaken, .sessionOf(HandOverTests.session, remaining: 1, descriptors: 2),
        ].map { $0.encoded() }
        for round in 0..<4_000 {
            let reply = replies[round % replies.count]
            let mutatedRequest = mutate(requests[round % requests.count], &random)
            if let decoded = try? HandOverRequest(decoding: mutatedRequest) {
                #expect(afterRevision(decoded.encoded()) == afterRevision(mutatedRequest))
            }
            let mutatedReply = mutate(reply, &random)
            if let decoded = try? HandOverReply(decoding: mutatedReply) {
                #expect(afterRevision(decoded.encoded()) == afterRevision(mutatedReply))
            }
        }
    }

    /// A message is written in the lowest revision that can say it, and read in each that this build speaks.
    private func afterRevision(_ bytes: [UInt8]) -> ArraySlice<UInt8> { bytes.dropFirst(6) }

    /// A stream under random frames keeps no more than its window, however the peer numbers and sizes them.
    @Test func streamsSurviveMutation() throws {
        var random = SeededGenerator(seed: 15)
        for _ in 0..<500 {
            var pair = SessionFixture()
            for _ in 0..<5 {
                pair.worker.expectToSend(Array(repeating: 1, count: 1 + Int(random.below(400))))
            }
            pair.worker.announce(SessionFixture.slice)
            pair.worker.announce(completed: 3)
            pair.worker.ping(1)
            pair.worker.goAway(SessionFarewell(.failed, "why"))
            let bytes = mutate(pair.worker.takeUnsent(), &random)
            do {
                try pair.client.received(bytes)
            } catch {
                #expect(throws: error) { try pair.client.received([0]) }
                #expect(pair.client.isEnded)
            }
            let payload = pair.client.takeEvents().reduce(0) { sum, event in
                if case .data(let bytes) = event { sum + bytes.count } else { sum }
            }
            #expect(payload <= bytes.count)
        }
    }

    private func check<Message: WireMessage>(_ type: Message.Type, _ payload: [UInt8]) {
        var messages = WireMessages<Message>(payload: payload)
        var written: [UInt8] = []
        while true {
            do {
                guard let message = try messages.next() else { break }
                written += message.encoded()
            } catch {
                return
            }
        }
        #expect(written == payload)
    }

    /// One to four changes: a bit flipped, a byte set to an extreme, bytes cut off, doubled or put in.
    private func mutate(_ bytes: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
        var bytes = bytes
        for _ in 0...random.below(4) where !bytes.isEmpty {
            let position = Int(random.below(UInt64(bytes.count)))
            switch random.below(5) {
            case 0: bytes[position] ^= 1 << UInt8(random.below(8))
            case 1: bytes[position] = random.chance(1, in: 2) ? 0xFF : 0
            case 2: bytes.removeSubrange(position...)
            case 3: bytes.insert(contentsOf: bytes[position...].prefix(32), at: position)
            default: bytes.insert(UInt8(random.below(256)), at: position)
            }
        }
        return bytes
    }
}
