import RemotingCore
import Testing

@Suite("The switch from a socket to shared memory")
struct SharedMemorySwitchTests {
    @Test("The client says it, the worker answers, and each hears it once")
    func switches() throws {
        var pair = SessionFixture()
        pair.client.expectToSend([1])
        pair.client.switchToSharedMemory()
        let bytes = pair.client.takeUnsent()
        let expected =
            "01000000 01 00 0000 0000000000000000 0000000000000000 01"
            + "00000000 07 00 0000 0100000000000000 0000000000000000"
        #expect(hex(bytes) == hex(hex(expected)))
        try pair.worker.received(bytes)
        #expect(pair.worker.takeEvents() == [.data([1]), .peerSwitched])
        pair.worker.switchToSharedMemory()
        try pair.client.received(pair.worker.takeUnsent())
        #expect(pair.client.takeEvents() == [.peerSwitched])
        // The stream goes on, its numbers too.
        pair.worker.expectToSend([2])
        try pair.client.received(pair.worker.takeUnsent())
        #expect(pair.client.takeEvents() == [.data([2])])
    }

    @Test("Doorbells behind the switch are no frames")
    func dropsBells() throws {
        var pair = SessionFixture()
        pair.client.switchToSharedMemory()
        try pair.worker.received(pair.client.takeUnsent() + [0, 0, 0])
        pair.client.expectToSend([7])
        try pair.worker.received(pair.client.takeUnsent())
        #expect(pair.worker.takeEvents() == [.peerSwitched, .data([7])])
    }

    @Test("A second switch, and a worker's that was not asked for, are the peer's fault")
    func outOfTurn() throws {
        var pair = SessionFixture()
        pair.client.switchToSharedMemory()
        let bytes = pair.client.takeUnsent()
        try pair.worker.received(bytes)
        var again = bytes
        again[8] = 1
        #expect(throws: RemotingError.self) { try pair.worker.received(again) }

        var other = SessionFixture()
        #expect(throws: RemotingError.self) { try other.client.received(bytes) }
    }

    @Test("A client that has agreed on revision 1 has no memory to switch to")
    func isOfRevisionTwo() throws {
        var worker = SessionStream(
            role: .worker, sendWindow: SessionLimits.leastWindow, receiveWindow: SessionLimits.leastWindow,
            slice: .zero, revision: 1)
        var pair = SessionFixture()
        pair.client.switchToSharedMemory()
        let bytes = pair.client.takeUnsent()
        #expect(throws: RemotingError.self) { try worker.received(bytes) }
    }

    @Test("What a writer takes of a payload is not kept, the rest is", arguments: [0, 10, 26, 27, 100, 126])
    func gathers(taken: Int) throws {
        var pair = SessionFixture()
        let bulk = (0..<100).map { UInt8($0) }
        var written: [UInt8] = []
        let isTaken = bulk.withUnsafeBytes { bytes in
            let isTaken = pair.client.sendData([200, 201], borrowing: bytes) { first, second in
                written = Array((Array(first) + Array(second)).prefix(taken))
                return written.count
            }
            pair.client.settle()
            return isTaken
        }
        #expect(isTaken)
        try pair.worker.received(written + pair.client.takeUnsent())
        #expect(pair.worker.takeEvents() == [.data([200, 201] + bulk)])
    }
}
