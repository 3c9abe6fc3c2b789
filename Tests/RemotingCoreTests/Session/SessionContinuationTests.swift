import RemotingCore
import Testing

@Suite struct SessionContinuationTests {
    @Test func aStreamGoesOnInAnotherProcess() throws {
        var pair = SessionFixture()
        pair.client.ping(1)
        try pair.worker.received(pair.client.takeUnsent())
        pair.worker.announce(SessionFixture.slice)
        try pair.client.received(pair.worker.takeUnsent())
        #expect(pair.client.takeEvents() == [.pong(1), .sliceChanged(SessionFixture.slice)])

        var successor = SessionStream(resuming: try #require(pair.client.continuation()))
        #expect(successor.slice == SessionFixture.slice)
        successor.expectToSend([1, 2, 3])
        try pair.worker.received(successor.takeUnsent())
        #expect(pair.worker.takeEvents() == [.data([1, 2, 3])])
        pair.worker.expectToSend([4])
        try successor.received(pair.worker.takeUnsent())
        #expect(successor.takeEvents() == [.data([4])])
    }

    @Test func aStreamIsNotHandedOverInTheMiddleOfSomething() throws {
        var pair = SessionFixture()
        #expect(pair.client.continuation() != nil)
        pair.client.ping(1)
        #expect(pair.client.continuation() == nil)
        try pair.worker.received(pair.client.takeUnsent())
        #expect(pair.client.continuation() == nil)
        let pong = pair.worker.takeUnsent()
        try pair.client.received(pong[..<10])
        #expect(pair.client.continuation() == nil)
        try pair.client.received(pong[10...])
        #expect(pair.client.continuation() == nil)
        _ = pair.client.takeEvents()
        #expect(pair.client.continuation() != nil)
        pair.client.goAway(SessionFarewell(.finished, ""))
        _ = pair.client.takeUnsent()
        #expect(pair.client.continuation() == nil)
    }
}
