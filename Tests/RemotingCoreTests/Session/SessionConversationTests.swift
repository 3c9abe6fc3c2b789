import Determinism
import RemotingCore
import Testing

/// Two ends that talk at random over a pipe that cuts their bytes anywhere and delays them.
@Suite struct SessionConversationTests {
    /// One direction of the pipe, and what is known of its traffic.
    private struct Direction {
        var pipe: [UInt8] = []
        var sent: [[UInt8]] = []
        var taken: [[UInt8]] = []
    }

    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func everythingArrivesOnceAndInOrder(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var pair = SessionFixture()
        var up = Direction()
        var down = Direction()
        for step in 0..<500 {
            try act(&pair.client, sending: &up, receiving: &down, step, &random)
            try act(&pair.worker, sending: &down, receiving: &up, step, &random)
        }
        for _ in 0..<4 {
            try settle(&pair.client, sending: &up, receiving: &down)
            try settle(&pair.worker, sending: &down, receiving: &up)
        }
        #expect(up.taken == up.sent)
        #expect(down.taken == down.sent)
        #expect(!up.sent.isEmpty && !down.sent.isEmpty)
        #expect(pair.client.sendablePayload == SessionLimits.framePayload)
        #expect(pair.worker.sendablePayload == SessionLimits.framePayload)
    }

    private func act(
        _ end: inout SessionStream, sending: inout Direction, receiving: inout Direction, _ step: Int,
        _ random: inout SeededGenerator
    ) throws {
        let sendable = end.sendablePayload
        #expect((0...SessionLimits.framePayload).contains(sendable))
        switch random.below(6) {
        case 0, 1:
            let greatest: UInt64 = random.chance(1, in: 4) ? 300_000 : 2_000
            let payload = Array(repeating: UInt8(step & 0xFF), count: 1 + Int(random.below(greatest)))
            let wasSent = end.sendData(payload)
            #expect(wasSent == (payload.count <= sendable))
            if wasSent { sending.sent.append(payload) }
        case 2:
            end.send { unsent in
                let count = Int(random.below(UInt64(unsent.count) + 1))
                sending.pipe.append(contentsOf: UnsafeRawBufferPointer(rebasing: unsent[..<count]))
                return count
            }
        case 3:
            let count = Int(random.below(UInt64(receiving.pipe.count) + 1))
            try end.received(receiving.pipe[..<count])
            receiving.pipe.removeFirst(count)
        case 4: take(from: &end, into: &receiving, atMost: Int(random.below(5)))
        default: end.ping(UInt64(step))
        }
    }

    /// Delivers all that is under way.
    private func settle(
        _ end: inout SessionStream, sending: inout Direction, receiving: inout Direction
    ) throws {
        try end.received(receiving.pipe)
        receiving.pipe = []
        take(from: &end, into: &receiving, atMost: .max)
        sending.pipe += end.takeUnsent()
    }

    private func take(from end: inout SessionStream, into direction: inout Direction, atMost count: Int) {
        var left = count
        while left > 0, let event = end.nextEvent() {
            if case .data(let payload) = event { direction.taken.append(payload) }
            left -= 1
        }
    }
}
