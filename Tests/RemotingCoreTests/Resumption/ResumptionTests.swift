import Determinism
import RemotingCore
import Testing

@Suite("A session goes on over another connection with nothing lost or taken twice")
struct ResumptionTests {
    /// Both ends send a little, of every kind.
    private func converse(_ pair: inout BrokenConnections) {
        pair.sendUp([1, 2, 3])
        pair.client.ping(4)
        pair.sendUp(Array(repeating: 5, count: 40))
        pair.sendDown([6])
        pair.worker.announce(SessionSlice(memory: 7, compute: 8))
        pair.complete(12)
        pair.sendDown(Array(repeating: 9, count: 30))
    }

    @Test("wherever it breaks, toward the worker")
    func everyOffsetUp() throws {
        var whole = try BrokenConnections()
        converse(&whole)
        whole.transmit()
        for offset in 0...whole.up.count {
            var pair = whole
            try pair.deliver(up: offset, down: offset % 40)
            try pair.comeBack(losingAnswers: offset % 3)
            pair.sendUp([10])
            try pair.settle()
            pair.expectAllTaken()
            #expect(pair.client.slice == SessionSlice(memory: 7, compute: 8))
        }
    }

    @Test("wherever it breaks, toward the client, also a second time")
    func everyOffsetDown() throws {
        var whole = try BrokenConnections()
        converse(&whole)
        whole.transmit()
        for offset in 0...whole.down.count {
            var pair = whole
            try pair.deliver(up: offset % 60, down: offset)
            try pair.comeBack()
            pair.transmit()
            try pair.deliver(up: offset % 50, down: offset % 70)
            try pair.comeBack(losingAnswers: offset % 2)
            pair.sendDown([11])
            try pair.settle()
            pair.expectAllTaken()
        }
    }

    @Test("however often it breaks while both send at random", arguments: 1...12 as ClosedRange<UInt64>)
    func atRandom(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var pair = try BrokenConnections()
        func payload(_ step: Int) -> [UInt8] {
            let greatest: UInt64 = random.chance(1, in: 5) ? 300_000 : 3_000
            return [UInt8](repeating: UInt8(step & 0xFF), count: 1 + Int(random.below(greatest)))
        }
        for step in 0..<400 {
            switch random.below(13) {
            case 12: pair.complete(UInt64(step))
            case 0, 1: pair.sendUp(payload(step))
            case 2, 3: pair.sendDown(payload(step))
            case 4: pair.client.ping(UInt64(step))
            case 5: pair.worker.announce(SessionSlice(memory: UInt64(step), compute: 1))
            case 6, 7: pair.transmit()
            case 8, 9:
                let counts = [pair.up.count, pair.down.count].map { Int(random.below(UInt64($0) + 1)) }
                try pair.deliver(up: counts[0], down: counts[1])
            case 10:
                pair.takeUp(atMost: Int(random.below(4)))
                pair.takeDown(atMost: Int(random.below(4)))
            default:
                let counts = [pair.up.count, pair.down.count].map { Int(random.below(UInt64($0) + 1)) }
                try pair.deliver(up: counts[0], down: counts[1])
                try pair.comeBack(losingAnswers: Int(random.below(3)))
            }
        }
        try pair.settle()
        pair.expectAllTaken()
        try pair.replayStaleHellos()
        #expect(pair.breaks > 5 && !pair.heard.isEmpty && !pair.sentUp.isEmpty && !pair.sentDown.isEmpty)
        #expect(pair.client.sendablePayload == SessionLimits.framePayload)
        #expect(pair.worker.sendablePayload == SessionLimits.framePayload)
    }

    @Test("with a large transfer that was not copied: from its memory while it is there, from a copy afterwards")
    func borrows() throws {
        for taken in [0, 10, 40, 5_000, 60_000] {
            var pair = try BrokenConnections()
            var bulk = (0..<50_000).map { UInt8(truncatingIfNeeded: $0) }
            let original = bulk
            bulk.withUnsafeMutableBytes { memory in
                let isSent = pair.client.sendData([1], borrowing: UnsafeRawBufferPointer(memory)) { first, second in
                    min(taken, first.count + second.count)
                }
                #expect(isSent)
                pair.client.settle()
                for index in memory.indices { memory[index] = 0 }
            }
            try pair.comeBack()
            try pair.settle()
            #expect(pair.takenUp == [[1] + original])
        }
    }

    @Test("and memory that has an owner is held until the peer has it, and no longer")
    func holdsOwners() throws {
        final class Owner {
            let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 20_000, alignment: 1)
            deinit { memory.deallocate() }
        }
        var pair = try BrokenConnections()
        weak var seen: Owner?
        do {
            let owner = Owner()
            seen = owner
            for index in owner.memory.indices { owner.memory[index] = 3 }
            let isSent = pair.worker.sendData(
                [1], borrowing: UnsafeRawBufferPointer(owner.memory), owner: owner
            ) { $0.count + $1.count }
            #expect(isSent)
        }
        pair.worker.settle()
        try pair.comeBack()
        try pair.settle()
        #expect(pair.takenDown == [[1] + [UInt8](repeating: 3, count: 20_000)])
        pair.sendUp([1])
        try pair.settle()
        #expect(seen == nil)
    }

    @Test("frames that come again are dropped: a sender may begin before what its peer lacks")
    func dropsRepeated() throws {
        var pair = try BrokenConnections()
        pair.sendUp([1])
        pair.sendUp([2])
        pair.transmit()
        try pair.deliver(up: 26, down: 0)
        // The client does not know what has arrived, and sends all again.
        try pair.worker.resume(from: pair.client.received)
        try pair.client.resume(from: 1)
        pair.up = []
        try pair.settle()
        pair.expectAllTaken()
    }

    @Test("but a gap ends it, with a word: what is no longer kept, was never sent, or does not follow")
    func refusesGaps() throws {
        var pair = try BrokenConnections()
        for number in 0..<3 as Range<UInt8> { pair.sendUp([number]) }
        try pair.settle()
        pair.sendDown([1])
        try pair.settle()
        let isKept = pair.client.canResume(from: 1)
        #expect(!isKept)
        #expect { try pair.client.resume(from: 1) } throws: { ($0 as? RemotingError)?.code == .sequenceBroken }
        #expect(pair.client.isEnded)

        var ahead = try BrokenConnections()
        #expect { try ahead.worker.resume(from: 100) } throws: { ($0 as? RemotingError)?.code == .sequenceBroken }

        var skipping = try BrokenConnections()
        for number in 0..<3 as Range<UInt8> { skipping.sendUp([number]) }
        skipping.transmit()
        try skipping.worker.resume(from: skipping.client.received)
        let secondFrame = Array(skipping.up.dropFirst(25))
        #expect { try skipping.worker.received(secondFrame) } throws: {
            ($0 as? RemotingError)?.code == .sequenceBroken
        }
    }

    @Test("a stream that keeps nothing cannot be resumed, and one that stops lets go")
    func keepsOnlyWhenTold() throws {
        var plain = SessionFixture()
        let isKept = plain.client.canResume(from: 0)
        #expect(!isKept)
        plain.client.expectToSend([1])
        _ = plain.client.takeUnsent()
        #expect(throws: RemotingError.self) { try plain.client.resume(from: 0) }

        var pair = try BrokenConnections()
        pair.sendUp([1])
        pair.client.stopKeeping()
        try pair.settle()
        pair.expectAllTaken()
        let isStillKept = pair.client.canResume(from: 2)
        #expect(!isStillKept)
    }

    @Test("what is kept is bounded: of a peer that acknowledges nothing the control frames are not kept for ever")
    func isBounded() throws {
        var pair = try BrokenConnections()
        for memory in 0..<7_000 as Range<UInt64> {
            for _ in 0..<10 { pair.worker.announce(SessionSlice(memory: memory, compute: 1)) }
            pair.transmit()
        }
        pair.down = []
        let isKept = pair.worker.canResume(from: pair.client.received)
        #expect(!isKept)
        // The session itself goes on.
        pair.sendUp([1])
        pair.transmit()
        try pair.deliver(up: .max, down: 0)
        pair.takeUp()
        #expect(pair.takenUp == [[1]])
    }

    @Test("an offer comes once, from a client, and is answered once")
    func offersOnce() throws {
        var pair = try BrokenConnections()
        #expect(pair.worker.resumptionKey == BrokenConnections.key)
        #expect(pair.client.graceMilliseconds == 10_000)
        let second = "10000000 10 00 0000 0100000000000000 0000000000000000 000102030405060708090a0b0c0d0e0f"
        #expect(throws: RemotingError.self) { try pair.worker.received(hex(second)) }
        let unasked = "04000000 11 00 0000 0000000000000000 0000000000000000 01000000"
        var plain = SessionFixture()
        #expect(throws: RemotingError.self) { try plain.client.received(hex(unasked)) }
        #expect(throws: RemotingError.self) { try plain.worker.received(hex(unasked)) }
    }
}
