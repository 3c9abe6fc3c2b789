import RemotingCore
import Testing

@Suite("A worker says which requests have ended")
struct CompletedRequestsTests {
    @Test("by a frame of its own, of which a client hears; of two that it did not take, of the later")
    func isHeard() throws {
        var pair = SessionFixture()
        pair.worker.announce(completed: 0x0102)
        let bytes = pair.worker.takeUnsent()
        #expect(hex(bytes) == hex(hex("08000000 08 00 0000 0000000000000000 0000000000000000 0201000000000000")))
        try pair.client.received(bytes)
        pair.client.expectToSend([1])
        try pair.worker.received(pair.client.takeUnsent())
        pair.worker.announce(completed: 0x0103)
        try pair.client.received(pair.worker.takeUnsent())
        #expect(pair.client.takeEvents() == [.completed(0x0103)])
        #expect(pair.client.completed == 0x0103)
    }

    @Test("of which one at most is under way, and none that is no news")
    func isBounded() throws {
        var pair = SessionFixture()
        pair.worker.announce(completed: 5)
        let isNext = pair.worker.canAnnounceCompleted
        #expect(!isNext)
        let first = pair.worker.takeUnsent()
        for number in 6..<1_000 as Range<UInt64> { pair.worker.announce(completed: number) }
        #expect(pair.worker.takeUnsent() == [])
        try pair.client.received(first)
        pair.client.ping(1)
        try pair.worker.received(pair.client.takeUnsent())
        _ = pair.worker.takeUnsent()
        for number in [3, 5] as [UInt64] { pair.worker.announce(completed: number) }
        #expect(pair.worker.takeUnsent() == [])
        pair.worker.announce(completed: 6)
        #expect(pair.worker.takeUnsent().count == 32)
    }

    @Test("to no client that has agreed on an earlier revision", arguments: [1, 2] as [UInt16])
    func isOfRevisionThree(revision: UInt16) throws {
        let window = SessionLimits.leastWindow
        var worker = SessionStream(
            role: .worker, sendWindow: window, receiveWindow: window, slice: .zero, revision: revision)
        worker.announce(completed: 1)
        #expect(worker.takeUnsent() == [])
        var client = SessionStream(
            role: .client, sendWindow: window, receiveWindow: window, slice: .zero, revision: revision)
        var pair = SessionFixture()
        pair.worker.announce(completed: 1)
        let bytes = pair.worker.takeUnsent()
        #expect(throws: RemotingError.self) { try client.received(bytes) }
    }

    @Test("A number that does not rise is the worker's fault, and any of a client's is that one's")
    func isChecked() throws {
        let first = hex("08000000 08 00 0000 0000000000000000 0000000000000000 0500000000000000")
        for last in ["05", "04", "00"] {
            var pair = SessionFixture()
            try pair.client.received(first)
            let second = hex("08000000 08 00 0000 0100000000000000 0000000000000000 \(last)00000000000000")
            #expect { try pair.client.received(second) } throws: { ($0 as? RemotingError)?.code == .unexpected }
            #expect(pair.client.isEnded)
        }
        var pair = SessionFixture()
        #expect(throws: RemotingError.self) { try pair.worker.received(first) }
        #expect(throws: RemotingError.self) {
            try pair.client.received(hex("04000000 08 00 0000 0000000000000000 0000000000000000 05000000"))
        }
    }
}
